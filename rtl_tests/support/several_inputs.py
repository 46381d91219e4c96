"""Small networks of several inputs."""

from __future__ import annotations

import numpy as np
import torch
from input_networks import make
from torch import nn
from torch.nn import functional

from maccord import api

__all__ = ["NETWORKS", "quantized"]

Shape = tuple[int, ...]


class _Siamese(nn.Module):
    """One module called on two images; the host computes the distance."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 5, 3, 2), nn.ReLU(), nn.Conv2d(5, 6, 2))
        self.head = nn.Linear(6, 4)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return self.head((self.body(left).mean((2, 3)) - self.body(right).mean((2, 3))).abs())


class _Added(nn.Module):
    """Two images of different size and channels, added behind convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(3, 5, 3), nn.Conv2d(2, 5, 1)

    def forward(self, wide: torch.Tensor, narrow: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.wide(wide) + self.narrow(narrow))


class _Joined(nn.Module):
    """An image and a row of features, joined."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.row, self.head = nn.Conv2d(3, 6, 3), nn.Linear(7, 5), nn.Linear(11, 4)

    def forward(self, image: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        pooled = functional.relu(self.conv(image)).mean((2, 3))
        return self.head(torch.cat([pooled, functional.relu(self.row(features))], 1))


class _Flattened(nn.Module):
    """A flattened image and features as they are, joined by the host."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3, 2), nn.Linear(4 * 9 + 7, 4)

    def forward(self, image: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.conv(image).flatten(1), features], 1))


class _Hosted(nn.Module):
    """The second input reaches the accelerator only through the host."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, image: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
        return self.conv(image).mean((2, 3)) + torch.sin(angle)


class _Unused(nn.Module):
    """The first input is read by nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, unused: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        return self.conv(image)


class _Twice(nn.Module):
    """Three inputs, one read as it is and through the host; one result returned twice."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv1d(2, 6, 3), nn.Conv2d(3, 6, 3), nn.Linear(7, 6)

    def forward(
        self, signal: torch.Tensor, image: torch.Tensor, row: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        first = self.a(signal).amax(2) + self.b(image).mean((2, 3))
        found = first + self.c(row) + self.c(torch.cos(row))
        return found, found


_IMAGE = (3, 8, 8)
NETWORKS: dict[str, tuple[type[nn.Module], tuple[Shape, ...]]] = {
    "siamese": (_Siamese, (_IMAGE, _IMAGE)),
    "added": (_Added, ((3, 8, 9), (2, 6, 7))),
    "joined": (_Joined, (_IMAGE, (7,))),
    "flattened": (_Flattened, (_IMAGE, (7,))),
    "hosted": (_Hosted, (_IMAGE, (4,))),
    "unused": (_Unused, (_IMAGE, _IMAGE)),
    "twice": (_Twice, ((2, 12), _IMAGE, (7,))),
}


def quantized(name: str, count: int = 3) -> tuple[api.QuantizedNetwork, tuple[np.ndarray, ...]]:
    """Return a network and the inputs that calibrated it."""
    factory, shapes = NETWORKS[name]
    rng = np.random.default_rng(7)
    inputs = tuple(rng.normal(size=(count, *shape)).astype(np.float32) for shape in shapes)
    return api.quantize(make(factory), inputs, "net"), inputs
