"""The command line of `maccord synth`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
            help="Requantizer lanes, a divisor of the columns; 0: one a column.",
            rich_help_panel=_ARRAY,
        ),
    ] = 0,
    axi_bytes: Annotated[
        int, typer.Option(help=f"Bytes of the AXI data bus; {_FITS}", rich_help_panel=_MEMORY)
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
        typer.Option(
            help=f"Pixels of a tile in the accumulators; {_FITS}", rich_help_panel=_MEMORY
        ),
    ] = 0,
    line_cells: Annotated[
        int,
        typer.Option(help=f"Cells of a line that is scanned; {_FITS}", rich_help_panel=_MEMORY),
    ] = 0,
    family: Annotated[
        str,
        typer.Option(
            help="Whose cells are instantiated, as for `maccord verilog`; else the target's.",
            rich_help_panel=_HOW,
        ),
    ] = "",
    packed: Annotated[
        bool,
        typer.Option("--packed", help="As for `maccord verilog`; on `xcup`.", rich_help_panel=_HOW),
    ] = False,
    seeds: Annotated[
        str,
        typer.Option(
            help="Seeds of place and route, comma-separated: fmax moves by 10 % with them.",
            rich_help_panel=_HOW,
        ),
    ] = "1,2,3",
    speed: Annotated[
        int, typer.Option(help="Speed grade of the ECP5: 6 to 8.", rich_help_panel=_HOW)
    ] = 6,
    mhz: Annotated[
        float, typer.Option(help="Clock that place and route aims at.", rich_help_panel=_HOW)
    ] = 130.0,
    jobs: Annotated[
        int, typer.Option(help="Seeds at a time; 0: one a processor.", rich_help_panel=_HOW)
    ] = 0,
    unit: Annotated[
        str,
        typer.Option(
            help="Build one instance alone, as `core.compute.adder`: its own timing, in seconds.",
            rich_help_panel=_HOW,
        ),
    ] = "",
    json: Annotated[
        Path | None, typer.Option(help="A copy of the results.", rich_help_panel=_OUTPUT)
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of results.", rich_help_panel=_OUTPUT)] = Path(
        "build/synth"
    ),
) -> None:
    """Synthesize the accelerator with open tools: resources by block, and fmax where there is one.

    Needs the extra: `pip install 'maccord[synth]'`. Of some configurations, figures are recorded:
    growth by more than a tenth, or a slower clock, ends with exit code 1.

    Examples:

    - `maccord synth --target ecp5-85k`

    - `maccord synth --target ecp5-45k --rows 4 --cols 4 --seeds 1`

    - `maccord synth --target xc7 --rows 16 --cols 16`

    - `maccord synth --target ecp5-85k --unit core.compute.datapath.requantizer_0`
    """
    from ..synth.command import Request, run

    names = (
        *("rows", "cols", "lanes", "axi_bytes", "activation_bytes", "weight_bytes"),
        *("output_bytes", "accumulators", "line_cells", "family", "packed"),
    )
    chosen = {name: context.params[name] for name in names if context.params[name]}
    raise typer.Exit(run(Request(target, chosen, seeds, speed, mhz, jobs, unit, json, out)))
