"""PyTorch's quantized kernels, called without ``torch.ao``, which is deprecated."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from ...golden.graph import Quantization
from ...nets.transformer import kernels as transformer
from .case import Case

__all__ = ["KERNELS", "kernel_output", "lacking"]

_ENGINE = "qnnpack"
_SIGNATURES = {  # of the operators that a call needs beside its own
    "conv2d_prepack": "conv2d",
    "linear_prepack": "linear",
    "conv_transpose2d_prepack": "conv_transpose2d",
}


def lacking() -> str:
    """Return why the installed torch cannot compute the calls; empty if it can."""
    backend: Any = getattr(torch.backends, "quantized", None)
    if _ENGINE not in getattr(backend, "supported_engines", ()):
        return f"torch {torch.__version__} lacks the engine {_ENGINE}"
    names = (*_SIGNATURES, *_SIGNATURES.values(), "add", "add_relu", "mul", "mul_relu")
    names += ("softmax", "layer_norm")
    found: Any = torch.ops.quantized
    missing = [name for name in names if not hasattr(found, name)]
    if not hasattr(torch, "quint8"):
        missing.append("quint8")
    return f"torch {torch.__version__} lacks {', '.join(missing)}" if missing else ""


def kernel_output(case: Case) -> tuple[npt.NDArray[Any], Quantization | None]:
    """Return the kernel's result, channels last, and its quantization; None for real values."""
    with _qnnpack():
        result = KERNELS[case.kernel](case)
    if not result.is_quantized:
        return result.numpy(), None
    codes = result.int_repr()
    codes = codes.permute(0, 2, 3, 1) if codes.ndim == 4 else codes
    target = Quantization(result.q_scale(), result.q_zero_point())
    return np.ascontiguousarray(codes.numpy()), target


@contextmanager
def _qnnpack() -> Iterator[None]:
    """Select the engine and one thread; no warnings that quantization is deprecated."""
    engine, threads = torch.backends.quantized.engine, torch.get_num_threads()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.backends.quantized.engine = _ENGINE
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.backends.quantized.engine = engine
            torch.set_num_threads(threads)


def _tensor(codes: npt.NDArray[Any], scale: float, zero_point: int) -> torch.Tensor:
    """Return a quantized tensor; an image is channels last in memory."""
    plain = torch.from_numpy(np.ascontiguousarray(codes))
    plain = plain.permute(0, 3, 1, 2) if codes.ndim == 4 else plain
    make: Any = torch.ops.aten._make_per_tensor_quantized_tensor
    return make(plain, scale, zero_point)


def _input(case: Case, *, contiguous: bool = False) -> torch.Tensor:
    x = _tensor(case.arrays["x"], *case.settings["input"])
    return x.contiguous() if contiguous else x


def _weight(case: Case, codes: npt.NDArray[np.int8], axis: int = 0) -> torch.Tensor:
    scales = case.arrays["weight_scale"]
    weight = torch.from_numpy(np.ascontiguousarray(codes))
    ops: Any = torch.ops.aten
    if case.settings.get("per_tensor"):
        return ops._make_per_tensor_quantized_tensor(weight, float(scales[0]), 0)
    zeros = torch.zeros(len(scales), dtype=torch.int64)
    per_channel = ops._make_per_channel_quantized_tensor
    return per_channel(weight, torch.from_numpy(np.array(scales)), zeros, axis)


def _call(word: str, case: Case, *arguments: Any) -> torch.Tensor:  # noqa: ANN401
    """Call an operator with the output's quantization last."""
    word = f"{word}_relu" if case.settings.get("relu") else word
    return getattr(torch.ops.quantized, word)(*arguments, *case.settings["output"])


def _conv2d(case: Case) -> torch.Tensor:
    settings, x = case.settings, _input(case)
    stride, padding, dilation = (
        settings.get(name, default)
        for name, default in (("stride", [1, 1]), ("padding", [0, 0]), ("dilation", [1, 1]))
    )
    if "end_padding" in settings:
        (top, left), (bottom, right) = padding, settings["end_padding"]
        x, padding = functional.pad(x, (left, right, top, bottom)), [0, 0]
    weight, bias = _weight(case, case.arrays["weight"]), torch.from_numpy(case.arrays["bias"])
    prepack: Any = torch.ops.quantized.conv2d_prepack
    packed = prepack(weight, bias, stride, padding, dilation, settings.get("groups", 1))
    return _call("conv2d", case, x, packed)


