"""Rows of docs/format_operators.md for PT2E: each operator behind a convolution."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from maccord.golden.network import execute
from maccord.nets.formats.pt2_network import load_program

sys.path.append(str(Path(__file__).parents[1] / "rtl_tests" / "support"))
from pt2_networks import coded, exported

__all__ = ["rows"]

_Call = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
_SHAPE = (1, 3, 8, 8)
_X, _Y, _END = (0.05, 3), (0.04, -9), (0.06, -7)  # of int8 codes


class _Conv(nn.Module):
    """A convolution with quantized weights."""

    def __init__(self, inputs: int, size: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.stride, self.padding, self.groups = stride, size // 2, groups
        shape = (4, inputs // groups, size, size)
        codes = np.random.default_rng(inputs).integers(-99, 99, shape, np.int8)
        self.register_buffer("codes", torch.from_numpy(codes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = torch.ops.quantized_decomposed.dequantize_per_tensor(
            self.codes, 0.01, 0, -127, 127, torch.int8
        )
        return functional.conv2d(
            x, weight, stride=self.stride, padding=self.padding, groups=self.groups
        )


class _Network(nn.Module):
    """One or two tensors of codes, and an operator."""

    def __init__(
        self, call: _Call, end: tuple[float, int], further: nn.Module | None, *, both: bool
    ) -> None:
        super().__init__()
        self.x, self.y, self.call, self.end = _Conv(3), _Conv(3), call, end
        self.further, self.both = further, both

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = coded(x, 0.03, 1)
        first = coded(self.x(x), *_X)
        second = coded(self.y(x), *_Y) if self.both else first
        if self.further is not None:
            return coded(self.further(first), *self.end)
        return coded(self.call(first, second), *self.end)


def _of(module: nn.Module, end: tuple[float, int] = _END) -> tuple[_Call, tuple, nn.Module]:
    return (lambda x, y: x), end, module


EXAMPLES: dict[str, tuple[_Call, tuple[float, int], nn.Module | None]] = {
    "conv2d(x; 3 x 3, stride 2)": _of(_Conv(4, 3, 2)),
    "conv2d(x; depthwise 5 x 5)": _of(_Conv(4, 5, groups=4)),
    "relu(conv2d(x))": _of(nn.Sequential(_Conv(4), nn.ReLU())),
    "relu6(conv2d(x))": _of(nn.Sequential(_Conv(4), nn.ReLU6())),
    "conv2d(pad(x; 0, 1, 0, 1))": _of(nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), _Conv(4, 3, 2))),
    "add(x, y)": (lambda x, y: x + y, _END, None),
    "relu(add(x, y))": (lambda x, y: functional.relu(x + y), _END, None),
    "relu6(add(x, y))": (lambda x, y: functional.relu6(x + y), _END, None),
    "mul(x, y)": (lambda x, y: x * y, _END, None),
    "sub(x, y)": (lambda x, y: x - y, _END, None),
    "div(x, y)": (lambda x, y: x / (y * y + 1), _END, None),
    "maximum(x, y)": (torch.maximum, _END, None),
    "add(x, 1.5)": (lambda x, y: x + 1.5, _END, None),
    "mul(x, 0.3)": (lambda x, y: x * 0.3, _END, None),
    "cat(x, x; channels)": (lambda x, y: torch.cat([x, x], 1), _X, None),
    "cat(x, y; channels)": (lambda x, y: torch.cat([x, y], 1), _END, None),
    "relu(x)": _of(nn.ReLU()),
    "relu6(x)": _of(nn.ReLU6()),
    "sigmoid(x)": _of(nn.Sigmoid()),
    "hardswish(x)": _of(nn.Hardswish()),
    "gelu(x)": _of(nn.GELU()),
    "softplus(x)": _of(nn.Softplus()),
    "sin(x)": (lambda x, y: torch.sin(x), _END, None),
    "max_pool2d(x; 3 x 3, stride 2)": _of(nn.MaxPool2d(3, 2, 1), _X),
    "avg_pool2d(x; 2 x 2)": _of(nn.AvgPool2d(2), _X),
    "adaptive_avg_pool2d(x; 1)": _of(nn.AdaptiveAvgPool2d(1), _X),
    "adaptive_avg_pool2d(x; 2)": _of(nn.AdaptiveAvgPool2d(2), _X),
    "mean(x; image)": (lambda x, y: x.mean([2, 3]), _X, None),
    "mean(x; channels)": (lambda x, y: x.mean([1], keepdim=True), _X, None),
    "flatten(x)": (lambda x, y: torch.flatten(x, 1), _X, None),
    "reshape(x; image)": (lambda x, y: x.reshape(1, 4, 4, 16), _X, None),
    "permute(x)": (lambda x, y: x.permute(0, 1, 3, 2), _X, None),
    "slice(x; rows)": (lambda x, y: x[:, :, 1:7], _X, None),
    "upsample_nearest2d(x; twice)": _of(nn.Upsample(scale_factor=2.0), _X),
    "upsample_bilinear2d(x; twice)": _of(nn.Upsample(scale_factor=2.0, mode="bilinear"), _X),
    "conv_transpose2d(x)": _of(nn.ConvTranspose2d(4, 4, 2, 2)),
    "batch_norm(x)": _of(nn.BatchNorm2d(4)),
    "layer_norm(x)": _of(nn.LayerNorm(8)),
    "softmax(x; channels)": _of(nn.Softmax(1)),
    "pixel_shuffle(x)": _of(nn.PixelShuffle(2), _X),
    "cumsum(x)": (lambda x, y: x.cumsum(1), _END, None),
}


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield operator, where it runs, and the sentence; every tensor of what runs is compared."""
    torch.manual_seed(0)
    for name, example in EXAMPLES.items():
        program = exported(_Network(*example, both=", y" in name), _SHAPE)
        inputs = np.random.default_rng(1).standard_normal(_SHAPE, np.float32)
        try:
            network = load_program(program, "net")
            expected = network.tensors(inputs)
        except ValueError as error:
            yield name, "refused", str(error)
            continue
        found = execute(network.graph, expected[network.graph.input.name])
        for tensor, codes in expected.items():
            np.testing.assert_array_equal(found[tensor], codes, f"{name}, {tensor}")
        reasons = [s.arguments["reason"] for s in network.steps if s.arguments.get("reason")]
        yield (name, "host", reasons[0]) if reasons else (name, "hardware", "")
