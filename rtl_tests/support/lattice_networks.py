"""PyTorch networks whose weights take few values, so that their codes are narrow."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

__all__ = ["on_lattices"]

#: Weights of 15 and of 3 values by layer: 4 and 2 bits; the first layer's have 8.
_MIXED = {2: 7, 5: 1, 7: 7}


def on_lattices(levels: Mapping[int, int] = _MIXED) -> nn.Module:
    """A network with batch norm for images of 3 x 8 x 8.

    `levels` has, by the number of a layer, how many values its weights have on each side of 0; the
    others have any.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(6, 6, 3, padding=1, groups=6),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 10, 1),
            nn.Flatten(),
            nn.Linear(10 * 8 * 8, 5),
        )
    with torch.no_grad():
        for place, most in levels.items():
            weight = model.get_submodule(str(place)).get_parameter("weight")
            step = weight.abs().max() / most
            weight.copy_((weight / step).round().clamp(-most, most) * step)
    return model.eval()
