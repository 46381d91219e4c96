"""Instance names of the accelerator, from a table, as elaboration takes seconds.

The table is the result of `computed`, written by ``python -m maccord.synth.unit_names``. ``#``
stands for a number in a name: the count depends on the configuration, the names do not.
"""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from ..spec.parameters import Parameters

__all__ = ["check_unit", "computed", "known"]

_TABLE = Path(__file__).with_name("unit_names.json")
_NUMBER = re.compile(r"\d+")
#: Instances that a switch of the hardware brings.
_SWITCHED = {
    "lookup": ("core.compute.lookup", "core.compute.table_loader"),
    "product": ("core.compute.product",),
    "row_lanes": ("core.rows",),
    "gather": ("core.weight.loader", "core.weight.buffer"),
}


@cache
def known() -> tuple[str, ...]:
    """Return the names of all instances, from the accelerator down."""
    return tuple(json.loads(_TABLE.read_text()))


def check_unit(unit: str, parameters: Parameters) -> None:
    """Reject an instance that does not exist in any configuration or in this one.

    Parameters
    ----------
    unit : str
        E.g. ``core.compute.datapath.requantizer_0``; empty for the whole accelerator.
    parameters : Parameters

    Raises
    ------
    ValueError
        The message suggests the nearest names.
    """
    if not unit:
        return
    general = _NUMBER.sub("#", unit)
    if general not in known():
        near = get_close_matches(general, known(), 1, cutoff=0.0)[0].replace("#", "0")
        raise ValueError(
            f"unit must be an instance of the accelerator, got {unit!r} (nearest: {near})"
        )
    for switch, names in _SWITCHED.items():
        if general.startswith(names) and not getattr(parameters, switch):
            option = switch.replace("_", "-")
            raise ValueError(f"unit needs {switch} (--{option}), got {unit!r} without it")
    sizes = {
        "core.compute.datapath.accumulator_#": [parameters.cols],
        "core.compute.datapath.requantizer_#": [parameters.lanes or parameters.cols],
        "core.compute.datapath.array.element_#_#": [parameters.rows, parameters.cols],
    }
    for number, size in zip(map(int, _NUMBER.findall(unit)), sizes.get(general, []), strict=False):
        if number >= size:
            raise ValueError(f"unit must have numbers below {size} in {general}, got {unit!r}")


def computed(design: str) -> tuple[str, ...]:
    """Compute the same table from a design.

    Parameters
    ----------
    design : str
        RTLIL from `maccord.synth.design.rtlil_of`.
    """
    found = re.findall(r"^module \\top\.accelerator\.(\S+)$", design, re.MULTILINE)
    return tuple(sorted({_NUMBER.sub("#", name) for name in found}))


if __name__ == "__main__":
    from .design import rtlil_of

    plain = Parameters(rows=4, cols=4, lookup=True, product=True)
    wide = Parameters(rows=4, cols=4, lookup=True, product=True, row_lanes=4, gather=True)
    # The weight unit is another one with `gather`
    names = sorted({name for each in (plain, wide) for name in computed(rtlil_of(each))})
    _TABLE.write_text(json.dumps(names, indent=1) + "\n")
