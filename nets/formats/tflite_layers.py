"""Layers of TFLite files: convolutions, depthwise ones and fully connected ones, with padding.

XNNPACK's INT8 kernels have an int32 sum, the factor f(f(sx * sw) / f(so)) and ties to even, as ONNX
Runtime's, whose layers these therefore are. TensorFlow's SAME pads the end more than the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...golden.graph import Layer
from ...golden.quantization import Quantization
from .onnx_layers import convolution, fully_connected, pads_of
from .onnx_values import Weights
from .tflite_file import TfliteCall, schema

if TYPE_CHECKING:
    from .tflite_importer import Pads, TfliteImporter

__all__ = ["LAYERS", "bounds", "close_scales", "same_pads", "without_activation"]

_BOUNDS = {
    "NONE": (-np.inf, np.inf),
    "RELU": (0.0, np.inf),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


def bounds(importer: TfliteImporter, call: TfliteCall, output: Quantization) -> tuple[int, int]:
    """Return the smallest and largest code that an operator's fused activation leaves."""
    kinds = vars(schema().ActivationFunctionType)
    given = call.option("fusedActivationFunction", 0)
    name = next((name for name in _BOUNDS if kinds[name] == given), "")
    if not name:
        importer.lacks(call, f"activation of {call.op} must be one of {', '.join(_BOUNDS)}")
    steps = np.array(_BOUNDS[name], np.float32) / np.float32(output.scale)
    low, high = np.clip(np.rint(steps + np.float32(output.zero_point)), 0, 255)
    return int(low), int(high)


def close_scales(output: Quantization) -> Iterator[Quantization]:
    """Yield an output's quantization, and others whose scales differ in the last bits."""
    for ulps in (0, 1, -1, 2, -2, 3, -3, 4, -4):
        scale = np.float32(output.scale)
        yield Quantization(float(scale + ulps * np.spacing(scale)), output.zero_point)


def without_activation(call: TfliteCall) -> TfliteCall:
    """Return an operator without its fused activation."""
    options, operator = copy(call.options), copy(call.operator)
    options.fusedActivationFunction = schema().ActivationFunctionType.NONE
    operator.builtinOptions = options
    return replace(call, options=options, operator=operator)


def same_pads(importer: TfliteImporter, call: TfliteCall, kernel: tuple[int, int]) -> Pads:
    """Return the padding (top, bottom) and (left, right) of a convolution or pool."""
    shape = importer.tensor(call.inputs[0]).shape
    padding = call.option("padding")
    same = schema().Padding.SAME
    if padding not in (same, schema().Padding.VALID):
        importer.lacks(call, f"padding of {call.op} must be SAME or VALID, got {padding}")
    attributes = {
        "auto_pad": "SAME_UPPER" if padding == same else "VALID",
        "strides": _strides(call),
        "dilations": _dilations(call),
    }
    rows, columns = pads_of(attributes, kernel, shape[1:3])
    return (rows[0], rows[1]), (columns[0], columns[1])


def _strides(call: TfliteCall) -> list[int]:
    return [call.option("strideH"), call.option("strideW")]


def _dilations(call: TfliteCall) -> list[int]:
    return [call.option("dilationHFactor", 1), call.option("dilationWFactor", 1)]


def _weights(
    importer: TfliteImporter, call: TfliteCall, order: tuple[int, ...], axis: int
) -> tuple[Weights, npt.NDArray[Any]]:
    """Return weights with the output channels first, and the bias in steps of the sum."""
    codes = importer.constant(call, 1)
    tensor = importer.tensor(call.inputs[1])
    if codes.dtype != np.int8 or codes.ndim != len(order) or not len(tensor.scale):
        importer.lacks(
            call,
            f"weights of {call.op} must be int8 of {len(order)} dimensions with scales, got "
            f"{codes.dtype} of shape {codes.shape}",
        )
    if tensor.zero_point.any():
        importer.lacks(call, f"weights of {call.op} must have the zero point 0")
    if len(tensor.scale) > 1 and tensor.axis != axis:
        importer.lacks(
            call, f"scales of {call.op} must be one per output channel, got axis {tensor.axis}"
        )
    bias = importer.constant(call, 2)
    if bias is None:
        bias = np.zeros((), np.int32)
    elif bias.dtype != np.int32:
        importer.lacks(call, f"bias of {call.op} must be int32, got {bias.dtype}")
    return Weights(codes.transpose(order).astype(np.int64), tensor.scale, 0), bias


def _append(
    importer: TfliteImporter, call: TfliteCall, layer: Layer, source: str, output: Quantization
) -> None:
    low, high = bounds(importer, call, output)
    importer.layers[layer.name] = replace(layer, limits=(low, high))
    importer.step("layer", (source,), {"name": layer.name}, call.outputs[0], layer.name)


def _source(importer: TfliteImporter, call: TfliteCall, pads: Pads) -> tuple[int, Pads]:
    """Return the tensor that a convolution reads, before a padding of its own, and all padding."""
    index = call.inputs[0]
    if index not in importer.pads:
        return index, pads
    before, added = importer.pads[index]
    rows, columns = ((a[0] + b[0], a[1] + b[1]) for a, b in zip(pads, added, strict=True))
    return before.inputs[0], (rows, columns)


def _convolution(
    importer: TfliteImporter,
    call: TfliteCall,
    weights: Weights,
    bias: npt.NDArray[Any],
    groups: int,
) -> None:
    kernel = weights.codes.shape[2:]
    pads = same_pads(importer, call, (kernel[0], kernel[1]))
    index, pads = _source(importer, call, pads)
    ends = importer.quantization(index), importer.quantization(call.outputs[0])
    attributes = {"strides": _strides(call), "dilations": _dilations(call), "group": groups}
    name = importer.name(call.name)
    layer = convolution(name, weights, bias, ends, attributes, pads)
    _append(importer, call, layer, importer.codes[index], ends[1])


def _conv(importer: TfliteImporter, call: TfliteCall) -> None:
    weights, bias = _weights(importer, call, (0, 3, 1, 2), 0)
    channels, each = importer.tensor(call.inputs[0]).shape[-1], weights.codes.shape[1]
    if channels % each:
        importer.lacks(call, f"{each} channels of weights must divide the {channels} of the input")
    _convolution(importer, call, weights, bias, channels // each)


def _depthwise(importer: TfliteImporter, call: TfliteCall) -> None:
    weights, bias = _weights(importer, call, (3, 0, 1, 2), 3)
    channels = importer.tensor(call.inputs[0]).shape[-1]
    _convolution(importer, call, weights, bias, channels)


def _linear(importer: TfliteImporter, call: TfliteCall) -> None:
    weights, bias = _weights(importer, call, (0, 1), 0)
    if call.option("weightsFormat"):
        importer.lacks(call, f"weights of {call.op} must be in the default format")
    index = call.inputs[0]
    shape, source = importer.tensor(index).shape, importer.codes_read(call, index)
    ends = importer.quantization(index), importer.quantization(call.outputs[0])
    name = importer.name(call.name)
    layer = fully_connected(name, weights, bias, ends, 0)
    if len(shape) == 3 and not call.option("keepNumDims"):
        importer.lacks(call, f"input of {call.op} must keep its dimensions, got shape {shape}")
    if len(shape) == 4:
        arguments = {"start_dim": 1, "channels_last": True}
        same = importer.same(index)
        source = importer.step("flatten", (source,), arguments, same, f"{call.name}.flatten")
    _append(importer, call, layer, source, ends[1])


LAYERS = {"CONV_2D": _conv, "DEPTHWISE_CONV_2D": _depthwise, "FULLY_CONNECTED": _linear}
