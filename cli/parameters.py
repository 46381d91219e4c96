"""The options that describe an accelerator: one table, from which every command takes its own.

Each option is named after its field of `Parameters`.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..runtime.folders import VARIABLE
from ..spec.parameters import Parameters
from ..spec.weight_widths import WIDTHS
from .groups import Group

__all__ = [
    "ARRAY", "MEMORY", "Cache", "Hardware", "fitted", "for_network", "generated", "generated_from",
    "swept",
]  # fmt: skip

ARRAY, MEMORY, HOW = "Array", "Memory", "How it is built"
SWEPT = "Swept, comma-separated; the target's choice if not given"
_SIZE = ("rows", "cols", "lanes")
_KEYWORD = inspect.Parameter.KEYWORD_ONLY
#: Options by the field of `Parameters`, if they are not named after it.
_NAMES = {"weight_bits": "array_weight_bits"}


@dataclass(frozen=True)
class _Option:
    """An option, as the commands show it.

    Parameters
    ----------
    help : str
        Where the hardware is generated as asked for.
    short : str
        What it is, for `synth`, where 0 stands for what fits the target, and for `explore`.
    panel : str
        Heading in `--help`.
    if_needed : str
        For a switch that a network decides on where it is not given.
    fitted, swept : str
        In place of `short`, for `synth` and for `explore`.
    flag : str
        Of a switch that cannot be switched off.
    """

    help: str
    short: str = ""
    panel: str = ARRAY
    if_needed: str = ""
    fitted: str = ""
    swept: str = ""
    flag: str = ""


_AS_FOR = "As for `maccord verilog`."
_WIDEST = "Width of the widest window of a depthwise layer, cells"
_OPTIONS = {
    "rows": _Option("Rows of the array, along the reduction: 4 to 64.", "Rows of the array"),
    "cols": _Option("Columns of the array, output channels: 2 to 64.", "Columns of the array"),
    "lanes": _Option(
        "Requantizer lanes, a divisor of the columns; 0: one per column.",
        fitted="Requantizer lanes, a divisor of the columns; 0: one per column.",
        swept="Requantizer lanes, divisors of the columns; 0: one per column.",
    ),
    "axi_bytes": _Option(
        "AXI data bus width, bytes: 8, 16, 32 or 64.", "AXI data bus width, bytes", MEMORY
    ),
    "activation_bytes": _Option(
        "Activation scratchpad, bytes: a power of two, 2048 to 4194304.",
        *("Activation scratchpad, bytes", MEMORY),
    ),
    "weight_bytes": _Option(
        "Weight scratchpad, bytes: a power of two, 1024 to 4194304.",
        *("Weight scratchpad, bytes", MEMORY),
    ),
    "output_bytes": _Option(
        "Output scratchpad, bytes: a power of two, 1024 to 4194304.",
        *("Output scratchpad, bytes", MEMORY),
    ),
    "accumulators": _Option(
        "Pixels per tile (accumulator depth): a power of two, 16 to 65536.",
        *("Pixels per tile (accumulator depth)", MEMORY),
    ),
    "line_cells": _Option(
        "Line buffer depth for depthwise layers and max pools, cells: a power of two, 16 to 4096.",
        *("Line buffer depth, cells", MEMORY),
    ),
    "family": _Option(
        "Whose primitives are instantiated: generic (plain Verilog), ecp5, xc7, xcup.",
        fitted="FPGA family of the instantiated primitives; the target's if not given.",
        swept="Family of the instantiated primitives.",
    ),
    "packed": _Option(
        "With `--family xcup`, or `ecp5` and `--array-weight-bits` 4 or 2: two columns to a "
        "multiplier block, an even number of columns, no windows for depthwise layers.",
        fitted=_AS_FOR,
        swept="`no`, `yes` or both: two columns to a multiplier block, `xcup` or narrow `ecp5`.",
        flag="--packed",
    ),
    "product": _Option(
        "Hardware that multiplies two tensors, as squeeze-and-excitation needs.",
        if_needed="Hardware that multiplies two tensors; if not given, where the network needs it.",
        fitted=_AS_FOR,
        swept="`no`, `yes` or both: hardware that multiplies two tensors.",
    ),
    "lookup": _Option(
        "Hardware with a table of 256 bytes a column, for activations that are no clamps.",
        if_needed="Hardware with a table of 256 bytes a column; if not given, where the network "
        "needs it.",
        fitted=_AS_FOR,
        swept="`no`, `yes` or both: a table of 256 bytes a column.",
    ),
    "window_width": _Option(
        f"{_WIDEST}: 3, or 5 with 15 rows or more; 5 x 5 kernels then take half the passes.",
        fitted=f"{_WIDEST}: 5, or 3 if not given.",
        swept=f"{_WIDEST}: 3, 5 or both.",
    ),
    "narrow": _Option(
        "Hardware that stores weights of 4 and 2 bits packed.",
        if_needed="Hardware that stores weights of 4 and 2 bits packed; if not given, where the "
        "network has such weights.",
        fitted=_AS_FOR,
        swept="`no`, `yes` or both: weights of 4 and 2 bits stored packed.",
    ),
    "half_up": _Option(
        "Hardware whose sums can round ties upwards, as XNNPACK's do.",
        if_needed="Hardware whose sums can round ties upwards, as XNNPACK's do; if not given, "
        "where the network has such sums.",
        fitted=_AS_FOR,
        swept="`no`, `yes` or both: sums that can round ties upwards.",
    ),
    "weight_bits": _Option(
        "Bits of the widest weights that the array multiplies by: 8, 4 or 2. 4 and 2 imply "
        "`--narrow`.",
        fitted="As for `maccord verilog`: 4 or 2, or 8 if not given.",
        swept="Widest weights that the array multiplies by, bits: 8, 4, 2 or several. Cycles are "
        "those of the network trained at that width, all layers.",
    ),
    "gather": _Option(
        "Hardware that takes weights from a tensor in memory, as attention needs.",
        if_needed="Hardware that takes weights from a tensor in memory; if not given, where the "
        "network needs it.",
        fitted=_AS_FOR,
        swept="`no`, `yes` or both: weights from a tensor in memory.",
    ),
    "row_lanes": _Option(
        "Elements of a row that softmax and layer norm take at once: a power of two up to the bus "
        "width; 0: hardware without either.",
        if_needed="Elements of a row that softmax and layer norm take at once: a power of two up "
        "to the bus width; if not given, the bus width where the network needs it.",
        fitted=_AS_FOR,
        swept="Elements of a row that softmax and layer norm take at once; 0: neither.",
    ),
    "row_elements": _Option(
        "Longest row of softmax and layer norm, elements: a power of two, 4 to 65536.",
        fitted="Longest row of softmax and layer norm, elements; 1024 if not given.",
        swept="Longest row of softmax and layer norm, elements.",
    ),
}
_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Parameters)}


@dataclass(frozen=True)
class Hardware:
    """The accelerator that the options describe; a network may decide on some switches.

    Parameters
    ----------
    chosen : dict of str to int, str, bool or None
        By field of `Parameters`. None: the network decides.
    given : frozenset of str
        Fields whose options were given.
    """

    chosen: dict[str, Any]
    given: frozenset[str]

    def parameters(self, *, family: str | None = None) -> Parameters:
        """Return the parameters, with the switches that the network decides on off.

        Weights below 8 bits switch `narrow` on, unless that was given.

        Parameters
        ----------
        family : str, optional
            The family if that was not given.

        Raises
        ------
        ValueError
            If they are no accelerator's.
        """
        chosen: dict[str, Any] = {
            n: _DEFAULTS[n] if v is None else v for n, v in self.chosen.items()
        }
        if "narrow" not in self.given:
            chosen["narrow"] = chosen["weight_bits"] in WIDTHS[1:]
        if family is not None and "family" not in self.given:
            chosen["family"] = family
        return Parameters(**chosen)

    @property
    def switches(self) -> tuple[str, ...]:
        """Fields that the network decides on."""
        return tuple(name for name, value in self.chosen.items() if value is None)


@dataclass(frozen=True)
class _Shown:
    """An option as one command shows it; `kind` is its type, `switch` its declaration if any."""

    kind: Any
    default: object
    help: str
    panel: str
    switch: str | None = None


def _group(make: Callable[[Hardware], object], shown: Callable[[str], _Shown]) -> Group:
    """Return a group of the options, shown in a command's own way."""
    names = {_NAMES.get(field, field): field for field in _DEFAULTS}

    def group(context: typer.Context, **values: object) -> object:
        sources = {field: context.get_parameter_source(name) for name, field in names.items()}
        given = [field for field, source in sources.items() if source and source.name != "DEFAULT"]
        chosen = {names[name]: value for name, value in values.items()}
        return make(Hardware(chosen, frozenset(given)))

    options = [_declared(name, shown(field)) for name, field in names.items()]
    signature = inspect.Signature([inspect.Parameter("context", _KEYWORD), *options])
    group.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return group


