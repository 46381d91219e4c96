"""Options that describe an accelerator, each named after its field of `Parameters`."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..runtime.folders import VARIABLE

if TYPE_CHECKING:
    from ..spec.parameters import Parameters

__all__ = [
    "ARRAY", "MEMORY", "Accumulators", "ActivationBytes", "ArrayWeightBits", "AxiBytes", "Cache",
    "Cols", "Family", "HalfUp", "HalfUpIfNeeded", "Lanes", "LineCells", "Lookup", "LookupIfNeeded",
    "Narrow", "NarrowIfNeeded", "OutputBytes", "Packed", "Product", "ProductIfNeeded", "Rows",
    "WeightBytes", "WindowWidth", "open_switches", "option_of", "parameters_of",
]  # fmt: skip

ARRAY, MEMORY = "Array", "Memory"
#: Options by the field of `Parameters`, if they are not named after it.
_OPTIONS = {"weight_bits": "array_weight_bits"}

Rows = Annotated[
    int,
    typer.Option(help="Rows of the array, along the reduction: 4 to 64.", rich_help_panel=ARRAY),
]
Cols = Annotated[
    int,
    typer.Option(help="Columns of the array, output channels: 2 to 64.", rich_help_panel=ARRAY),
]
Lanes = Annotated[
    int,
    typer.Option(
        help="Requantizer lanes, a divisor of the columns; 0: one per column.",
        rich_help_panel=ARRAY,
    ),
]
AxiBytes = Annotated[
    int, typer.Option(help="AXI data bus width, bytes: 8, 16, 32 or 64.", rich_help_panel=MEMORY)
]
ActivationBytes = Annotated[
    int,
    typer.Option(
        help="Activation scratchpad, bytes: a power of two, 2048 to 4194304.",
        rich_help_panel=MEMORY,
    ),
]
WeightBytes = Annotated[
    int,
    typer.Option(
        help="Weight scratchpad, bytes: a power of two, 1024 to 4194304.", rich_help_panel=MEMORY
    ),
]
OutputBytes = Annotated[
    int,
    typer.Option(
        help="Output scratchpad, bytes: a power of two, 1024 to 4194304.", rich_help_panel=MEMORY
    ),
]
Accumulators = Annotated[
    int,
    typer.Option(
        help="Pixels per tile (accumulator depth): a power of two, 16 to 65536.",
        rich_help_panel=MEMORY,
    ),
]
Family = Annotated[
    str,
    typer.Option(
        help="Whose primitives are instantiated: generic (plain Verilog), ecp5, xc7, xcup.",
        rich_help_panel=ARRAY,
    ),
]
Packed = Annotated[
    bool,
    typer.Option(
        "--packed",
        help="With `--family xcup`, or `ecp5` and `--array-weight-bits` 4 or 2: two columns to a "
        "multiplier block, an even number of columns, no windows for depthwise layers.",
        rich_help_panel=ARRAY,
    ),
]
Lookup = Annotated[
    bool,
    typer.Option(
        "--lookup/--no-lookup",
        help="Hardware with a table of 256 bytes a column, for activations that are no clamps.",
        rich_help_panel=ARRAY,
    ),
]
LookupIfNeeded = Annotated[
    bool | None,
    typer.Option(
        "--lookup/--no-lookup",
        help="Hardware with a table of 256 bytes a column; if not given, where the network needs "
        "it.",
        rich_help_panel=ARRAY,
    ),
]
Narrow = Annotated[
    bool,
    typer.Option(
        "--narrow/--no-narrow",
        help="Hardware that stores weights of 4 and 2 bits packed.",
        rich_help_panel=ARRAY,
    ),
]
NarrowIfNeeded = Annotated[
    bool | None,
    typer.Option(
        "--narrow/--no-narrow",
        help="Hardware that stores weights of 4 and 2 bits packed; if not given, where the network "
        "has such weights.",
        rich_help_panel=ARRAY,
    ),
]
HalfUp = Annotated[
    bool,
    typer.Option(
        "--half-up/--no-half-up",
        help="Hardware whose sums can round ties upwards, as XNNPACK's do.",
        rich_help_panel=ARRAY,
    ),
]
HalfUpIfNeeded = Annotated[
    bool | None,
    typer.Option(
        "--half-up/--no-half-up",
        help="Hardware whose sums can round ties upwards, as XNNPACK's do; if not given, where the "
        "network has such sums.",
        rich_help_panel=ARRAY,
    ),
]
Product = Annotated[
    bool,
    typer.Option(
        "--product/--no-product",
        help="Hardware that multiplies two tensors, as squeeze-and-excitation needs.",
        rich_help_panel=ARRAY,
    ),
]
ProductIfNeeded = Annotated[
    bool | None,
    typer.Option(
        "--product/--no-product",
        help="Hardware that multiplies two tensors; if not given, where the network needs it.",
        rich_help_panel=ARRAY,
    ),
]
ArrayWeightBits = Annotated[
    int,
    typer.Option(
        help="Bits of the widest weights that the array multiplies by: 8, 4 or 2. 4 and 2 imply "
        "`--narrow`.",
        rich_help_panel=ARRAY,
    ),
]
WindowWidth = Annotated[
    int,
    typer.Option(
        help="Width of the widest window of a depthwise layer, cells: 3, or 5 with 15 rows or "
        "more; 5 x 5 kernels then take half the passes.",
        rich_help_panel=ARRAY,
    ),
]
LineCells = Annotated[
    int,
    typer.Option(
        help="Line buffer depth for depthwise layers and max pools, cells: a power of two, 16 to "
        "4096.",
        rich_help_panel=MEMORY,
    ),
]


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


def parameters_of(context: typer.Context, *, family: str | None = None) -> Parameters:
    """Return the accelerator described by a command's options, each named after its field.

    But for `array_weight_bits`, the field `weight_bits`: an option of that name is about a network.
    Below 8 it switches `narrow` on, unless that was given. Switches that were not given are off.
    `family` is the default if the option was not given.
    """
    from ..spec.parameters import Parameters
    from ..spec.weight_widths import WIDTHS

    given = {f.name: context.params[option_of(f.name)] for f in fields(Parameters)}
    chosen: dict[str, Any] = {n: False if value is None else value for n, value in given.items()}
    if _by_default(context, "narrow"):
        chosen["narrow"] = chosen["weight_bits"] in WIDTHS[1:]
    if family is not None and _by_default(context, "family"):
        chosen["family"] = family
    return Parameters(**chosen)


def option_of(field: str) -> str:
    """Return the option's name, as a keyword, for a field of `Parameters`."""
    return _OPTIONS.get(field, field)


def _by_default(context: typer.Context, name: str) -> bool:
    """Whether an option was not given."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "DEFAULT"


def open_switches(context: typer.Context) -> tuple[str, ...]:
    """Return the switches that were not given: the network decides on them."""
    from ..spec.parameters import Parameters

    return tuple(f.name for f in fields(Parameters) if context.params[f.name] is None)
