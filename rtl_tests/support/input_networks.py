"""Small networks whose inputs are no photographs, or whose results are no logits.

The shapes of MLPerf Tiny's four are theirs; channels are fewer, which `width` gives back.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

__all__ = ["LARGE", "NETWORKS", "make"]

Shape = tuple[int, ...]


def _block(inputs: int, outputs: int, kernel: int = 3, **options) -> list[nn.Module]:
    """A convolution, batch norm and ReLU."""
    given = {"padding": kernel // 2, "bias": False} | options
    conv = nn.Conv2d(inputs, outputs, kernel, **given)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]


def ds_cnn(width: int = 8, blocks: int = 2) -> nn.Module:
    """Keyword spotting on 49 x 10 coefficients: TensorFlow's SAME padding, 10 x 4, stride 2."""
    layers = [nn.ZeroPad2d((1, 1, 4, 5)), *_block(1, width, stride=2, padding=0)]
    layers[1] = nn.Conv2d(1, width, (10, 4), 2, bias=False)
    for _ in range(blocks):
        layers += [*_block(width, width, groups=width), *_block(width, width, 1)]
    return nn.Sequential(*layers, nn.AvgPool2d((25, 5)), nn.Flatten(), nn.Linear(width, 12))


def autoencoder(inputs: int = 80, width: int = 16) -> nn.Module:
    """Anomaly detection: linear layers with batch norm, as wide at the end as at the start."""
    sizes = [inputs, *[width] * 2, 8, *[width] * 2]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, inputs))


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_block(inputs, outputs, stride=stride), *_block(outputs, outputs)[:2]
        )
        self.short = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.body(x) + self.short(x))


def resnet8(width: int = 4) -> nn.Module:
    """Image classification on 3 x 32 x 32: three blocks."""
    blocks = [_Residual(width * max(n // 2, 1), width * n, 1 if n == 1 else 2) for n in (1, 2, 4)]
    head = [nn.AvgPool2d(8), nn.Flatten(), nn.Linear(4 * width, 10)]
    return nn.Sequential(*_block(3, width), *blocks, *head)


def mobilenet_v1(width: int = 8, size: int = 96) -> nn.Module:
    """Person detection: depthwise and 1 x 1 convolutions; 13 pairs at width 8, alpha 0.25."""
    layers = _block(3, width, stride=2)
    channels = width
    for multiple, stride in (
        *((2, 1), (4, 2), (4, 1), (8, 2), (8, 1), (16, 2)),
        *((16, 1),) * 5,
        *((32, 2), (32, 1)),
    ):
        layers += _block(channels, channels, stride=stride, groups=channels)
        layers += _block(channels, multiple * width, 1)
        channels = multiple * width
    return nn.Sequential(*layers, nn.AvgPool2d(size // 32), nn.Flatten(), nn.Linear(channels, 2))


class _Signal(nn.Module):
    """Convolutions, pools and paddings along one dimension, and a residual sum."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(2, 8, 5, stride=2, padding=2)
        self.norm = nn.BatchNorm1d(8)
        self.max = nn.MaxPool1d(3, 2, 1)
        self.depthwise = nn.Conv1d(8, 8, 3, padding="same", groups=8, dilation=2)
        self.even = nn.Conv1d(8, 8, 4, padding="same")
        self.avg = nn.AvgPool1d(2)
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.max(functional.relu(self.norm(self.stem(x))))
        x = self.avg(functional.relu(self.even(x) + self.depthwise(x)))
        return self.head(functional.adaptive_avg_pool1d(x, 1).squeeze(-1))


class _Turned(nn.Module):
    """A signal, read as a sequence and turned back; flattened in PyTorch's order."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 6, 3)
        self.mix = nn.Linear(6, 4)
        self.last = nn.Conv1d(8, 5, 1)
        self.head = nn.Linear(35, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.mix(self.conv(x).transpose(1, 2))
        x = torch.cat([x, x], 2).permute(0, 2, 1)
        return self.head(self.last(x).flatten(1))


class _Several(nn.Module):
    """Results in a dictionary and a list: an image, logits, and a tensor that others read."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3)
        self.boxes = nn.Conv2d(6, 4, 1)
        self.head = nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> dict[str, object]:
        x = functional.relu(self.stem(x))
        return {"boxes": self.boxes(x).flatten(1), "others": [self.head(x.mean((2, 3))), x]}


class _FourReaders(nn.Module):
    """The input is pooled, convolved, concatenated and added."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.conv = nn.Conv2d(3, 5, 3, padding=1)
        self.narrow = nn.Conv2d(3, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [x, self.pool(x), functional.relu(self.conv(x)), x + self.narrow(x)]
        return torch.cat(parts, 1)


class _Hosted(nn.Module):
    """The host reads a signal and a sequence, and ends with several tensors of codes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 6, 3)
        self.mix = nn.Linear(6, 4)
        self.head = nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = self.conv(x)
        y = self.mix(x.transpose(1, 2))
        return torch.sigmoid(self.head(x.mean(2))), torch.cumsum(y, 1)


class _Clamped(nn.Module):
    """A result that a clamp reads, too, and early results that later layers must not overwrite."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.layers = nn.ModuleList([nn.Conv2d(4, 4, 3, padding=1) for _ in range(4)])

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        first = self.first(x)
        x = functional.hardtanh(first, -0.5, 0.5)
        for layer in self.layers:
            x = layer(x)
        return [first, x]


def _sequence() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU6())


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    "ds_cnn": (ds_cnn, (1, 49, 10)),
    "autoencoder": (autoencoder, (80,)),
    "resnet8": (resnet8, (3, 32, 32)),
    "mobilenet_v1": (lambda: mobilenet_v1(2, 64), (3, 64, 64)),
    "signal": (_Signal, (2, 60)),
    "turned": (_Turned, (3, 9)),
    "sequence": (_sequence, (5, 6)),
    "flat_sequence": (
        lambda: nn.Sequential(nn.Linear(6, 4), nn.Flatten(), nn.Linear(20, 3)),
        (5, 6),
    ),
    "several": (_Several, (3, 9, 7)),
    "clamped": (_Clamped, (3, 8, 6)),
    "hosted": (_Hosted, (3, 9)),
    "four_readers": (_FourReaders, (3, 8, 6)),
}
LARGE: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    "ds_cnn": (lambda: ds_cnn(64, 4), (1, 49, 10)),
    "autoencoder": (lambda: autoencoder(640, 128), (640,)),
    "resnet8": (lambda: resnet8(16), (3, 32, 32)),
    "mobilenet_v1": (mobilenet_v1, (3, 96, 96)),
}


def make(factory: Callable[[], nn.Module], seed: int = 7) -> nn.Module:
    """A network in evaluation mode, its weights and batch statistics from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = factory()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.normal_(module.bias, 0.0, 0.2)
                module.running_mean = torch.randn(module.num_features) * 0.2
                module.running_var = torch.rand(module.num_features) + 0.5
        return model.eval()
