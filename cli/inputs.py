"""The options that say what a network is made of and looks at, each named as in `Inputs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["INPUT", "Batch", "Calibration", "Image", "Module", "Seed", "Strict", "Weights"]

INPUT = "Input"

Module = Annotated[
    str,
    typer.Option(
        help="`package.module:factory` of a network of your own, for images of 3 x 224 x 224.",
        rich_help_panel=INPUT,
    ),
]
Batch = Annotated[
    int,
    typer.Option(
        help="Images at a time, at most 256: the one given, then crops of the built-in "
        "photographs.",
        rich_help_panel=INPUT,
    ),
]
Image = Annotated[
    Path | None,
    typer.Option(help="Image file; a photograph is built in.", rich_help_panel=INPUT),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="Checkpoint with torchvision's names, of torch.save or safetensors; seeded "
        "weights if not given.",
        rich_help_panel=INPUT,
    ),
]
Calibration = Annotated[
    Path | None,
    typer.Option(
        help="Image, or folder of images, that set the quantization ranges; built in if not given.",
        rich_help_panel=INPUT,
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        help="Seed of weights and perturbations. Cycles and equality are the same on every "
        "processor; seeded weights, and so the logits, are not.",
        rich_help_panel=INPUT,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Refuse operators that the accelerator lacks; otherwise the host computes them.",
        rich_help_panel=INPUT,
    ),
]
