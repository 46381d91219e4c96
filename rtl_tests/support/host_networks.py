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

__all__ = ["HOSTED", "NOWHERE", "host_network", "host_task", "inputs_of"]

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
    """A group norm, then a cumulated sum of the means."""

    def between(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x)

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cumsum(x.mean((2, 3)), 1)


class Part(_Net):
    """A result of the host that lies in a concatenation, at an odd pitch, beside its input."""

    def __init__(self) -> None:
        super().__init__()
        self.second = nn.Conv2d(18, 6, 3)

    def between(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, torch.cumsum(x, 1), functional.max_pool2d(x, 3, 1, 1)], 1)


class Ordered(_Net):
    """A sum's rounding errors, which depend on the order in memory."""

    def between(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.sin(x)
        rounded = torch.sub(x, -1e4).sum((1, 2, 3), keepdim=True) - 96e4
        return x - (rounded - x.sum((1, 2, 3), keepdim=True))


class Chained(_Net):
    """Calls one behind the other and two results: one operation each, in the longest region."""

    def between(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.cumsum(torch.flip(x, [1]), 1)
        return self.second(torch.roll(y, 1, 2)) + self.second(y)


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


class Heads(_Net):
    """Two ends in floating point, one of which takes a tensor that is no row of numbers."""

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, x: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        x = functional.relu(self.first(x))
        y = self.second(x)
        return {"boxes": torch.exp(y), "scores": torch.softmax(self.fc(y.mean((2, 3))), 1)}


class Head(_Net):
    """A change of size before the image is quantized."""

    def before(self, x: torch.Tensor) -> torch.Tensor:
        return functional.adaptive_max_pool2d(torch.sin(x), (8, 7))


class Signal(nn.Module):
    """A signal of one dimension, normalized between convolutions and in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv1d(3, 6, 3, padding=1), nn.GroupNorm(2, 6)
        self.second, self.fc = nn.Conv1d(6, 4, 3), nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.second(self.norm(functional.relu(self.first(torch.sin(x)))))
        return self.fc(torch.amax(x, 2))


class Longer(nn.Module):
    """A quantized layer on the host, which PyTorch alone cannot unpickle."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.up = nn.Conv1d(3, 6, 3), nn.ConvTranspose1d(6, 6, 2, 2)
        self.second, self.fc = nn.Conv1d(6, 4, 3), nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.amax(self.second(self.up(self.first(x))), 2))


class Sequence(nn.Module):
    """Attention: layers run on the accelerator, norms and products of activations on the host."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm = nn.Linear(3, 8), nn.LayerNorm(8)
        self.query, self.key, self.fc = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.embed(x))
        weights = torch.softmax(self.query(x) @ self.key(x).transpose(1, 2), -1)
        return torch.amax(self.fc(weights @ x), 1)


class _ImageAtTheEnd(_Net):
    """What stands at the end reads the image itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * torch.exp(x).sum((1, 2, 3)).reshape(-1, 1)


class _NoLayer(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.exp(x).sum((2, 3))


HOSTED: dict[str, tuple[Callable[[], nn.Module], dict[str, list[str]]]] = {  # and calls by name
    "OneCut": (OneCut, {"softmax": ["softmax"]}),
    "TwoCuts": (TwoCuts, {"norm": ["GroupNorm"], "cumsum": ["cumsum"]}),
    "Part": (Part, {"cumsum": ["cumsum"]}),
    "Ordered": (Ordered, {"sin": ["sin", "sub", "sum", "sub", "sum", "sub", "sub"]}),
    "Chained": (Chained, {"flip": ["flip", "cumsum", "roll"], "flip_1": ["flip", "cumsum"]}),
    "Flat": (Flat, {"cumsum": ["cumsum"]}),
    "Signal": (Signal, {"norm": ["GroupNorm"], "amax": ["amax"]}),
    "Longer": (Longer, {"up": ["ConvTranspose1d"], "amax": ["amax"]}),
    "Sequence": (
        Sequence,
        {"norm": ["LayerNorm"], "matmul": ["matmul", "softmax", "matmul"], "amax": ["amax"]},
    ),
    "Tail": (Tail, {"softmax": ["softmax"]}),
    "Class": (Class, {"argmax": ["argmax"]}),
    "Heads": (Heads, {"exp": ["exp", "softmax"]}),
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


def inputs_of(name: str) -> np.ndarray:
    """Three inputs of a network."""
    if name in ("Signal", "Longer"):
        return IMAGES[:, :, 4]
    return IMAGES[:, :, 4].transpose(0, 2, 1).copy() if name == "Sequence" else IMAGES


@cache
def host_network(name: str) -> QuantizedNetwork:
    """One of `HOSTED`, quantized."""
    return quantized(make(HOSTED[name][0]), "net", "seeded", [x[None] for x in inputs_of(name)])


def host_task(name: str, parameters: Parameters, verilog: str, batch: int = 2) -> NetworkTask:
    """One of `HOSTED` as a task, with tensors kept."""
    recording = record_network(host_network(name), "clean", inputs_of(name)[:batch], 0)
    return NetworkTask(recording, parameters, verilog, keep=True)
