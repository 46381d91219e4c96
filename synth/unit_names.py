"""The instances of the accelerator, from a table: elaborating one takes seconds.

The table is `computed`, written by ``python -m maccord.synth.unit_names``. Numbers in names stand
as ``#``: how many there are depends on the configuration, which names there are does not.
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


@cache
def known() -> tuple[str, ...]:
    """Return the names of all instances, from the accelerator down."""
    return tuple(json.loads(_TABLE.read_text()))


def check_unit(unit: str, parameters: Parameters) -> None:
    """Refuse an instance that no accelerator has, or that this one is too small for.

    Parameters
    ----------
    unit : str
        As ``core.compute.datapath.requantizer_0``; empty for the whole accelerator.
    parameters : Parameters

    Raises
    ------
    ValueError
        The message names the nearest.
    """
    if not unit:
        return
    general = _NUMBER.sub("#", unit)
    if general not in known():
        near = get_close_matches(general, known(), 1, cutoff=0.0)[0].replace("#", "0")
        raise ValueError(
            f"unit must be an instance of the accelerator, got {unit!r} (nearest: {near})"
        )
    sizes = {
        "core.compute.datapath.accumulator_#": [parameters.cols],
        "core.compute.datapath.requantizer_#": [parameters.lanes or parameters.cols],
        "core.compute.datapath.array.element_#_#": [parameters.rows, parameters.cols],
    }
    for number, size in zip(map(int, _NUMBER.findall(unit)), sizes.get(general, []), strict=False):
        if number >= size:
            raise ValueError(f"unit must have numbers below {size} in {general}, got {unit!r}")


def computed(design: str) -> tuple[str, ...]:
    """Return the same from a design.

    Parameters
    ----------
    design : str
        RTLIL, as `maccord.synth.design.rtlil_of` gives it.
    """
    found = re.findall(r"^module \\top\.accelerator\.(\S+)$", design, re.MULTILINE)
    return tuple(sorted({_NUMBER.sub("#", name) for name in found}))


if __name__ == "__main__":
    from .design import rtlil_of

    names = computed(rtlil_of(Parameters(rows=4, cols=4)))
    _TABLE.write_text(json.dumps(names, indent=1) + "\n")
