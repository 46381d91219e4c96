"""A small study: untrained weights of the reduced ResNet-18, a few digits, two levels."""

from dataclasses import replace
from pathlib import Path

import torch

from maccord.nets.training.digits import outline
from maccord.study.request import StudyRequest

LIMIT = 40


def weights(folder: Path, seed: int = 0) -> Path:
    """Write a checkpoint of the embedded ResNet-18: not trained, but with biases."""
    path = folder / f"resnet18-{seed}.pt"
    if not path.exists():
        state = outline("resnet18", seed).state_dict()
        generator = torch.Generator().manual_seed(seed)
        for name, value in state.items():
            if value.ndim == 1 and name.endswith("bias"):
                value.copy_(torch.randn(len(value), generator=generator) / 2)
        torch.save(state, path)
    return path


def request(folder: Path, **options: object) -> StudyRequest:
    """A study in `folder/study`, without RTL."""
    small = StudyRequest(
        networks=("resnet18",),
        weights={"resnet18": weights(folder)},
        perturb="awgn:0.3,vertical:2+horizontal:2",
        limit=LIMIT,
        calibration=4,
        rtl=0,
        out=folder / "study",
        jobs=2,
    )
    return replace(small, **options)  # pyright: ignore[reportArgumentType]
