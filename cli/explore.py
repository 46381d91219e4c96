"""`maccord explore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .parameters import option_of

__all__ = ["explore"]

_SWEPT, _HOW, _OUTPUT = "Swept, comma-separated; the target's choice if not given", "How", "Output"


def explore(
    context: typer.Context,
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
    rows: Annotated[str, typer.Option(help="Rows of the array.", rich_help_panel=_SWEPT)] = "",
    cols: Annotated[str, typer.Option(help="Columns of the array.", rich_help_panel=_SWEPT)] = "",
    lanes: Annotated[
        str,
        typer.Option(
            help="Requantizer lanes, divisors of the columns; 0: one per column.",
            rich_help_panel=_SWEPT,
        ),
    ] = "",
    axi_bytes: Annotated[
        str, typer.Option(help="AXI data bus width, bytes.", rich_help_panel=_SWEPT)
    ] = "",
    activation_bytes: Annotated[
        str, typer.Option(help="Activation scratchpad, bytes.", rich_help_panel=_SWEPT)
    ] = "",
    weight_bytes: Annotated[
        str, typer.Option(help="Weight scratchpad, bytes.", rich_help_panel=_SWEPT)
    ] = "",
    output_bytes: Annotated[
        str, typer.Option(help="Output scratchpad, bytes.", rich_help_panel=_SWEPT)
    ] = "",
    accumulators: Annotated[
        str, typer.Option(help="Pixels per tile (accumulator depth).", rich_help_panel=_SWEPT)
    ] = "",
    line_cells: Annotated[
        str, typer.Option(help="Line buffer depth, cells.", rich_help_panel=_SWEPT)
    ] = "",
    family: Annotated[
        str,
        typer.Option(help="Family of the instantiated primitives.", rich_help_panel=_SWEPT),
    ] = "",
    packed: Annotated[
        str,
        typer.Option(
            help="`no`, `yes` or both: two columns to a multiplier block, `xcup` or narrow `ecp5`.",
            rich_help_panel=_SWEPT,
        ),
    ] = "",
    product: Annotated[
        str,
        typer.Option(
            help="`no`, `yes` or both: hardware that multiplies two tensors.",
            rich_help_panel=_SWEPT,
        ),
    ] = "",
    lookup: Annotated[
        str,
        typer.Option(
            help="`no`, `yes` or both: a table of 256 bytes a column.", rich_help_panel=_SWEPT
        ),
    ] = "",
    window_width: Annotated[
        str,
        typer.Option(
            help="Width of the widest window of a depthwise layer, cells: 3, 5 or both.",
            rich_help_panel=_SWEPT,
        ),
    ] = "",
    narrow: Annotated[
        str,
        typer.Option(
            help="`no`, `yes` or both: weights of 4 and 2 bits stored packed.",
            rich_help_panel=_SWEPT,
        ),
    ] = "",
    half_up: Annotated[
        str,
        typer.Option(
            help="`no`, `yes` or both: sums that can round ties upwards.",
            rich_help_panel=_SWEPT,
        ),
    ] = "",
    array_weight_bits: Annotated[
        str,
        typer.Option(
            help="Widest weights that the array multiplies by, bits: 8, 4, 2 or several. Cycles "
            "are those of the network trained at that width, all layers.",
            rich_help_panel=_SWEPT,
        ),
    ] = "",
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
            help="Seeds for place and route, comma-separated; the worst fmax counts.",
            rich_help_panel=_HOW,
        ),
    ] = "1",
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
    from ..synth.explore_grid import AXES
    from ..synth.explore_request import SweepRequest, check

    given = {axis: context.params[option_of(axis)] for axis in AXES}
    axes = {axis: text for axis, text in given.items() if text}
    how = {"module": module, "area": area, "place": place, "cycles": cycles, "seeds": seeds}
    how |= {"speed": speed, "mhz": mhz, "batch": batch, "jobs": jobs}
    request = SweepRequest(network, target, axes, **how, out=out, cache=cache)
    check(request)
    from ..runtime.pool import prepare

    prepare()  # before PyTorch is imported, which takes a while
    from ..synth.explore import run

    raise typer.Exit(run(request))
