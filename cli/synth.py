"""`maccord synth`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .parameters import option_of

__all__ = ["synth"]

_ARRAY, _MEMORY, _HOW, _OUTPUT = "Array", "Memory", "How it is built", "Output"
_FITS = "0: what fits the target."


def synth(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Option(
            help="`ecp5-25k`, `ecp5-45k`, `ecp5-85k` (placed and routed), `xc7`, `xcup` "
            "(UltraScale+), `asic` (gate equivalents).",
            rich_help_panel=_HOW,
        ),
    ],
    rows: Annotated[
        int, typer.Option(help=f"Rows of the array; {_FITS}", rich_help_panel=_ARRAY)
    ] = 0,
    cols: Annotated[
        int, typer.Option(help=f"Columns of the array; {_FITS}", rich_help_panel=_ARRAY)
    ] = 0,
    lanes: Annotated[
        int,
        typer.Option(
            help="Requantizer lanes, a divisor of the columns; 0: one per column.",
            rich_help_panel=_ARRAY,
        ),
    ] = 0,
    axi_bytes: Annotated[
        int, typer.Option(help=f"AXI data bus width, bytes; {_FITS}", rich_help_panel=_MEMORY)
    ] = 0,
    activation_bytes: Annotated[
        int,
        typer.Option(help=f"Activation scratchpad, bytes; {_FITS}", rich_help_panel=_MEMORY),
    ] = 0,
    weight_bytes: Annotated[
        int, typer.Option(help=f"Weight scratchpad, bytes; {_FITS}", rich_help_panel=_MEMORY)
    ] = 0,
    output_bytes: Annotated[
        int, typer.Option(help=f"Output scratchpad, bytes; {_FITS}", rich_help_panel=_MEMORY)
    ] = 0,
    accumulators: Annotated[
        int,
        typer.Option(help=f"Pixels per tile (accumulator depth); {_FITS}", rich_help_panel=_MEMORY),
    ] = 0,
    line_cells: Annotated[
        int,
        typer.Option(help=f"Line buffer depth, cells; {_FITS}", rich_help_panel=_MEMORY),
    ] = 0,
    family: Annotated[
        str,
        typer.Option(
            help="FPGA family of the instantiated primitives; the target's if not given.",
            rich_help_panel=_HOW,
        ),
    ] = "",
    packed: Annotated[
        bool,
        typer.Option("--packed", help="As for `maccord verilog`.", rich_help_panel=_HOW),
    ] = False,
    product: Annotated[
        bool,
        typer.Option(
            "--product/--no-product", help="As for `maccord verilog`.", rich_help_panel=_HOW
        ),
    ] = False,
    lookup: Annotated[
        bool,
        typer.Option(
            "--lookup/--no-lookup", help="As for `maccord verilog`.", rich_help_panel=_HOW
        ),
    ] = False,
    window_width: Annotated[
        int,
        typer.Option(
            help="Width of the widest window of a depthwise layer, cells: 5, or 3 if not given.",
            rich_help_panel=_HOW,
        ),
    ] = 0,
    narrow: Annotated[
        bool,
        typer.Option(
            "--narrow/--no-narrow", help="As for `maccord verilog`.", rich_help_panel=_HOW
        ),
    ] = False,
    half_up: Annotated[
        bool,
        typer.Option(
            "--half-up/--no-half-up", help="As for `maccord verilog`.", rich_help_panel=_HOW
        ),
    ] = False,
    array_weight_bits: Annotated[
        int,
        typer.Option(
            help="As for `maccord verilog`: 4 or 2, or 8 if not given.", rich_help_panel=_HOW
        ),
    ] = 0,
    seeds: Annotated[
        str,
        typer.Option(
            help="Seeds for place and route, comma-separated. fmax varies by 10 % between them, "
            "and not every seed routes.",
            rich_help_panel=_HOW,
        ),
    ] = "2",
    speed: Annotated[
        int, typer.Option(help="Speed grade of the ECP5: 6 to 8.", rich_help_panel=_HOW)
    ] = 6,
    mhz: Annotated[
        float, typer.Option(help="Clock target of place and route.", rich_help_panel=_HOW)
    ] = 130.0,
    jobs: Annotated[
        int, typer.Option(help="Seeds in parallel; 0: one per processor.", rich_help_panel=_HOW)
    ] = 0,
    unit: Annotated[
        str,
        typer.Option(
            help="Build one instance alone, e.g. `core.compute.adder`; takes seconds.",
            rich_help_panel=_HOW,
        ),
    ] = "",
    json: Annotated[
        Path | None,
        typer.Option(help="Also write the results to this file.", rich_help_panel=_OUTPUT),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of results.", rich_help_panel=_OUTPUT)] = Path(
        "build/synth"
    ),
) -> None:
    """Synthesize the accelerator with open tools: resources by block, and fmax where routed.

    Needs the extra: `pip install 'maccord[synth]'`. Some configurations have baseline figures:
    growth by more than 10 %, or a slower clock, ends with exit code 1.

    Examples:

    - `maccord synth --target ecp5-85k`

    - `maccord synth --target ecp5-45k --rows 4 --cols 4 --seeds 1`

    - `maccord synth --target xc7 --rows 16 --cols 16`

    - `maccord synth --target ecp5-85k --unit core.compute.datapath.requantizer_0`
    """
    from ..synth.command import SynthesisRequest, run

    names = (
        *("rows", "cols", "lanes", "axi_bytes", "activation_bytes", "weight_bytes"),
        *("output_bytes", "accumulators", "line_cells", "family", "packed", "product", "lookup"),
        *("window_width", "narrow", "half_up", "weight_bits"),
    )
    given = {name: context.params[option_of(name)] for name in names}
    chosen = {name: value for name, value in given.items() if value}
    if array_weight_bits not in (0, 8):
        chosen["narrow"] = True
    raise typer.Exit(
        run(SynthesisRequest(target, chosen, seeds, speed, mhz, jobs, unit, json, out))
    )
