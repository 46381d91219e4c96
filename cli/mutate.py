"""`maccord mutate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .campaign import Jobs, Scheduler
from .parameters import Cache

__all__ = ["mutate"]


def mutate(
    mutants: Annotated[
        int, typer.Option(help="Mutants to draw, over all blocks; at least one of each.")
    ] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 1,
    blocks: Annotated[
        str, typer.Option(help="Blocks to draw from, comma-separated; all if not given.")
    ] = "",
    share: Annotated[
        str,
        typer.Option(help="Programs that judge: `ci`, those of every change, or `regress`, all."),
    ] = "ci",
    python: Annotated[
        str,
        typer.Option(
            help="Mutate Python instead, of these rooms, and judge by their quick tests: `golden`, "
            "`compiler`, `importer`, comma-separated; that many mutants of each."
        ),
    ] = "",
    score: Annotated[
        float, typer.Option(help="Exit with 1 if the score is below this, 0 to 1.")
    ] = 0.0,
    out: Annotated[Path, typer.Option(help="Folder of results.")] = Path("build/mutate"),
    scheduler: Scheduler = "processes",
    jobs: Jobs = 0,
    cache: Cache = None,
) -> None:
    """Change single bits of the hardware, and see whether the regression notices.

    Yosys draws the mutants: a bit of a cell inverted, stuck, or inverted where another bit is set.
    Hundreds of them lie behind one input of one Verilated model. Each is judged by programs:
    bytes, cycles by cause, status, registers, bus protocol, traffic. What nothing tells from the
    design is proved equal or listed with its source line. The score is that of MCY: covered /
    (covered + uncovered). Results of a campaign that was interrupted are kept.
    Needs the extra: `pip install 'maccord[synth]'`. With `--python`, cosmic-ray draws the mutants
    (`pip install 'maccord[dev]'`), and a copy of the clone is changed and tested.

    Examples:

    - `maccord mutate`

    - `maccord mutate --blocks requantizer,adder --mutants 100`

    - `maccord mutate --mutants 1000 --share regress --score 0.98`

    - `maccord mutate --python golden,compiler --mutants 50`
    """
    if python:
        raise typer.Exit(_python(python, blocks, share, mutants, seed, score, out, scheduler, jobs))
    from ..verify.mutate.hardware import SMALL
    from ..verify.mutate.run import Request, check, run

    chosen = tuple(block.strip() for block in blocks.split(",") if block.strip())
    request = Request(SMALL, mutants, seed, chosen, share, score, out, scheduler, jobs)
    check(request)
    raise typer.Exit(run(request))


def _python(
    rooms: str, blocks: str, share: str, mutants: int, seed: int, score: float, out: Path,
    scheduler: str, jobs: int,
) -> int:  # fmt: skip
    """Mutate Python; options of hardware are refused."""
    from ..verify.mutate.python.run import Request, check, rooms_of, run

    for option, given in (("--blocks", blocks), ("--share", share != "ci")):
        if given:
            raise ValueError(f"{option} is for mutants of the hardware; --python has none of it")
    request = Request(rooms_of(rooms), mutants, seed, score, out, scheduler, jobs)
    check(request)
    return run(request)
