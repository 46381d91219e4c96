"""Networks whose activations are tables, and the hardware that their tests share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from maccord.nets.library import QuantizedNetwork, quantized
from maccord.spec.parameters import Parameters

__all__ = ["FUNCTIONS", "PARAMETERS", "Activations", "Concatenated", "Difference"]
__all__ += ["Rescaled", "images", "network"]

#: As `test_window_modes` builds it by day.
PARAMETERS = Parameters(
    rows=9,
    cols=4,
    axi_bytes=8,
    activation_bytes=1 << 15,
    output_bytes=1 << 15,
    accumulators=64,
    line_cells=16,
    product=True,
    lookup=True,
)
SIZE = 9

FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    # of PyTorch's INT8 kernels
    "hardswish": functional.hardswish,
    "sigmoid": torch.sigmoid,
    "hardsigmoid": functional.hardsigmoid,
    "tanh": torch.tanh,
    "leaky_relu": lambda x: functional.leaky_relu(x, 0.2),
    "elu": functional.elu,
    "mul_negative": lambda x: x * -0.7,
    "mul_positive": lambda x: x * 0.5,
    "add_number": lambda x: x + 0.3,
    # in floating point between two quantized tensors
    "silu": functional.silu,
    "gelu": functional.gelu,
    "mish": functional.mish,
    "chain": lambda x: torch.exp(-torch.abs(x)) / 3,
    "square": lambda x: x**2,
}


class _Function(nn.Module):
    """A function as a module, so that its table is named after it."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


class Activations(nn.Module):
    """Each function behind a convolution; some behind a sum, a pool, and one read by two."""

    def __init__(self, functions: tuple[str, ...] = tuple(FUNCTIONS)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 5, 3, padding=1)
        self.acts = nn.ModuleDict({name: _Function(FUNCTIONS[name]) for name in functions})
        self.convs = nn.ModuleDict({name: nn.Conv2d(5, 5, 1) for name in functions})
        self.depthwise = nn.Conv2d(5, 5, 3, padding=1, groups=5)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(5, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for name, act in self.acts.items():
            x = self.convs[name](act(x))
        y = functional.hardswish(self.depthwise(x))  # x is read twice
        x = torch.tanh(x + y)
        x = functional.silu(self.pool(x))
        x = functional.leaky_relu(functional.adaptive_avg_pool2d(x, 1))
        return torch.sigmoid(self.fc(torch.flatten(x, 1)))


class Concatenated(nn.Module):
    """Concatenations of tensors with scales of their own: a fused table, a pass, and a copy."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.left = nn.Conv2d(6, 5, 1)
        self.right = nn.Conv2d(6, 3, 1)
        self.join = nn.Conv2d(14, 4, 1)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        y = torch.cat([self.left(x), torch.sigmoid(self.right(x)), torch.tanh(x)], 1)
        x = functional.hardswish(self.join(y))
        return self.fc(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


class Difference(nn.Module):
    """Two differences, one of them of a tensor that others read, too."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.left = nn.Conv2d(6, 5, 1)
        self.right = nn.Conv2d(6, 5, 1)
        self.middle = nn.Conv2d(5, 5, 1)
        self.last = nn.Conv2d(5, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem(x))
        left, right = self.left(x), self.right(x)
        y = self.middle(left - torch.sigmoid(right))
        return self.last(torch.relu(torch.sub(right, y)))


class Rescaled(nn.Module):
    """A concatenation of a tensor with multiples of it: many codes are ties of the rescaling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.last = nn.Conv2d(24, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return self.last(torch.cat([x, x * -0.3, x * 0.3], 1)).mean([2, 3])


def images(count: int = 2) -> np.ndarray:
    """Random images."""
    return np.random.default_rng(4).normal(0, 1, (count, 3, SIZE, SIZE)).astype(np.float32)


@cache
def network(factory: Callable[[], nn.Module]) -> QuantizedNetwork:
    """A network with weights from a seed, quantized once for all tests of a file."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = factory().eval()
    return quantized(model, "net", "from a seed", [image[None] for image in images()])
