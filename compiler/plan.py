"""Selects the execution mode of an operation of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..golden.graph import (
    Add,
    AvgPool2d,
    Clamp,
    Concat,
    Conv2d,
    Linear,
    Lookup,
    MaxPool2d,
    Mul,
    Operation,
    Shuffle,
    Slice,
    Upsample,
)
from ..golden.kernels.avg_pool2d import mean_multiplier
from ..golden.operations.conv_transpose2d import ConvTranspose2d
from ..golden.operations.layer_norm import LayerNorm
from ..golden.operations.rearrange import Rearrange
from ..golden.operations.softmax import Softmax
from ..golden.operations.tensor_product import TensorProduct
from ..golden.operations.tokens import AddConstant, Tokens
from ..spec.isa import Mode
from ..spec.parameters import Parameters
from .builder import Builder, View
from .channel_product import channel_product_plan
from .copies import rearrange_plan, tokens_plan
from .features import check_width
from .global_pool import global_pool_plan
from .large_means import large_mean_plan
from .max_pools import max_pool_plan
from .rows import row_plan
from .search import dense_plan
from .shuffles import shuffle_layer, shuffle_plan
from .slices import slice_plan
from .sums import constant_sum_plan, sum_plan
from .tensor_product import tensor_product_plan
from .transposed import Phase, TransposedPlan, phases
from .upsampling import upsample_plan
from .window import window_plan
from .window_stream import Window

__all__ = ["Plan", "mean_layer", "plan"]


class Plan(Protocol):
    """An operation tiled for one accelerator."""

    @property
    def stream(self) -> npt.NDArray[np.uint8]:
        """Weights and parameters in memory order, uint8 of any shape."""
        ...

    @property
    def estimate(self) -> int:
        """Estimated cycles."""
        ...

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the operation's drafts, which read `sources` and weights and write `target`."""
        ...


def plan(
    operation: Operation,
    shapes: Sequence[tuple[int, ...]],
    parameters: Parameters,
    *,
    dense: bool = True,
    alone: bool = True,
) -> Plan:
    """Tile an operation for an accelerator.

    Parameters
    ----------
    operation : Operation
        Any operation that computes; a Concat of one input is a copy, and so is a Lookup, whose
        table the builder loads.
    shapes : sequence of tuple of int
        Shapes of its inputs.
    parameters : Parameters
    dense : bool
        Whether pixels are contiguous in memory, in inputs and output.
    alone : bool
        Whether the program has no other operation.

    Raises
    ------
    ValueError
        If the hardware cannot run it; the message names the operation.
    """
    shape = tuple(shapes[0])
    check_width(operation, parameters)
    if isinstance(operation, ConvTranspose2d):
        return _transposed(operation, shape, parameters)
    if isinstance(operation, Conv2d) and _scans(operation, shape, parameters):
        return _depthwise(operation, shape, parameters, alone=alone)
    if isinstance(operation, Conv2d | Linear):
        return dense_plan(operation, shape, parameters, dense=dense)
    if isinstance(operation, AvgPool2d):
        return _avg_pool(operation, shapes, parameters, dense=dense)
    if isinstance(operation, MaxPool2d):
        return _max_pool(operation, shape, parameters)
    if isinstance(operation, Clamp):
        return _copy(operation.name, shape, operation.low, operation.high, parameters)
    if isinstance(operation, Concat | Lookup):  # the table is applied to what is copied
        return _copy(operation.name, shape, 0, 255, parameters)
    if isinstance(operation, Add):
        return sum_plan(operation, shape, parameters)
    if isinstance(operation, Mul):
        return _product(operation, shapes, parameters)
    if isinstance(operation, AddConstant):
        return constant_sum_plan(operation, shape, parameters)
    if isinstance(operation, Softmax | LayerNorm):
        return row_plan(operation, shape, parameters)
    if isinstance(operation, Tokens):
        return tokens_plan(operation, shape, parameters)
    if isinstance(operation, Rearrange):
        return rearrange_plan(operation, shape, parameters)
    if isinstance(operation, TensorProduct):
        return tensor_product_plan(operation, (shape, tuple(shapes[1])), parameters)
    if isinstance(operation, Upsample):
        return upsample_plan(operation, shape, parameters)
    if isinstance(operation, Slice):
        return _slice(operation, shape, parameters)
    if isinstance(operation, Shuffle):
        narrow = shuffle_plan(operation, shape, parameters)
        layer = replace(shuffle_layer(operation, shape[-1]), weight_bits=parameters.weight_bits)
        return narrow or plan(layer, shapes, parameters, dense=dense)
    raise ValueError(f"{operation.name} must be an operation that computes, got {operation.op}")


def _transposed(operation: ConvTranspose2d, shape: tuple[int, ...], parameters: Parameters) -> Plan:
    """Plan the convolutions that interleave."""
    parts: list[tuple[Phase, Plan]] = []
    for phase in phases(operation, shape):
        if _scans(phase.layer, shape, parameters):
            part = _depthwise(phase.layer, shape, parameters)
        else:
            part = dense_plan(phase.layer, shape, parameters, dense=False, even=False)
        parts.append((phase, part))
    return TransposedPlan(operation, tuple(parts))


