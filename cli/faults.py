"""`maccord faults`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import sim_options as option
from .campaign import Jobs, Scheduler
from .groups import grouped
from .parameters import Cache, generated_from

if TYPE_CHECKING:
    from ..sim.memory import MemoryModel
    from ..spec.parameters import Parameters

__all__ = ["faults"]

_WHAT, _OUTPUT = "What is hit", "Output"


@grouped(parameters=generated_from(rows=8, cols=8), memory=option.memory_model)
def faults(
    network: Annotated[
        str, typer.Argument(help="`resnet18`, `vgg16`, `squeezenet1_1`, `nin`, ...")
    ] = "resnet18",
    data: Annotated[
        str,
        typer.Option(
            help="`digits`: the reduced network of `maccord train`, trained on the built-in "
            "digits; `photographs`: the network of `maccord sim`, 224 x 224.",
            rich_help_panel=_WHAT,
        ),
    ] = "digits",
    perturb: Annotated[
        str,
        typer.Option(
            help="Levels besides the clean input, comma-separated, with the same faults: "
            "`awgn:0.3`, `vertical:4`; empty for none.",
            rich_help_panel=_WHAT,
        ),
    ] = "awgn:0.3",
    images: Annotated[
        int, typer.Option(help="Images that the faults are spread over.", rich_help_panel=_WHAT)
    ] = 1,
    count: Annotated[
        int,
        typer.Option(
            "--faults",
            help="Faults at each level, spread evenly over the blocks; 0: as many as `--margin` "
            "asks for.",
            rich_help_panel=_WHAT,
        ),
    ] = 0,
    margin: Annotated[
        float,
        typer.Option(
            help="Half the width of the interval of a block's AVF (Leveugle et al. 2009).",
            rich_help_panel=_WHAT,
        ),
    ] = 0.05,
    confidence: Annotated[
        float, typer.Option(help="Of all intervals.", rich_help_panel=_WHAT)
    ] = 0.95,
    blocks: Annotated[
        str,
        typer.Option(
            help="Blocks, comma-separated, with `*`: `array,requantizer`; all if not given.",
            rich_help_panel=_WHAT,
        ),
    ] = "",
    seed: Annotated[
        int, typer.Option(help="Seed of faults and perturbations.", rich_help_panel=_WHAT)
    ] = 0,
    *,
    parameters: Parameters,
    memory: MemoryModel,
    jobs: Jobs = 0,
    scheduler: Scheduler = "processes",
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder; made if missing.", rich_help_panel=_OUTPUT)
    ] = Path("build/faults"),
    cache: Cache = None,
) -> None:
    """Flip bits of registers and memories while a network runs in RTL; report vulnerability.

    A fault is one bit of one register or memory word, in one cycle. Outcomes: masked (all writes to
    memory are right), tolerated (a tensor differs, top-1 does not), sdc1 (another top-1), sdc5
    (one that is not in the golden top-5), due (error status, or no end). AVF is the share that is
    not masked, by block, register and bit. Each perturbed input gets the same faults as the clean
    one. Interrupted, the same command goes on from there.

    Examples:

    - `maccord faults resnet18 --faults 1000`

    - `maccord faults resnet18 --blocks array,requantizer --perturb awgn:0.3,vertical:4`

    - `maccord faults resnet18 --data photographs --faults 500 --rows 16 --cols 16`
    """
    from ..verify.faults.request import FaultRequest, check

    request = FaultRequest(
        network=network,
        data=data,
        perturb=perturb,
        faults=count,
        margin=margin,
        confidence=confidence,
        blocks=tuple(part.strip() for part in blocks.split(",") if part.strip()),
        images=images,
        seed=seed,
        parameters=parameters,
        memory=memory,
        jobs=jobs,
        scheduler=scheduler,
        out=out,
    )
    check(request)
    from ..verify.faults.run import run

    raise typer.Exit(run(request))
