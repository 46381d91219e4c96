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

__all__ = ["NETWORKS", "REFUSED", "Case"]


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


class _Upsampled(nn.Module):
    """Nearest upsampling as a module and a function, by factors and by sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(8, 8, 3, 2, 1)
        self.twice = nn.Upsample(scale_factor=2)
        self.after = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        low = functional.relu(self.down(x))
        up = functional.interpolate(low, size=x.shape[2:], mode="nearest")
        lower = functional.max_pool2d(low, 2)
        sized = functional.interpolate(lower, size=(low.shape[-2], low.size(3) * 2))
        wide = functional.interpolate(lower, scale_factor=(4, 4), mode="nearest-exact")
        return torch.cat([self.after(up), wide, self.twice(low), self.twice(sized)[..., ::2]], 1)


class _Sliced(nn.Module):
    """Channels, rows and columns, by slices, chunk, split and narrow; read by all kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(4, 4, 3, padding=1)
        self.b = nn.Conv2d(3, 4, 1)
        self.depthwise = nn.Conv2d(5, 5, 3, padding=1, groups=5)
        self.focus = nn.Conv2d(16, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second = x.chunk(2, dim=1)
        left, right = torch.split(x, [3, 5], 1)
        total = self.a(second) + first
        crossed = torch.cat([total, self.b(left), self.depthwise(right)[:, 1:]], 1)
        pooled = functional.max_pool2d(torch.narrow(crossed, 1, 2, 7), 2)[:, :, 1:-1]
        quarters = [total[..., row::2, column::2] for row in (0, 1) for column in (0, 1)]
        focus = self.focus(torch.cat(quarters, 1))
        part = crossed[:, 8:, 1:11, 2:-2]
        return torch.cat([y.mean((2, 3), keepdim=True) for y in (pooled, focus, part)], 1)


class _Shuffled(nn.Module):
    """A shuffle behind a grouped convolution, as a module, a function and an idiom."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(8, 24, 1, groups=4)
        self.shuffle = nn.ChannelShuffle(4)
        self.depthwise = nn.Conv2d(24, 24, 3, 2, 1, groups=24)
        self.out = nn.Conv2d(24, 8, 1, groups=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.depthwise(self.shuffle(functional.relu(self.grouped(x))))
        x = functional.max_pool2d(torch.channel_shuffle(self.out(x), 2), 2)
        n, channels, height, width = x.size()
        x = x.view(n, 2, channels // 2, height, width).transpose(1, 2).contiguous()
        return x.view(n, -1, height, width)


class _LargeMeans(nn.Module):
    """Average pools of all pixels and of most of them, with padding."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        border = functional.avg_pool2d(x, (20, 23), (7, 4), (9, 3))
        whole = x.mean((2, 3), keepdim=True)
        return torch.cat([whole, functional.adaptive_avg_pool2d(border, 1)], 1)


NETWORKS: dict[str, Case] = {
    "pyramid": Case(lambda: _Net(_Pyramid(), 32)),
    "large_pools": Case(lambda: _Net(_LargePools(), 16)),
    "upsampled": Case(lambda: _Net(_Upsampled(), 32)),
    "sliced": Case(lambda: _Net(_Sliced(), 19)),
    "shuffled": Case(lambda: _Net(_Shuffled(), 8)),
    "large_means": Case(lambda: _Net(_LargeMeans(), 10, 5), 26, 25),
}


def _refused(body: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    class Body(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return body(x)

    return Case(lambda: _Net(Body(), 8))


REFUSED: dict[str, tuple[Case, str]] = {
    "bilinear": (
        _refused(lambda x: functional.interpolate(x, scale_factor=2, mode="bilinear")),
        r"net.body.interpolate: mode of interpolate must be nearest, got bilinear",
    ),
    "uneven": (
        _refused(lambda x: functional.interpolate(x, size=(18, 24))),
        (
            r"net.body.interpolate: interpolate must repeat each pixel equally often, got size "
            r"\(18, 24\) for an image of 12 x 12"
        ),
    ),
    "smaller": (
        _refused(lambda x: functional.interpolate(x, scale_factor=0.5)),
        (
            r"net.body.interpolate: interpolate must repeat each pixel equally often, got "
            r"scale_factor \(0.5, 0.5\) for an image of 12 x 12"
        ),
    ),
    "channels_apart": (
        _refused(lambda x: torch.cat([x[:, ::2], x[:, 1::2]], 1)),
        r"net.body.slice: slice must take adjacent channels, got 4 from 0 with step 2",
    ),
    "row": (
        _refused(lambda x: x[:, :, [0, 2]]),
        r"net.body.slice: index must hold slices of numbers alone, got \[0, 2\]",
    ),
    "images": (
        _refused(lambda x: x[:1]),
        r"net.body.slice: slice must take all images, got slice\(None, 1, None\)",
    ),
}