def _avg_pool(
    operation: AvgPool2d,
    shapes: Sequence[tuple[int, ...]],
    parameters: Parameters,
    *,
    dense: bool,
) -> Plan:
    """Add up the pixels of whole images, or multiply windows by ones, in parts if need be."""
    images, height, width, channels = shapes[0]
    size = images, height, width, channels
    whole = global_pool_plan(operation, size, parameters)
    try:
        ones = replace(mean_layer(operation, channels), weight_bits=parameters.weight_bits)
        windows = plan(ones, shapes, parameters, dense=dense)
    except ValueError:
        return whole or large_mean_plan(operation, size, parameters)
    return windows if whole is None else min((whole, windows), key=lambda way: way.estimate)


def mean_layer(operation: AvgPool2d, channels: int) -> Conv2d:
    """Express an average pool as a depthwise convolution of ones with the same rounding."""
    factor = mean_multiplier(operation)
    return Conv2d(
        name=operation.name,
        weight=np.ones((channels, 1, *operation.kernel), np.int8),
        bias=np.zeros(channels, np.float32),
        bias_q=np.zeros(channels, np.int32),
        weight_scale=np.ones(channels),
        multiplier=np.full(channels, factor, np.float32),
        input=operation.input,
        output=operation.output,
        stride=operation.stride,
        padding=operation.padding,
        groups=channels,
    )


def _product(operation: Mul, shapes: Sequence[tuple[int, ...]], parameters: Parameters) -> Plan:
    if not parameters.product:
        raise ValueError(
            f"{operation.name}: product must be True to multiply two tensors, got hardware without "
            "it; --product generates one with it"
        )
    first, second = (tuple(shape) for shape in shapes)
    if first == second:
        return sum_plan(operation, first, parameters)
    return channel_product_plan(operation, first, parameters)


def _scans(layer: Conv2d, shape: tuple[int, ...], parameters: Parameters) -> bool:
    """Whether to use depthwise mode: a depthwise layer with a stride that the hardware supports."""
    channels = layer.weight.shape[0]
    return (
        parameters.depthwise
        and 1 < layer.groups == channels == shape[-1]
        and layer.dilation == (1, 1)
        and all(
            stride <= 15 or size == 1
            for stride, size in zip(layer.stride, layer.output_shape(shape)[1:3], strict=True)
        )
    )


def _depthwise(
    layer: Conv2d, shape: tuple[int, ...], parameters: Parameters, *, alone: bool = False
) -> Plan:
    images, height, width, channels = shape
    outputs = layer.output_shape(shape)[1:3]
    if min(outputs) < 1:
        raise ValueError(
            f"input of {layer.name} must be at least as large as the kernel, got {height} x {width}"
        )
    low, high = layer.bounds
    window = Window(
        Mode.DEPTHWISE,
        (layer.weight.shape[2], layer.weight.shape[3]),
        _strides(layer.stride, outputs),
        layer.padding,
        outputs,
        fill=layer.input.zero_point - 128,
        zero_point=layer.output.zero_point - 128,
        low=low - 128,
        high=high - 128,
        weight_bits=layer.weight_bits,
    )
    shape = images, height, width, channels
    return _windows(layer.name, window, shape, layer, parameters, alone=alone)


def _max_pool(operation: MaxPool2d, shape: tuple[int, ...], parameters: Parameters) -> Plan:
    images, height, width, channels = shape
    try:
        return max_pool_plan(operation, (images, height, width, channels), parameters)
    except ValueError as error:
        raise ValueError(f"{operation.name}: {error}") from None


def _slice(operation: Slice, shape: tuple[int, ...], parameters: Parameters) -> Plan:
    try:
        return slice_plan(operation, shape, parameters)
    except ValueError as error:
        raise ValueError(f"{operation.name}: {error}") from None


def _copy(name: str, shape: tuple[int, ...], low: int, high: int, parameters: Parameters) -> Plan:
    """Return a max pool of one cell, which clamps or copies."""
    images, height, width, channels = shape if len(shape) == 4 else (shape[0], 1, 1, shape[1])
    one = (1, 1)
    window = Window(
        *(Mode.MAX, one, one, (0, 0), (height, width)),
        fill=-128,
        zero_point=0,
        low=low - 128,
        high=high - 128,
    )
    shape = images, height, width, channels
    return _windows(name, window, shape, None, parameters)


def _windows(
    name: str,
    window: Window,
    shape: tuple[int, int, int, int],
    layer: Conv2d | None,
    parameters: Parameters,
    *,
    alone: bool = True,
) -> Plan:
    try:
        return window_plan(window, shape, layer, parameters, alone=alone)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _strides(stride: tuple[int, int], outputs: tuple[int, int]) -> tuple[int, int]:
    """Effective strides: 1 along an axis with a single output."""
    return (
        stride[0] if outputs[0] > 1 else 1,
        stride[1] if outputs[1] > 1 else 1,
    )