def _declared(name: str, shown: _Shown) -> inspect.Parameter:
    declarations = filter(None, [shown.switch])
    info = typer.Option(*declarations, help=shown.help, rich_help_panel=shown.panel)
    annotation = Annotated[shown.kind, info]
    return inspect.Parameter(name, _KEYWORD, default=shown.default, annotation=annotation)


def _switch(field: str) -> str | None:
    name = field.replace("_", "-")
    is_switch = isinstance(_DEFAULTS[field], bool)
    return _OPTIONS[field].flag or f"--{name}/--no-{name}" if is_switch else None


def _generated(field: str) -> _Shown:
    option, default = _OPTIONS[field], _DEFAULTS[field]
    return _Shown(type(default), default, option.help, option.panel, _switch(field))


def generated_from(**defaults: int) -> Group:
    """Return a group like `generated` with other defaults, by field of `Parameters`."""

    def shown(field: str) -> _Shown:
        option = _generated(field)
        return replace(option, default=defaults.get(field, option.default))

    return _group(Hardware.parameters, shown)


def _for_network(field: str) -> _Shown:
    option = _OPTIONS[field]
    if not option.if_needed:
        return _generated(field)
    return _Shown(
        type(_DEFAULTS[field]) | None, None, option.if_needed, option.panel, _switch(field)
    )


