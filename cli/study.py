"""`maccord study`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .campaign import HOW, Jobs, Scheduler
from .inputs import numbers
from .parameters import Cache

__all__ = ["study"]

_WHAT, _OUTPUT = "What is compared", "Output"
_NETWORKS = "resnet18,vgg16,squeezenet1_1"
_MODELS = "fp32,fp32-clamped,live,frozen,frozen-clamped,int8"


def study(
    networks: Annotated[
        str,
        typer.Option(
            help="Networks, comma-separated; for the built-in data also `resnet18-w4` and the "
            "like, with weights quantized in training to 8, 4 or 2 bits. Or `.onnx`, `.tflite` or "
            "`.pt2` files, without models in floating point.",
            rich_help_panel=_WHAT,
        ),
    ] = _NETWORKS,
    data: Annotated[
        str,
        typer.Option(
            help="Data set: `digits` (built in), `aircraft:PATH` (FGVC-Aircraft, families), "
            "`folder:PATH` (train/CLASS/*, test/CLASS/*), `cifar10:PATH`, `cifar100:PATH`.",
            rich_help_panel=_WHAT,
        ),
    ] = "digits",
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="`NETWORK=FILE`, a checkpoint written by `maccord train`; once per network. Not "
            "needed for the built-in data.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    perturb: Annotated[
        str,
        typer.Option(
            help="Levels in addition to the clean one, comma-separated: `awgn:0.3`, `brownian:40`, "
            "`vertical:4`, `horizontal:3`, `awgn:0.3+vertical:4`, `fog:3` and the 14 other common "
            "corruptions. The thesis's 26 by default.",
            rich_help_panel=_WHAT,
        ),
    ] = "",
    models: Annotated[
        str,
        typer.Option(
            help="Floating point, fake quantization with live or frozen observers, true INT8.",
            rich_help_panel=_WHAT,
        ),
    ] = _MODELS,
    limit: Annotated[
        int, typer.Option(help="Images, evenly spaced; 0: all.", rich_help_panel=_WHAT)
    ] = 0,
    rtl: Annotated[
        int,
        typer.Option(
            help="Images per level to simulate in RTL as well; -1: 3 for the built-in data, none "
            "for other data, whose networks take minutes each.",
            rich_help_panel=_WHAT,
        ),
    ] = -1,
    mean: Annotated[
        str,
        typer.Option(
            help="Mean of a model file's images, of pixels in 0..1: one number, or "
            "red,green,blue; ImageNet's if neither mean nor std is given.",
            rich_help_panel=_WHAT,
        ),
    ] = "",
    std: Annotated[
        str,
        typer.Option(help="Their standard deviation, as `--mean`.", rich_help_panel=_WHAT),
    ] = "",
    unpaired: Annotated[
        bool,
        typer.Option(
            "--unpaired",
            help="Draw the noise for FP32 independently of the quantized models.",
            rich_help_panel=HOW,
        ),
    ] = False,
    calibration: Annotated[
        int,
        typer.Option(help="Training images used for calibration.", rich_help_panel=HOW),
    ] = 100,
    seed: Annotated[
        int, typer.Option(help="Seed of perturbations and intervals.", rich_help_panel=HOW)
    ] = 0,
    jobs: Jobs = 0,
    scheduler: Scheduler = "processes",
    device: Annotated[
        str,
        typer.Option(help="Device of the integer network: `cpu`, `cuda`.", rich_help_panel=HOW),
    ] = "cpu",
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder; made if missing.", rich_help_panel=_OUTPUT)
    ] = Path("build/study"),
    save_logits: Annotated[
        bool,
        typer.Option(
            "--save-logits",
            help="Keep all labels and logits, one `.npz` per network and level.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    cache: Cache = None,
) -> None:
    """Compare FP32, fake quantization and true INT8 under noise and occlusion.

    The procedure of a thesis on the robustness of INT8 networks (Langille 2024): top-1, top-5, F1
    and KL divergence at every level, with intervals; and its unverified claim that fake
    quantization and INT8 hardware give the same results. An interrupted study resumes where it
    stopped.

    Examples:

    - `maccord study`

    - `maccord study --networks resnet18 --perturb awgn:0.1,awgn:0.3+vertical:4 --limit 200`

    - `maccord study --networks digits.onnx --mean 0 --std 1`

    - `maccord study --data aircraft:fgvc-aircraft-2013b --weights resnet18=resnet18.pt --networks
    resnet18`
    """
    from ..study.grid import GRID
    from ..study.request import StudyRequest, check

    request = StudyRequest(
        networks=_split(networks),
        data=data,
        weights=_weights(weights or []),
        perturb=perturb or GRID,
        models=_split(models),
        limit=limit,
        seed=seed,
        calibration=calibration,
        unpaired=unpaired,
        rtl=rtl,
        out=out,
        save_logits=save_logits,
        jobs=jobs,
        scheduler=scheduler,
        device=device,
        mean=numbers("mean", mean),
        std=numbers("std", std),
    )
    check(request)
    from ..study.run import run

    raise typer.Exit(run(request))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _weights(given: list[str]) -> dict[str, Path]:
    found = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise ValueError(f"weights must be NETWORK=FILE, got {text!r}")
        if name in found:
            raise ValueError(f"weights must be given once for each network, got {name} twice")
        found[name] = Path(path).expanduser()
    return found