def _transposed(case: Case) -> torch.Tensor:
    settings, groups = case.settings, case.settings.get("groups", 1)
    outputs, inputs, *kernel = case.arrays["weight"].shape
    grouped = case.arrays["weight"].reshape(groups, outputs // groups, inputs, *kernel)
    weight = grouped.swapaxes(1, 2).reshape(groups * inputs, outputs // groups, *kernel)
    names = ("stride", "padding", "output_padding", "dilation")
    stride, padding, extra, dilation = (settings[name] for name in names)
    prepack: Any = torch.ops.quantized.conv_transpose2d_prepack
    bias = torch.from_numpy(case.arrays["bias"])
    packed = prepack(_weight(case, weight, 1), bias, stride, padding, extra, dilation, groups)
    return _call("conv_transpose2d", case, _input(case), packed)


def _linear(case: Case) -> torch.Tensor:
    weight, bias = _weight(case, case.arrays["weight"]), torch.from_numpy(case.arrays["bias"])
    prepack: Any = torch.ops.quantized.linear_prepack
    return _call("linear", case, _input(case), prepack(weight, bias))


def _pair(word: str) -> Callable[[Case], torch.Tensor]:
    def kernel(case: Case) -> torch.Tensor:
        second = _tensor(case.arrays["x1"], *case.settings["second"])
        return _call(word, case, _input(case), second)

    return kernel


def _max_pool(case: Case) -> torch.Tensor:
    names = ("kernel", "stride", "padding", "dilation", "ceil_mode")
    return functional.max_pool2d(_input(case), *(case.settings[name] for name in names))


def _avg_pool(case: Case) -> torch.Tensor:
    names = ("kernel", "stride", "padding")
    return functional.avg_pool2d(_input(case), *(case.settings[name] for name in names))


def _adaptive(case: Case) -> torch.Tensor:
    return functional.adaptive_avg_pool2d(_input(case), case.settings["size"])


def _cat(case: Case) -> torch.Tensor:
    """From contiguous parts: ties of the kernel for channels last depend on the processor."""
    pairs = zip(case.inputs, case.settings["inputs"], strict=True)
    return torch.cat([_tensor(x, *pair).contiguous() for x, pair in pairs], 1)


def _flatten(case: Case) -> torch.Tensor:
    """In the graph's order: row, column, channel."""
    return torch.flatten(_input(case).permute(0, 2, 3, 1), 1)


def _part(case: Case) -> torch.Tensor:
    spans = case.settings["spans"]
    index = [slice(a, a + (n - 1) * step + 1, step) for a, n, step in spans]
    return _input(case)[(slice(None), index[-1], *index[:-1])]


def _function(case: Case) -> torch.Tensor:
    return FUNCTIONS[case.settings["function"]](_input(case), *case.settings["arguments"])


def _quantize(case: Case) -> torch.Tensor:
    scale, zero_point = case.settings["input"]
    x = torch.from_numpy(case.arrays["x"])
    return torch.quantize_per_tensor(x, scale, zero_point, torch.quint8)


def _layer_norm(case: Case) -> torch.Tensor:
    gamma, beta = (torch.from_numpy(case.arrays[name]) for name in ("gamma", "beta"))
    return transformer.layer_norm(
        _input(case), gamma, beta, case.settings["eps"], *case.settings["output"]
    )


def _of_tensors(case: Case) -> torch.Tensor:
    """Call a linear layer for each image, window and head; its weights are the second's codes."""
    given, (first, second) = case.settings, case.inputs
    heads, windows, tokens = given["heads"], second.shape[1], first.shape[2]
    weights = second.reshape(*second.shape[:3], heads, -1)
    found = []
    for image, window, head in np.ndindex(len(first), windows, heads):
        columns = weights[image, window, :, head]
        if given["scores"]:
            rows = first[image, window].reshape(tokens, heads, -1)[:, head]
        else:
            rows, columns = first[image, window * heads + head], columns.T
        x, w = _tensor(rows, *given["input"]), _tensor(columns, *given["second"])
        y = transformer.weighted(x, w, given["factor"], *given["output"])
        found.append(y.int_repr().numpy())
    codes = np.stack(found).reshape(len(first), windows * heads, tokens, -1)
    if not given["scores"]:
        codes = codes.reshape(len(first), windows, heads, tokens, -1).swapaxes(2, 3)
        codes = codes.reshape(len(first), windows, tokens, -1)
    return _tensor(codes, *given["output"])


def _tokens(case: Case) -> torch.Tensor:
    x, first = _input(case), case.arrays["first"]
    count = len(case.arrays["x"])
    constant = _tensor(np.repeat(first[None], count, axis=0), *case.settings["input"])
    pixels = x.permute(0, 2, 3, 1).contiguous().reshape(count, -1, first.shape[1])
    return torch.cat([constant, pixels], 1)[:, None].permute(0, 3, 1, 2)


def _add_constant(case: Case) -> torch.Tensor:
    x, constant = case.arrays["x"], case.arrays["constant"]
    whole = np.tile(constant, (len(x), x.shape[1] // constant.shape[1], 1, 1))
    return _call("add", case, _input(case), _tensor(whole, *case.settings["second"]))


def _rearrange(case: Case) -> torch.Tensor:
    x, places = case.arrays["x"], case.arrays["places"]
    pixels = _tensor(x.reshape(len(x), -1, x.shape[3]), *case.settings["input"])
    taken = pixels.index_select(1, torch.from_numpy(places.reshape(-1)))
    return taken.reshape(len(x), *places.shape[:2], -1).permute(0, 3, 1, 2)


def _scalar(word: str) -> Callable[[Case], torch.Tensor]:
    return lambda case: getattr(torch.ops.quantized, word)(_input(case), case.settings["number"])


def _bounded(function: Callable[..., torch.Tensor]) -> Callable[[Case], torch.Tensor]:
    """Call a clamp, which fills its result wrongly for channels last."""
    return lambda case: function(_input(case, contiguous=True), *case.settings["bounds"])


#: Functions of one code, by name: their tensor, then their arguments.
FUNCTIONS: dict[str, Callable[..., torch.Tensor]] = {
    "hardswish": lambda x, *given: torch.ops.quantized.hardswish(x, *given),
    "sigmoid": torch.sigmoid,
    "hardsigmoid": functional.hardsigmoid,
    "tanh": torch.tanh,
    "leaky_relu": lambda x, *given: torch.ops.quantized.leaky_relu(x, *given),
    "elu": lambda x, *given: torch.ops.quantized.elu(x, *given),
}
#: By the name that cases use.
KERNELS: dict[str, Callable[[Case], torch.Tensor]] = {
    "conv2d": _conv2d,
    "conv_transpose2d": _transposed,
    "linear": _linear,
    "add": _pair("add"),
    "mul": _pair("mul"),
    "max_pool2d": _max_pool,
    "avg_pool2d": _avg_pool,
    "adaptive_avg_pool2d": _adaptive,
    "mean": lambda case: _input(case).mean([2, 3], keepdim=True),
    "relu": lambda case: torch.relu(_input(case, contiguous=True)),
    "relu6": lambda case: torch.ops.quantized.relu6(_input(case, contiguous=True)),
    "hardtanh": _bounded(functional.hardtanh),
    "clamp": _bounded(torch.clamp),
    "cat": _cat,
    "flatten": _flatten,
    "interpolate": lambda case: functional.interpolate(
        _input(case), scale_factor=[float(f) for f in case.settings["factors"]]
    ),
    "slice": _part,
    "channel_shuffle": lambda case: functional.channel_shuffle(
        _input(case), case.settings["groups"]
    ),
    "function": _function,
    "softmax": lambda case: transformer.softmax(_input(case)),
    "layer_norm": _layer_norm,
    "linear_of_tensors": _of_tensors,
    "tokens": _tokens,
    "add_constant": _add_constant,
    "rearrange": _rearrange,
    "mul_scalar": _scalar("mul"),
    "add_scalar": _scalar("add"),
    "quantize": _quantize,
    "dequantize": lambda case: _input(case).dequantize(),
}
