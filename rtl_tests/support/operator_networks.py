"""Small networks of one operator each, and architectures that are made of them.

Each takes images of `shape`, and ends in one row of logits for each image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

__all__ = ["NETWORKS", "Case"]


@dataclass(frozen=True)
class Case:
    """A network, and the size of its images.

    Parameters
    ----------
    factory : callable
        Makes the network.
    height, width : int
    """

    factory: Callable[[], nn.Module]
    height: int = 12
    width: int = 12

    def make(self) -> nn.Module:
        """The network in evaluation mode, its weights from a seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            return self.factory().eval()

    def images(self, count: int = 2) -> npt.NDArray[np.float32]:
        """Random images."""
        shape = count, 3, self.height, self.width
        return np.random.default_rng(5).normal(size=shape).astype(np.float32)


class _Net(nn.Module):
    """A convolution, a body, and a classifier of the means."""

    def __init__(self, body: nn.Module, features: int, channels: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.body = body
        self.head = nn.Linear(features, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(functional.relu(self.stem(x))).mean((2, 3)))


class _Pyramid(nn.Module):
    """Spatial pyramid pooling, side by side and one behind the other."""

    def __init__(self) -> None:
        super().__init__()
        self.pools = nn.ModuleList(nn.MaxPool2d(size, 1, size // 2) for size in (5, 9, 13))
        self.join = nn.Conv2d(32, 8, 1)
        self.again = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.join(torch.cat([x, *(pool(x) for pool in self.pools)], 1))
        y = self.again(x)
        z = self.again(y)
        return torch.cat([x, y, z, self.again(z)], 1)


class _LargePools(nn.Module):
    """Max pools with strides, paddings and ceil_mode, whose windows differ along the axes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = functional.max_pool2d(x, (4, 7), (2, 3), (1, 3), ceil_mode=True)
        b = functional.max_pool2d(x, (8, 4), (2, 3), (4, 0), ceil_mode=True)
        return torch.cat([functional.max_pool2d(a, (6, 5)), functional.max_pool2d(b, (7, 4))], 1)


NETWORKS: dict[str, Case] = {
    "pyramid": Case(lambda: _Net(_Pyramid(), 32)),
    "large_pools": Case(lambda: _Net(_LargePools(), 16)),
}
