"""`maccord generalize`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .campaign import HOW, Jobs, Scheduler
from .parameters import Cache

__all__ = ["generalize"]

_WHAT, _OUTPUT = "What is compared", "Output"


def generalize(
    data: Annotated[
        str,
        typer.Option(
            help="Data set: `digits` (built in), `folder:PATH` (train/CLASS/*, test/CLASS/*), "
            "`cifar10:PATH`, `cifar100:PATH`.",
            rich_help_panel=_WHAT,
        ),
    ] = "digits",
    pool: Annotated[
        str,
        typer.Option(
            help="Settings of NiN at each precision: `tiny` (2), `small` (16), `full` (243, with "
            "the paper's values).",
            rich_help_panel=_WHAT,
        ),
    ] = "small",
    bits: Annotated[
        str,
        typer.Option(help="Precisions of the weights; 32 comes first.", rich_help_panel=_WHAT),
    ] = "32,8,4,2",
    perturb: Annotated[
        str,
        typer.Option(
            help="Levels for one setting's networks, comma-separated, as `fog:3`, `awgn:0.3`, "
            "`fgsm:0.05`; `all`: 15 corruptions at 5 severities and both attacks; `none`.",
            rich_help_panel=_WHAT,
        ),
    ] = "all",
    train_images: Annotated[
        int,
        typer.Option(
            help="Training images, evenly spaced; 0: all; -1: 300 of the digits, else all.",
            rich_help_panel=_WHAT,
        ),
    ] = -1,
    test_images: Annotated[
        int, typer.Option(help="Test images, evenly spaced; 0: all.", rich_help_panel=_WHAT)
    ] = 0,
    rtl: Annotated[
        int,
        typer.Option(
            help="Images per precision and level to simulate in RTL at three levels; -1: 1 for "
            "the built-in data, none for other data.",
            rich_help_panel=_WHAT,
        ),
    ] = -1,
    epochs: Annotated[
        int,
        typer.Option(
            help="Epochs of each training; 0: 60 for the digits, 300 for other data.",
            rich_help_panel=HOW,
        ),
    ] = 0,
    reading: Annotated[
        str,
        typer.Option(
            help="Search for the largest perturbation: `paper`, or `reference`, the code of "
            "Dziugaite et al. 2020, whose noise has the deviation sigma squared.",
            rich_help_panel=HOW,
        ),
    ] = "paper",
    measured: Annotated[
        int,
        typer.Option(
            help="Training images that judge a perturbation of the weights.", rich_help_panel=HOW
        ),
    ] = 100,
    landscape: Annotated[
        int,
        typer.Option(
            help="Points along each direction of the landscape, odd; 0: none.",
            rich_help_panel=HOW,
        ),
    ] = 51,
    seed: Annotated[
        int,
        typer.Option(help="Seed of training, corruptions and intervals.", rich_help_panel=HOW),
    ] = 0,
    jobs: Jobs = 0,
    scheduler: Scheduler = "processes",
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder; made if missing.", rich_help_panel=_OUTPUT)
    ] = Path("build/generalize"),
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Count the tasks; run none.", rich_help_panel=_OUTPUT),
    ] = False,
    cache: Cache = None,
) -> None:
    """Compare how networks of 32, 8, 4 and 2 bits generalize, clean and corrupted.

    The experiments of QGen (AskariHemmat et al.): gaps between test and training loss over a pool
    of networks, on clean and corrupted images; measures of flatness, with their rank correlations
    with the gap; the loss's landscape. Beyond the paper: the gap of the integer network, a sample
    of it in RTL, intervals, and adversarial images. An interrupted run resumes where it stopped.

    Examples:

    - `maccord generalize`

    - `maccord generalize --pool tiny --epochs 10 --perturb fog:1,fog:5 --landscape 11 --rtl 0`

    - `maccord generalize --data cifar10:cifar-10-python.tar.gz --pool full --scheduler
    dask:tcp://head:8786`
    """
    from ..generalize.request import ALL_LEVELS, GeneralizeRequest, check

    levels = {"all": ALL_LEVELS, "none": ""}.get(perturb, perturb)
    request = GeneralizeRequest(
        data=data,
        pool=pool,
        bits=_numbers(bits),
        perturb=levels,
        reading=reading,
        train_images=train_images,
        test_images=test_images,
        epochs=epochs,
        measured=measured,
        landscape=landscape,
        rtl=rtl,
        seed=seed,
        out=out,
        jobs=jobs,
        scheduler=scheduler,
        dry_run=dry_run,
    )
    check(request)
    from ..generalize.run import run

    raise typer.Exit(run(request))


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"bits must be whole numbers as 32,8,4,2, got {text!r}") from None
