"""Small networks whose calls were once refused without need, or in a sentence that misleads.

`HOSTED` are computed with the host's help, `WHOLE` by the accelerator alone, `NOWHERE` are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

__all__ = ["HOSTED", "NOWHERE", "SIGNALS", "WHOLE", "WRAPPED", "make"]

Body = Callable[["_Net", torch.Tensor], torch.Tensor]


class _Net(nn.Module):
    """A convolution, what a function makes of it, and another convolution."""

    def __init__(self, body: Body, dimensions: int, parts: dict[str, nn.Module]) -> None:
        super().__init__()
        conv = (nn.Conv1d, nn.Conv2d)[dimensions - 1]
        self.first, self.last = conv(3, 8, 3, padding=1), conv(8, 8, 3, padding=1)
        self.scale = nn.Parameter(torch.linspace(-1, 1, 8).reshape(8, *[1] * dimensions))
        self.number = nn.Parameter(torch.tensor(0.5))
        self.parts = nn.ModuleDict(parts)
        self.body, self.dimensions = body, dimensions

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.last(self.body(self, self.first(x)))
        return x.mean((2, 3)) if self.dimensions == 2 else x.mean(2)


Made = tuple[Body, dict[str, Callable[[], nn.Module]]]


def _net(body: Body, **parts: Callable[[], nn.Module]) -> Made:
    return body, parts


def make(made: Made, dimensions: int = 2) -> nn.Module:
    """A network in evaluation mode, its weights from a seed."""
    body, parts = made
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        built = {name: factory() for name, factory in parts.items()}
        return _Net(body, dimensions, built).eval()


def _slope(value: float) -> Callable[[], nn.Module]:
    def made() -> nn.Module:
        module = nn.PReLU()
        with torch.no_grad():
            module.weight.fill_(value)
        return module

    return made


def _dead() -> nn.Module:
    """A convolution whose ReLU is 0."""
    module = nn.Conv2d(8, 8, 3, padding=1)
    with torch.no_grad():
        assert module.bias is not None
        module.bias.fill_(-100.0)
    return module


def _padded(mode: str) -> Callable[[], nn.Module]:
    return lambda: nn.Conv2d(8, 8, 3, padding=(1, 2), padding_mode=mode)


def _plain() -> nn.Module:
    return nn.Conv2d(8, 8, 3)


def _resized(**options: object) -> Made:
    return _net(lambda m, x: functional.interpolate(x, **options))  # pyright: ignore


def _standardized(m: _Net, x: torch.Tensor) -> torch.Tensor:
    weight: Any = m.parts["conv"].weight
    return functional.conv2d(x, weight - weight.mean(), padding=1)


def _out_of_range(m: _Net, x: torch.Tensor) -> torch.Tensor:
    return x * 1e5 + x


def _in_place(m: _Net, x: torch.Tensor) -> torch.Tensor:
    functional.leaky_relu_(x, 0.2)
    x.sigmoid_()
    return x.sub_(0.5)


#: Calls of the host's operations, in order, and what is said of the first one under ``--strict``.
HOSTED: dict[str, tuple[Made, list[str], str]] = {
    "bicubic": (
        _resized(scale_factor=2, mode="bicubic"),
        ["interpolate"],
        "net.interpolate: mode of interpolate must be nearest, got bicubic",
    ),
    "antialias": (
        _resized(size=(7, 5), mode="bilinear", antialias=True),
        ["interpolate"],
        "net.interpolate: antialias of interpolate must be off, got on",
    ),
    **{
        mode: (
            _net(lambda m, x: m.parts["conv"](x), conv=_padded(mode)),
            ["pad"],
            (
                "net.parts.conv.pad: pad must put zeros around an image of four dimensions, got "
                f"widths (2, 2, 1, 1), mode {mode} and value 0.0"
            ),
        )
        for mode in ("reflect", "replicate", "circular")
    },
    "border": (
        _net(lambda m, x: functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
        ["avg_pool2d"],
        (
            "net.avg_pool2d: count_include_pad of avg_pool2d must be True where there is padding, "
            "got False: PyTorch's INT8 kernel always counts it"
        ),
    ),
    "border_module": (
        _net(
            lambda m, x: m.parts["pool"](x),
            pool=lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        ),
        ["avg_pool2d"],
        (
            "net.parts.pool: count_include_pad of avg_pool2d must be True where there is padding, "
            "got False: PyTorch's INT8 kernel always counts it"
        ),
    ),
    "broadcast": (
        _net(lambda m, x: torch.amax(x, 1, keepdim=True) + x),
        ["amax", "add"],
        "net.amax: operator must be one that maccord knows on quantized tensors, got amax",
    ),
    "divisor": (
        _net(lambda m, x: functional.avg_pool2d(x, 3, divisor_override=4)),
        ["avg_pool2d"],
        "net.avg_pool2d: divisor_override of avg_pool2d must be off, got 4",
    ),
    "alpha": (
        _net(lambda m, x: torch.add(x, m.last(x), alpha=3)),
        ["add"],
        "net.add: alpha of add must be 1, got 3: PyTorch's INT8 sum ignores it",
    ),
    "mask": (
        _net(lambda m, x: x * (x > 0)),
        ["gt", "mul"],
        "net.gt: operator must be one that maccord knows on quantized tensors, got gt",
    ),
    "whole_numbers": (
        _net(lambda m, x: x * x.argmax(1, keepdim=True)),
        ["argmax", "mul"],
        "net.argmax: operator must be one that maccord knows on quantized tensors, got argmax",
    ),
    "complex": (
        _net(lambda m, x: (torch.fft.fft2(x) * torch.fft.fft2(x)).abs()),
        ["fft_fft2", "fft_fft2", "mul", "abs"],
        "net.fft_fft2: operator must be one that maccord knows on quantized tensors, got fft_fft2",
    ),
    "constant": (
        _net(lambda m, x: x * m.scale + torch.ones(8, 1, 1)),
        ["mul", "add"],
        (
            "net.mul: inputs must be tensors that the network computes, or numbers, got the "
            "constant tensor scale"
        ),
    ),
    "computed_weights": (
        _net(_standardized, conv=lambda: nn.Conv2d(8, 8, 3)),
        ["mean", "sub", "conv2d"],
        (
            "net.mean: inputs must be tensors that the network computes, or numbers, got the "
            "constant tensor parts.conv.weight"
        ),
    ),
    "out_of_range": (
        _net(_out_of_range),
        ["add"],
        "net.add: scale of an input over the output's must be from 2**-14 to below 2**8, got ",
    ),
    "tuple_of_parts": (
        _net(lambda m, x: torch.stack(x.unbind(1), 1)),
        ["unbind", *["getitem"] * 8, "stack"],
        "net.unbind: operator must be one that maccord knows on quantized tensors, got unbind",
    ),
    "pair": (
        _net(lambda m, x: torch.stack(torch.max(x, 1), 1).repeat(1, 4, 1, 1)),
        ["max", "getitem", "getitem", "stack", "repeat"],
        "net.max: operator must be one that maccord knows on quantized tensors, got max",
    ),
}
SIGNALS: dict[str, tuple[Made, list[str], str]] = {
    "nearest": (
        _resized(scale_factor=2),
        ["interpolate"],
        "net.interpolate: input of interpolate must be an image, got a tensor of 3 dimensions",
    ),
    "linear": (
        _resized(size=9, mode="linear"),
        ["interpolate"],
        "net.interpolate: mode of interpolate must be nearest, got linear",
    ),
}
WHOLE: dict[str, Made] = {
    "function": _net(
        lambda m, x: functional.conv2d(x, m.parts["conv"].weight, padding="same"), conv=_plain
    ),
    "function_bias": _net(
        lambda m, x: functional.conv2d(
            x, m.parts["conv"].weight, m.parts["conv"].bias, (2, 1), groups=1, dilation=2
        ),
        conv=_plain,
    ),
    "transposed": _net(
        lambda m, x: functional.conv_transpose2d(x, m.parts["conv"].weight, None, 2, 1),
        conv=_plain,
    ),
    "split": _net(lambda m, x: torch.cat(torch.split(x, 3, 1), 1)),
    "chunk": _net(lambda m, x: torch.cat(x.chunk(2, 1)[::-1], 1)),
    "scalar": _net(lambda m, x: x * m.number + torch.tensor([0.25])),
    "mish": _net(lambda m, x: functional.mish(x)),
    "in_place": _net(_in_place),
    "in_place_module": _net(
        lambda m, x: m.parts["two"](m.parts["one"](x)),
        one=lambda: nn.LeakyReLU(inplace=True),
        two=lambda: nn.ELU(inplace=True),
    ),
    "dead": _net(lambda m, x: functional.relu(m.parts["dead"](x)) + x, dead=_dead),
    **{
        f"slope {value}": _net(lambda m, x: m.parts["slope"](x), slope=_slope(value))
        for value in (0.25, 0.01, -0.3, 0.0, 1.7)
    },
    "dilated_groups": _net(
        lambda m, x: m.parts["conv"](x),
        conv=lambda: nn.Conv2d(8, 8, 3, padding=(2, 4), dilation=(2, 4), groups=4, stride=(2, 1)),
    ),
}


class _Half(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3).half()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x.half()).float()


class _Logarithm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.exp(torch.log(self.conv(x)))


class _Branch(_Logarithm):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.conv(x).sum() > 0 else self.conv(x)


class _Body(nn.Module):
    """A convolution, and any function of it."""

    def __init__(self, body: Callable[[nn.Module, torch.Tensor], object]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.body, self.norm = body, nn.BatchNorm2d(8, track_running_stats=False)

    def forward(self, x: torch.Tensor) -> object:
        return self.body(self, self.conv(x))


def _body(body: Callable[..., object]) -> Callable[[], nn.Module]:
    return lambda: _Body(body)


def _in_sequence(wrap: Callable[[nn.Module], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(wrap(nn.Conv2d(3, 8, 3)), nn.ReLU())


#: What hides a network or its weights from ``torch.fx``.
WRAPPED: dict[str, Callable[[], nn.Module]] = {
    "parallel": lambda: nn.DataParallel(_in_sequence(lambda conv: conv)()),
    "weight_norm": _in_sequence(parametrizations.weight_norm),
    "spectral_norm": _in_sequence(parametrizations.spectral_norm),
    "root": lambda: parametrizations.weight_norm(nn.Conv2d(3, 8, 3)),
    "batch_norm": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.BatchNorm2d(8, affine=False)
    ),
    "unit_pool": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(1, 2), nn.AvgPool2d(1)),
}
_LINE = r" \(.*refusal_networks\.py, line \d+\)"
NOWHERE: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "half": (_Half, "weights must be float32, got float16 in conv.weight of net: call .*"),
    "nan": (
        _Logarithm,
        r"net\.log: results must be finite numbers, got nan or infinity for a calibration input"
        + _LINE,
    ),
    "branch": (_Branch, r"_Branch must be a network of one image .*, got: symbolically .*" + _LINE),
    "identity": (
        nn.Identity,
        "net: network must compute something of its input, got one that returns it",
    ),
    "random": (
        _body(lambda m, x: functional.dropout(x, training=True)),
        r"net\.dropout: results must be the same each time, got others: it is random" + _LINE,
    ),
    "random_constant": (
        _body(lambda m, x: x + torch.randn(8, 1, 1)),
        "net: results must be the same each time, got others: it is random",
    ),
    "other_inputs": (
        _body(lambda m, x: m.norm(x)),
        (
            r"net\.norm: results must not depend on the other inputs of a batch, got others beside "
            "one" + _LINE
        ),
    ),
    "largest_of_all": (
        _body(lambda m, x: x / x.max().item()),
        (
            r"net\.truediv: results must not depend on the other inputs of a batch, got others "
            "beside one" + _LINE
        ),
    ),
    "size": (
        _body(lambda m, x: torch.nonzero(x)),
        r"net\.nonzero: size of the result must not depend on the values of the input" + _LINE,
    ),
    "no_row": (
        _body(lambda m, x: x.mean()),
        r"net: results must have a row for each input, got a tensor of shape \(\) for 1",
    ),
    "a_constant": (
        _body(lambda m, x: (x, torch.ones(1, 3))),
        r"net: results must have a row for each input, got a tensor of shape \(1, 3\) for 2",
    ),
    "script": (
        lambda: torch.jit.script(nn.Conv2d(3, 8, 3)),
        "net: network must be a module in Python, got one of TorchScript: give the module that .*",
    ),
    "memory": (
        lambda: nn.Conv2d(3, 8, 3, device="meta"),
        "weights must be in the CPU's memory, got weight of net on meta",
    ),
}
