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


class _Transposed(nn.Module):
    """Transposed convolutions: U-Net's, DCGAN's, with output padding, depthwise and grouped."""

    def __init__(self) -> None:
        super().__init__()
        self.two = nn.ConvTranspose2d(8, 6, 2, 2)
        self.four = nn.ConvTranspose2d(6, 8, 4, 2, 1, bias=False)
        self.three = nn.ConvTranspose2d(8, 8, 3, 2, 1, 1, groups=2)
        self.depthwise = nn.ConvTranspose2d(8, 8, 3, (1, 2), 1, (0, 1), groups=8)
        self.apart = nn.ConvTranspose2d(8, 4, (1, 3), (3, 2), (0, 1), dilation=(1, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.two(functional.max_pool2d(x, 2)))
        x = functional.max_pool2d(functional.relu6(self.four(x)), 4)
        return self.apart(self.depthwise(self.three(x)))


class _UNet(nn.Module):
    """Two levels down and up, with skip connections; one level up by nearest upsampling."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = self._double(3, 8)
        self.down = self._double(8, 12)
        self.bottom = self._double(12, 16)
        self.up = nn.ConvTranspose2d(16, 12, 2, 2)
        self.upper = self._double(24, 8)
        self.again = nn.Upsample(scale_factor=2, mode="nearest")
        self.out = self._double(16, 8)
        self.head = nn.Linear(8, 4)

    @staticmethod
    def _double(inputs: int, outputs: int) -> nn.Module:
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        return nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.enter(x)
        second = self.down(functional.max_pool2d(first, 2))
        x = self.up(self.bottom(functional.max_pool2d(second, 2)))
        x = self.upper(torch.cat([second, x], 1))
        return self.head(self.out(torch.cat([first, self.again(x)], 1)).mean((2, 3)))


class _ShuffleUnits(nn.Module):
    """Units of ShuffleNetV2, one of which halves the image, and a 1 x 1 convolution behind them."""

    class Unit(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            half = outputs // 2
            self.stride = stride
            self.branch1 = nn.Sequential(*self._depthwise(inputs, half, 2)) if stride > 1 else None
            first = inputs if stride > 1 else half
            self.branch2 = nn.Sequential(
                nn.Conv2d(first, half, 1, bias=False),
                nn.BatchNorm2d(half),
                nn.ReLU(inplace=True),
                *self._depthwise(half, half, stride),
            )

        @staticmethod
        def _depthwise(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
            return [
                nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
                nn.BatchNorm2d(inputs),
                nn.Conv2d(inputs, outputs, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.branch1 is None:
                first, second = x.chunk(2, dim=1)
                x = torch.cat((first, self.branch2(second)), 1)
            else:
                x = torch.cat((self.branch1(x), self.branch2(x)), 1)
            n, channels, height, width = x.size()
            x = x.view(n, 2, channels // 2, height, width)
            x = torch.transpose(x, 1, 2).contiguous()
            return x.view(n, channels, height, width)

    def __init__(self) -> None:
        super().__init__()
        self.units = nn.Sequential(self.Unit(8, 12, 2), self.Unit(12, 12, 1), self.Unit(12, 12, 1))
        self.last = nn.Conv2d(12, 16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.last(self.units(x)))


class _Yolo(nn.Module):
    """A detector's neck: C2f's split, SPPF, upsampling, concatenations; ReLU in place of SiLU."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = self._conv(3, 8, 3, 2)
        self.enter = self._conv(8, 16, 1)
        self.inner = self._conv(8, 8, 3)
        self.leave = self._conv(24, 16, 1)
        self.down = self._conv(16, 24, 3, 2)
        self.narrow = self._conv(24, 12, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.wide = self._conv(48, 16, 1)
        self.up = nn.Upsample(None, 2, "nearest")
        self.join = self._conv(32, 12, 3)
        self.detect = nn.Conv2d(12, 9, 1)

    @staticmethod
    def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Module:
        layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second = self.enter(self.stem(x)).split((8, 8), 1)
        high = self.leave(torch.cat([first, second, second + self.inner(second)], 1))
        low = self.narrow(self.down(high))
        once = self.pool(low)
        twice = self.pool(once)
        low = self.wide(torch.cat((low, once, twice, self.pool(twice)), 1))
        x = self.detect(self.join(torch.cat([self.up(low), high], 1)))
        return x.mean((2, 3))


class _Dense(nn.Module):
    """DenseNet's layers: batch norm and ReLU before each convolution, behind a concatenation."""

    def __init__(self) -> None:
        super().__init__()
        norms = [nn.BatchNorm2d(8 + 6 * layer) for layer in range(3)]
        self.norms = nn.ModuleList(norms)
        self.convs = nn.ModuleList(
            nn.Conv2d(8 + 6 * layer, 6, 3, padding=1, bias=False) for layer in range(2)
        )
        self.transition = nn.Conv2d(20, 10, 1, bias=False)
        self.alone = nn.BatchNorm2d(10)
        for norm in (*norms, self.alone):
            nn.init.normal_(norm.weight, 0.8, 0.4)
            nn.init.normal_(norm.bias, 0.0, 0.3)
            norm.running_mean.normal_(0.0, 0.3)
            norm.running_var.uniform_(0.2, 1.5)
        norms[0].weight.data[2] = 0.0  # a dead channel
        norms[1].weight.data[3] *= -1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = [x]
        for norm, conv in zip(self.norms, self.convs, strict=False):
            found.append(conv(functional.relu(norm(torch.cat(found, 1)))))
        x = torch.relu(self.norms[2](torch.cat(found, 1)))
        return self.alone(functional.avg_pool2d(self.transition(x), 2))


NETWORKS: dict[str, Case] = {
    "pyramid": Case(lambda: _Net(_Pyramid(), 32)),
    "large_pools": Case(lambda: _Net(_LargePools(), 16)),
    "upsampled": Case(lambda: _Net(_Upsampled(), 32)),
    "sliced": Case(lambda: _Net(_Sliced(), 19)),
    "shuffled": Case(lambda: _Net(_Shuffled(), 8)),
    "transposed": Case(lambda: _Net(_Transposed(), 4)),
    "dense": Case(lambda: _Net(_Dense(), 10), 8, 6),
    "unet": Case(_UNet, 8, 12),
    "shuffle_units": Case(lambda: _Net(_ShuffleUnits(), 16), 8, 8),
    "yolo": Case(_Yolo, 16, 24),
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
        (
            r"net.body.part: call must give a row for each input, got a tensor of shape "
            r"\(1, 8, 12, 12\) for 2"
        ),
    ),
}