def _fitted(field: str) -> _Shown:
    option, kind = _OPTIONS[field], type(_DEFAULTS[field])
    text = option.fitted or f"{option.short}; 0: what fits the target."
    in_size = field in _SIZE or option.panel == MEMORY
    return _Shown(kind, kind(), text, option.panel if in_size else HOW, _switch(field))


def _swept(field: str) -> _Shown:
    option = _OPTIONS[field]
    return _Shown(str, "", option.swept or f"{option.short}.", SWEPT)


def _not_fitted(hardware: Hardware) -> dict[str, Any]:
    chosen = {name: value for name, value in hardware.chosen.items() if value}
    if chosen.get("weight_bits", WIDTHS[0]) != WIDTHS[0]:
        chosen["narrow"] = True
    return chosen


def _axes(hardware: Hardware) -> dict[str, str]:
    return {name: text for name, text in hardware.chosen.items() if text}


#: `Parameters` of the hardware that is generated.
generated = generated_from()
#: `Hardware` for a network, which decides on the switches that are not given.
for_network = _group(lambda hardware: hardware, _for_network)
#: Dictionary of the fields that a target of synthesis does not decide on.
fitted = _group(_not_fitted, _fitted)
#: Dictionary of the fields to sweep, each with comma-separated values.
swept = _group(_axes, _swept)


def _use_cache(folder: Path | None) -> Path | None:
    """Set the cache folder for this process and its children."""
    if folder is not None:
        os.environ[VARIABLE] = str(folder.expanduser().absolute())
    return folder


Cache = Annotated[
    Path | None,
    typer.Option(
        help=f"Cache folder; if not given, {VARIABLE}, or else `maccord` in the user's cache "
        "folder.",
        callback=_use_cache,
        rich_help_panel="Output",
    ),
]
