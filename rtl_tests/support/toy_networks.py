"""Small modules that `load_module` is given: some that the accelerator can run, some it cannot."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

CLASSES = 7


def _conv(inputs: int = 3, outputs: int = 8, **geometry: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, **geometry)


class Pooled(nn.Module):
    """Pools of all kinds, side by side, then a linear layer behind an image of 4 x 4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = _conv()
        self.max = nn.MaxPool2d(3, 2, 1)
        self.avg = nn.AvgPool2d(3, 2, 1)
        self.mixed = nn.Conv2d(16, 12, 3, groups=4, padding=1)
        self.adaptive = nn.AdaptiveAvgPool2d((4, 4))
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout()
        self.fc1 = nn.Linear(192, 20)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(20, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        x = torch.cat([self.max(x), self.avg(x)], dim=1)
        x = functional.max_pool2d(self.mixed(x), 2, stride=1, ceil_mode=True)
        x = self.dropout(self.flatten(self.adaptive(functional.avg_pool2d(x, 2, 1, 1))))
        return self.fc2(self.relu(self.fc1(x)))


class Joined(nn.Module):
    """Sums and concatenations, nested modules, one module used twice, a mean at the end."""

    class Block(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.conv = _conv(channels, channels)
            self.norm = nn.BatchNorm2d(channels)
            self.act = nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.add(self.norm(self.conv(x)), x)
            return self.act(y + y)

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv()
        self.pool = nn.MaxPool2d(2)
        self.body = nn.ModuleList([Joined.Block(8), Joined.Block(8)])
        self.head = nn.Conv2d(24, 10, 1)
        self.fc = nn.Linear(10, CLASSES, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.pool(functional.relu(self.stem(x))))
        a = self.body[0](x)
        b = self.body[1](a)
        x = self.head(torch.cat([x, a, b], 1))
        return self.fc(x.mean([2, 3]))


class Clamped(nn.Module):
    """All clamps, and a view in place of flatten."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = _conv(stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.relu6 = nn.ReLU6()
        self.conv2 = _conv(8, 8, stride=2, groups=8)
        self.hardtanh = nn.Hardtanh(-0.5, 0.75)
        self.conv3 = _conv(8, 4, stride=2)
        self.fc = nn.Linear(64, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu6(self.norm(self.conv(x)))
        x = self.hardtanh(self.conv2(x))
        x = torch.clamp(self.conv3(x), -0.25, 1.5)
        x = functional.relu(x.view(x.size(0), -1))
        return self.fc(x)


class Reshaped(nn.Module):
    """A reshape that counts the columns, a mean that keeps dimensions, a functional dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = _conv(stride=2)
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.mean(self.conv(x), (-1, -2), keepdim=True)
        x = functional.dropout(x.reshape(-1, 8), training=self.training)
        return self.fc(x)


class _Around(nn.Module):
    """A convolution, an operator of the test's, and a mean."""

    def __init__(self, function) -> None:
        super().__init__()
        self.conv = _conv()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self.conv(x))


class _Inner(nn.Module):
    """An operator that the accelerator lacks, within a module."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = _conv(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(self.conv(x))


class _Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


class _TwoInputs(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x + y


def nested() -> nn.Module:
    return nn.Sequential(_conv(), nn.Sequential(nn.ReLU(), _Inner()))


def branching() -> nn.Module:
    return _Branching()


def two_inputs() -> nn.Module:
    return _TwoInputs()


def no_module() -> int:
    return 3


def prelu() -> nn.Module:
    return nn.Sequential(_conv(), nn.PReLU(8), _conv(8, 8))


def silu() -> nn.Module:
    return _Around(functional.silu)


def softmax() -> nn.Module:
    return _Around(lambda x: torch.softmax(torch.flatten(x, 1), 1))


def stacked() -> nn.Module:
    return _Around(lambda x: torch.cat([x, x], 2))


def ceiled() -> nn.Module:
    return _Around(lambda x: functional.avg_pool2d(x, 3, ceil_mode=True))


def uneven() -> nn.Module:
    return _Around(lambda x: functional.adaptive_avg_pool2d(x, 5))


def rows() -> nn.Module:
    return _Around(lambda x: x.mean(2))


def half_open() -> nn.Module:
    return _Around(lambda x: torch.clamp(x, min=0.5))


def dilated() -> nn.Module:
    return _Around(lambda x: functional.max_pool2d(x, 3, 1, 1, dilation=2))


def permuted() -> nn.Module:
    return _Around(lambda x: x.permute(0, 2, 3, 1))


def missing_channels() -> nn.Module:
    return nn.Sequential(_conv(), _conv())
