"""`maccord explore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .groups import grouped
from .parameters import swept

__all__ = ["explore"]

_HOW, _OUTPUT = "How", "Output"


@grouped(axes=swept)
def explore(
    network: Annotated[str, typer.Argument(help="A network, as `maccord layers` lists them.")] = "",
    target: Annotated[
        str,
        typer.Option(
            help="`ecp5-25k`, `ecp5-45k`, `ecp5-85k` (placed and routed), `xc7`, `xcup`, `asic`.",
            rich_help_panel=_HOW,
        ),
    ] = "ecp5-85k",
    module: Annotated[
        str,
        typer.Option(
            help="`package.module:factory` of a network of your own, for images of 3 x 224 x 224.",
            rich_help_panel=_HOW,
        ),
    ] = "",
    *,
    axes: dict[str, str],
    cycles: Annotated[
        str,
        typer.Option(
            help="`model`: the compiler's timing model, seconds per point; `rtl`: simulation with "
            "every tensor compared, minutes per point.",
            rich_help_panel=_HOW,
        ),
    ] = "model",
    place: Annotated[
        bool,
        typer.Option(
            "--place/--no-place",
            help="Place and route if the target supports it; otherwise frames/s assume `--mhz`.",
            rich_help_panel=_HOW,
        ),
    ] = True,
    seeds: Annotated[
        str,
        typer.Option(
            help="Seeds for place and route, comma-separated; the worst fmax counts. Not every "
            "seed routes.",
            rich_help_panel=_HOW,
        ),
    ] = "2",
    speed: Annotated[
        int, typer.Option(help="Speed grade of the ECP5: 6 to 8.", rich_help_panel=_HOW)
    ] = 6,
    mhz: Annotated[
        float,
        typer.Option(
            help="Clock target of place and route; without it, the clock used for frames/s.",
            rich_help_panel=_HOW,
        ),
    ] = 130.0,
    minutes: Annotated[
        int,
        typer.Option(
            help="Processor time that place and route of a seed may take, minutes.",
            rich_help_panel=_HOW,
        ),
    ] = 60,
    batch: Annotated[int, typer.Option(help="Images per batch.", rich_help_panel=_HOW)] = 1,
    jobs: Annotated[
        int, typer.Option(help="Points in parallel; 0: one per processor.", rich_help_panel=_HOW)
    ] = 0,
    area: Annotated[
        str,
        typer.Option(
            help="Area axis of the Pareto front, against frames/s: `lut` (default), `dsp`, `bram`, "
            "`ff`, `gates`.",
            rich_help_panel=_OUTPUT,
        ),
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder of results.", rich_help_panel=_OUTPUT)] = Path(
        "build/explore"
    ),
    cache: Annotated[
        Path,
        typer.Option(
            help="Folder of cached results, shared with `maccord synth`.", rich_help_panel=_OUTPUT
        ),
    ] = Path("build/synth/cache"),
) -> None:
    """Sweep configurations over a network: area, fmax, cycles, frames/s, and the Pareto front.

    Every combination of the values is one point. Points computed before are taken from the cache.
    Needs the extra: `pip install 'maccord[synth]'`.

    Examples:

    - `maccord explore resnet18 --target ecp5-85k --rows 4,8 --cols 4,8 --axi-bytes 8,16`

    - `maccord explore mobilenet_v2 --rows 9,12,16 --cols 4,8,16 --no-place --mhz 100`

    - `maccord explore resnet18 --target asic --rows 8,16,32 --cols 16 --array-weight-bits 8,4,2`

    - `maccord explore resnet18 --target xc7 --rows 8,16,32 --cols 8,16,32 --area dsp --mhz 150`
    """
    from ..synth.explore_request import SweepRequest, check

    how = {"module": module, "area": area, "place": place, "cycles": cycles, "seeds": seeds}
    how |= {"speed": speed, "mhz": mhz, "batch": batch, "jobs": jobs, "minutes": minutes}
    request = SweepRequest(network, target, axes, **how, out=out, cache=cache)
    check(request)
    from ..runtime.pool import prepare

    prepare()  # before PyTorch is imported, which takes a while
    from ..synth.explore import run

    raise typer.Exit(run(request))
