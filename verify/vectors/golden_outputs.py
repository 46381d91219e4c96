"""The golden model's result of a recorded call, from its settings and arrays alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from ...golden.array.requantize import bias_codes, multipliers
from ...golden.graph import (
    Add,
    AvgPool2d,
    Clamp,
    Concat,
    Conv2d,
    Flatten,
    Linear,
    Lookup,
    MaxPool2d,
    Mul,
    Operation,
    Relabel,
    Shuffle,
    Slice,
    Upsample,
)
from ...golden.kernels.clamp import clamp_codes
from ...golden.kernels.quantize import dequantize, quantize_per_tensor
from ...golden.network import compute
from ...golden.operations.conv_transpose2d import ConvTranspose2d
from ...golden.operations.layer_norm import LayerNorm
from ...golden.operations.rearrange import Rearrange
from ...golden.operations.softmax import Softmax
from ...golden.operations.tensor_product import TensorProduct
from ...golden.operations.tokens import AddConstant, Tokens
from .case import Case, quantization

__all__ = ["OUTSIDE", "golden_output", "operation_of"]

#: Computed outside the graph.
OUTSIDE: dict[str, Callable[[npt.NDArray[Any], Any], npt.NDArray[Any]]] = {
    "quantize": quantize_per_tensor,
    "dequantize": dequantize,
}


def golden_output(case: Case) -> npt.NDArray[Any]:
    """Return a case's result: codes, uint8, or real values, float32, channels last."""
    if case.operation in OUTSIDE:
        return OUTSIDE[case.operation](case.arrays["x"], case.quantization("input"))
    return compute(operation_of(case), case.inputs)


def operation_of(case: Case) -> Operation:
    """Return the operation of the golden graph that a case calls; the golden model derives it.

    Multipliers, bias codes, clamp codes, factors of sums: nothing of these is recorded.
    """
    return _OPERATIONS[case.operation](case)


def _pair(values: Any) -> tuple[int, int]:  # noqa: ANN401
    first, second = values
    return int(first), int(second)


def _pairs(case: Case, *names: str) -> dict[str, Any]:
    return {name: _pair(case.settings[name]) for name in names if name in case.settings}


def _layer(case: Case) -> dict[str, Any]:
    """Fields that layers share."""
    source, target = case.quantization("input"), case.quantization("output")
    scales, bias = case.arrays["weight_scale"], case.arrays["bias"]
    return {
        "name": case.name,
        "weight": case.arrays["weight"],
        "bias": bias,
        "bias_q": bias_codes(bias, source.scale, scales),
        "weight_scale": scales,
        "multiplier": multipliers(source.scale, scales, target.scale),
        "input": source,
        "output": target,
        "relu": bool(case.settings.get("relu", False)),
    }


def _convolution(case: Case) -> Conv2d:
    geometry = _pairs(case, "stride", "padding", "dilation", "end_padding")
    return Conv2d(**_layer(case), **geometry, groups=case.settings.get("groups", 1))


def _transposed(case: Case) -> ConvTranspose2d:
    geometry = _pairs(case, "stride", "padding", "dilation", "output_padding")
    return ConvTranspose2d(**_layer(case), **geometry, groups=case.settings.get("groups", 1))


def _two(case: Case, kind: type[Add] | type[Mul]) -> Add | Mul:
    first, second = case.quantization("input"), case.quantization("second")
    relu = bool(case.settings.get("relu", False))
    return kind(case.name, (first, second), case.quantization("output"), relu)


def _max_pool(case: Case) -> MaxPool2d:
    geometry = _pairs(case, "kernel", "stride", "padding", "dilation")
    ceil_mode = bool(case.settings.get("ceil_mode", False))
    return MaxPool2d(case.name, case.quantization("input"), **geometry, ceil_mode=ceil_mode)


def _avg_pool(case: Case) -> AvgPool2d:
    geometry = _pairs(case, "kernel", "stride", "padding")
    return AvgPool2d(case.name, case.quantization("input"), **geometry)


def _clamp(case: Case) -> Clamp:
    low, high = (float(bound) for bound in case.settings["bounds"])
    source = case.quantization("input")
    return Clamp(case.name, source, *clamp_codes(low, high, source))


def _concat(case: Case) -> Concat:
    sources = tuple(quantization(pair) for pair in case.settings["inputs"])
    return Concat(case.name, sources, sources[0])


def _lookup(case: Case) -> Lookup:
    source, target = case.quantization("input"), case.quantization("output")
    return Lookup(case.name, source, target, case.arrays["table"])


def _relabel(case: Case) -> Relabel:
    source, target = case.quantization("input"), case.quantization("output")
    return Relabel(case.name, source, target, case.kernel)


def _slice(case: Case) -> Slice:
    spans = tuple(None if span is None else tuple(span) for span in case.settings["spans"])
    return Slice(case.name, case.quantization("input"), spans)


def _layer_norm(case: Case) -> LayerNorm:
    source, target = case.quantization("input"), case.quantization("output")
    gamma, beta = case.arrays["gamma"], case.arrays["beta"]
    return LayerNorm(case.name, gamma, beta, float(case.settings["eps"]), source, target)


def _tensor_product(case: Case) -> TensorProduct:
    pair = case.quantization("input"), case.quantization("second")
    given = case.settings
    return TensorProduct(
        case.name, pair, case.quantization("output"), int(given["heads"]), bool(given["scores"]),
        int(given["depth"]), float(given["factor"]),
    )  # fmt: skip


def _add_constant(case: Case) -> AddConstant:
    source, second = case.quantization("input"), case.quantization("second")
    target = case.quantization("output")
    return AddConstant(case.name, case.arrays["constant"], source, second, target)


_OPERATIONS: dict[str, Callable[[Case], Any]] = {
    "Conv2d": _convolution,
    "ConvTranspose2d": _transposed,
    "Linear": lambda case: Linear(**_layer(case)),
    "Add": lambda case: _two(case, Add),
    "Mul": lambda case: _two(case, Mul),
    "MaxPool2d": _max_pool,
    "AvgPool2d": _avg_pool,
    "Clamp": _clamp,
    "Concat": _concat,
    "Flatten": lambda case: Flatten(case.name, case.quantization("input")),
    "Lookup": _lookup,
    "Relabel": _relabel,
    "Upsample": lambda case: Upsample(
        case.name, case.quantization("input"), _pair(case.settings["factors"])
    ),
    "Slice": _slice,
    "Softmax": lambda case: Softmax(
        case.name, case.quantization("input"), case.arrays["x"].shape[-1]
    ),
    "LayerNorm": _layer_norm,
    "TensorProduct": _tensor_product,
    "Tokens": lambda case: Tokens(case.name, case.quantization("input"), case.arrays["first"]),
    "AddConstant": _add_constant,
    "Rearrange": lambda case: Rearrange(
        case.name, case.quantization("input"), case.arrays["places"]
    ),
    "Shuffle": lambda case: Shuffle(case.name, case.quantization("input"), case.settings["groups"]),
}
