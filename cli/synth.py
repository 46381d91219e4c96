"""`maccord synth`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .groups import grouped
from .parameters import HOW, fitted

__all__ = ["synth"]

_OUTPUT = "Output"


@grouped(parameters=fitted)
def synth(
    target: Annotated[
        str,
        typer.Option(
            help="`ecp5-25k`, `ecp5-45k`, `ecp5-85k` (placed and routed), `xc7`, `xcup` "
            "(UltraScale+), `asic` (gate equivalents).",
            rich_help_panel=HOW,
        ),
    ],
    parameters: dict[str, int | str | bool],
    seeds: Annotated[
        str,
        typer.Option(
            help="Seeds for place and route, comma-separated. fmax varies by 10 % between them, "
            "and not every seed routes.",
            rich_help_panel=HOW,
        ),
    ] = "2",
    speed: Annotated[
        int, typer.Option(help="Speed grade of the ECP5: 6 to 8.", rich_help_panel=HOW)
    ] = 6,
    mhz: Annotated[
        float, typer.Option(help="Clock target of place and route.", rich_help_panel=HOW)
    ] = 130.0,
    minutes: Annotated[
        int,
        typer.Option(
            help="Processor time that place and route of a seed may take, minutes.",
            rich_help_panel=HOW,
        ),
    ] = 60,
    jobs: Annotated[
        int, typer.Option(help="Seeds in parallel; 0: one per processor.", rich_help_panel=HOW)
    ] = 0,
    unit: Annotated[
        str,
        typer.Option(
            help="Build one instance alone, e.g. `core.compute.adder`; takes seconds.",
            rich_help_panel=HOW,
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

    request = SynthesisRequest(
        target, parameters, seeds, speed, mhz, jobs, unit, json, out, minutes=minutes
    )
    raise typer.Exit(run(request))
