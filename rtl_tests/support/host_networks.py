"""Small networks with operators that only the host computes: between, behind and before codes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from maccord.nets.library import QuantizedNetwork, quantized
from maccord.sim.network.task import NetworkTask
from maccord.sim.recording import record_network
from maccord.spec.parameters import Parameters

__all__ = ["HOSTED", "IMAGES", "NOWHERE", "host_network", "host_task"]

IMAGES = np.random.default_rng(3).normal(0, 1, (3, 3, 9, 9)).astype(np.float32)


class _Net(nn.Module):
    """Two convolutions and a linear layer; a subclass says what stands around them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, stride=2)
        self.norm = nn.GroupNorm(2, 6)
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.fc = nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.first(self.before(x)))
        x = self.second(self.between(x))
        return self.behind(self.fc(self.pooled(x)))

    def before(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def between(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))

    def behind(self, x: torch.Tensor) -> torch.Tensor:
        return x


class OneCut(_Net):
    """A softmax over the channels."""

    def between(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, 1)


class TwoCuts(_Net):
    """A group norm, then a cosine of the means."""

    def between(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x)

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3)).cos()


class Part(_Net):
    """A result of the host that lies in a concatenation, at an odd pitch, beside its input."""

    def __init__(self) -> None:
        super().__init__()
        self.second = nn.Conv2d(18, 6, 3)

    def between(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, functional.logsigmoid(x), functional.max_pool2d(x, 3, 1, 1)], 1)


class Ordered(_Net):
    """A sum's rounding errors, which depend on the order in memory."""

    def between(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.sin(x)
        rounded = torch.sub(x, -1e4).sum((1, 2, 3), keepdim=True) - 96e4
        return x - (rounded - x.sum((1, 2, 3), keepdim=True))


class Chained(_Net):
    """Calls one behind the other and two results: one operation each, in the longest region."""

    def between(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.tan(torch.sin(x))
        return self.second(torch.exp(-y)) + self.second(y)


class Flat(_Net):
    """A flattened image, whose codes lie in another order than PyTorch's, read by the host."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(96, 5)

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cumsum(torch.flatten(x, 1), 1)


class Tail(_Net):
    """Scores behind the last codes."""

    def behind(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, 1)


class Class(_Net):
    """A class in place of scores."""

    def behind(self, x: torch.Tensor) -> torch.Tensor:
        return torch.argmax(x, 1)


class Head(_Net):
    """A change of size before the image is quantized."""

    def before(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x)[:, :, 1:, 2:]


class _ImageAtTheEnd(_Net):
    """What stands at the end reads the image itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * torch.exp(x).sum((1, 2, 3)).reshape(-1, 1)


class _NoLayer(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.exp(x).sum((2, 3))


HOSTED: dict[str, tuple[Callable[[], nn.Module], dict[str, list[str]]]] = {  # and calls by name
    "OneCut": (OneCut, {"softmax": ["softmax"]}),
    "TwoCuts": (TwoCuts, {"norm": ["GroupNorm"], "cos": ["cos"]}),
    "Part": (Part, {"log_sigmoid": ["log_sigmoid"]}),
    "Ordered": (Ordered, {"sin": ["sin", "sub", "sum", "sub", "sum", "sub", "sub"]}),
    "Chained": (Chained, {"sin": ["sin", "tan", "neg", "exp"], "sin_1": ["sin", "tan"]}),
    "Flat": (Flat, {"cumsum": ["cumsum"]}),
    "Tail": (Tail, {"softmax": ["softmax"]}),
    "Class": (Class, {"argmax": ["argmax"]}),
    "Head": (Head, {}),
}
_READS_THE_IMAGE = (
    r"net\.exp: operator must be .*, got exp; the host cannot run it either: it reads the image, "
    r"in floating point \(.*host_networks\.py, line \d+\)"
)
NOWHERE: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "image": (_ImageAtTheEnd, _READS_THE_IMAGE),
    "no_layer": (_NoLayer, _READS_THE_IMAGE),
}


def make(factory: Callable[[], nn.Module]) -> nn.Module:
    """A network in evaluation mode, its weights from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return factory().eval()


@cache
def host_network(name: str) -> QuantizedNetwork:
    """One of `HOSTED`, quantized."""
    return quantized(make(HOSTED[name][0]), "net", "seeded", [image[None] for image in IMAGES])


def host_task(name: str, parameters: Parameters, verilog: str, batch: int = 2) -> NetworkTask:
    """One of `HOSTED` as a task, with tensors kept."""
    recording = record_network(host_network(name), "clean", IMAGES[:batch], 0)
    return NetworkTask(recording, parameters, verilog, keep=True)
