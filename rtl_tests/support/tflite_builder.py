"""Builds small TFLite files from seeded weights, with the format's own classes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from maccord.nets.formats.tflite_file import packed, schema

__all__ = ["TfliteBuilder", "Value"]

_VERSIONS = {"HARD_SWISH": 1, "RESHAPE": 1, "QUANTIZE": 1, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3}
_VERSIONS |= {"FULLY_CONNECTED": 4, "RESIZE_NEAREST_NEIGHBOR": 3}  # of the others 2: int8


@dataclass(frozen=True)
class Value:
    """A tensor of the file that is being built."""

    index: int
    shape: tuple[int, ...]
    scale: float
    zero: int


class TfliteBuilder:
    """Collects operators; output scales are chosen so that the codes are used well.

    Parameters
    ----------
    seed : int
        Of the weights.
    """

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.classes = schema()
        self.model = self.classes.ModelT()
        self.model.version = 3
        self.model.buffers = [self.classes.BufferT()]
        self.model.operatorCodes = []
        self.graph = self.classes.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs, self.graph.outputs = [], []
        self.model.subgraphs = [self.graph]

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        kind: str = "INT8",
        scale: Any = (),
        zero: Any = (),
        *,
        axis: int = 0,
        data: npt.NDArray[Any] | None = None,
    ) -> int:
        """Append a tensor and return its number."""
        made = self.classes.TensorT()
        made.name, made.shape, made.buffer = name, np.array(shape, np.int32), 0
        made.type = getattr(self.classes.TensorType, kind)
        if np.size(scale):
            made.quantization = self.classes.QuantizationParametersT()
            made.quantization.scale = np.array(scale, np.float32).reshape(-1)
            made.quantization.zeroPoint = np.array(zero, np.int64).reshape(-1)
            made.quantization.quantizedDimension = axis
        if data is not None:
            buffer = self.classes.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            made.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def value(
        self, name: str, shape: tuple[int, ...], scale: float, zero: int, kind: str = "INT8"
    ) -> Value:
        """Append a tensor of codes, or of real numbers."""
        given = () if kind == "FLOAT32" else scale
        return Value(self.tensor(name, shape, kind, given, zero), shape, scale, zero)

    def constant(self, name: str, data: npt.NDArray[Any]) -> int:
        """Append a constant of int32."""
        return self.tensor(name, data.shape, "INT32", data=data.astype(np.int32))

    def operator(
        self, op: str, inputs: list[int], outputs: list[int], options: str = "", **values: Any
    ) -> None:
        """Append an operator."""
        code = self.classes.OperatorCodeT()
        code.builtinCode = getattr(self.classes.BuiltinOperator, op)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = values.pop("version", _VERSIONS.get(op, 2))
        made = self.classes.OperatorT()
        made.opcodeIndex = len(self.model.operatorCodes)
        made.inputs, made.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
        if options:
            made.builtinOptionsType = getattr(self.classes.BuiltinOptions, options)
            made.builtinOptions = getattr(self.classes, f"{options}T")()
            vars(made.builtinOptions).update(values)
        self.model.operatorCodes.append(code)
        self.graph.operators.append(made)

    def activation(self, name: str) -> int:
        """Return the number of an activation."""
        return getattr(self.classes.ActivationFunctionType, name)

    def padding(self, name: str) -> int:
        """Return the number of a padding."""
        return getattr(self.classes.Padding, name)

    def input(
        self,
        shape: tuple[int, ...],
        kind: str = "FLOAT32",
        scale: float = 0.04,
        zero: int = -3,
        name: str = "input",
    ) -> Value:
        """Append an input, and its quantization to int8 if it has another dtype."""
        given = self.value(name, shape, scale, zero + 128 * (kind == "UINT8"), kind)
        self.graph.inputs.append(given.index)
        if kind == "INT8":
            return given
        codes = self.value(f"{name}/quantized", shape, scale, zero)
        self.operator("QUANTIZE", [given.index], [codes.index], "QuantizeOptions")
        return codes

    def _weights(
        self, name: str, shape: tuple[int, ...], axis: int, source: Value
    ) -> tuple[list[int], npt.NDArray[np.float32]]:
        """Append int8 weights per channel and their bias; return both and the scales."""
        codes = np.clip(np.rint(self.random.normal(0, 40, shape)), -127, 127).astype(np.int8)
        scale = self.random.uniform(0.002, 0.006, shape[axis]).astype(np.float32)
        zeros = np.zeros(shape[axis])
        count = prod(shape) // shape[axis]
        bias = np.rint(self.random.normal(0, 1000 * count**0.5, shape[axis])).astype(np.int32)
        steps = scale * np.float32(source.scale)
        return [
            self.tensor(f"{name}/weights", shape, "INT8", scale, zeros, axis=axis, data=codes),
            self.tensor(f"{name}/bias", bias.shape, "INT32", steps, zeros, data=bias),
        ], scale

    def _output(self, count: int, scale: npt.NDArray[np.float32], source: Value) -> float:
        """Return an output scale for sums of so many products."""
        return float(np.float32(source.scale * scale.mean() * count**0.5 * 40 * 1.2))

    def conv(
        self,
        name: str,
        source: Value,
        outputs: int,
        size: int = 3,
        *,
        stride: int = 1,
        padding: str = "SAME",
        activation: str = "NONE",
        depthwise: bool = False,
        scale: float = 0.0,
        zero: int | None = None,
    ) -> Value:
        """Append a convolution, a depthwise one with a channel for each input channel or more."""
        channels = source.shape[3]
        shape = (1, size, size, outputs) if depthwise else (outputs, size, size, channels)
        axis = 3 if depthwise else 0
        weights, scales = self._weights(name, shape, axis, source)
        count = prod(shape) // outputs
        places = [
            -(-n // stride) if padding == "SAME" else (n - size) // stride + 1
            for n in source.shape[1:3]
        ]
        own = scale or self._output(count, scales, source)
        point = zero if zero is not None else (-128 if activation == "RELU6" else -7)
        result = self.value(name, (1, *places, outputs), own, point)
        values: dict[str, Any] = {
            "padding": self.padding(padding),
            "strideH": stride,
            "strideW": stride,
            "dilationHFactor": 1,
            "dilationWFactor": 1,
            "fusedActivationFunction": self.activation(activation),
        }
        if depthwise:
            values["depthMultiplier"] = outputs // channels
        op, options = ("CONV_2D", "Conv2DOptions")
        if depthwise:
            op, options = "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions"
        inputs = [source.index, *weights]
        self.operator(op, inputs, [result.index], options, **values)
        return result

    def linear(self, name: str, source: Value, outputs: int) -> Value:
        """Append a fully connected layer."""
        count = prod(source.shape)
        weights, scales = self._weights(name, (outputs, count), 0, source)
        result = self.value(name, (1, outputs), self._output(count, scales, source), 4)
        inputs = [source.index, *weights]
        self.operator("FULLY_CONNECTED", inputs, [result.index], "FullyConnectedOptions")
        return result

    def pool(
        self, op: str, name: str, source: Value, size: int, stride: int, padding: str = "VALID"
    ) -> Value:
        """Append AVERAGE_POOL_2D or MAX_POOL_2D."""
        places = [
            -(-n // stride) if padding == "SAME" else (n - size) // stride + 1
            for n in source.shape[1:3]
        ]
        shape = (1, *places, source.shape[3])
        result = self.value(name, shape, source.scale, source.zero)
        values = {"filterHeight": size, "filterWidth": size, "strideH": stride, "strideW": stride}
        values["padding"] = self.padding(padding)
        self.operator(op, [source.index], [result.index], "Pool2DOptions", **values)
        return result

    def mean(self, name: str, source: Value, *, keep: bool, ratio: float = 2.2917) -> Value:
        """Append the mean of the image; a simple ratio of the scales gives ties."""
        axes = self.constant(f"{name}/axes", np.array([1, 2]))
        shape = (1, 1, 1, source.shape[3]) if keep else (1, source.shape[3])
        result = self.value(name, shape, source.scale / ratio, source.zero + 5)
        self.operator("MEAN", [source.index, axes], [result.index], "ReducerOptions", keepDims=keep)
        return result

    def pair(
        self, op: str, name: str, a: Value, b: Value, scale: float, activation: str = "NONE"
    ) -> Value:
        """Append ADD or MUL."""
        result = self.value(name, a.shape, scale, -128 if activation != "NONE" else 3)
        options = "AddOptions" if op == "ADD" else "MulOptions"
        values = {"fusedActivationFunction": self.activation(activation)}
        self.operator(op, [a.index, b.index], [result.index], options, **values)
        return result

    def unary(
        self, op: str, name: str, source: Value, scale: float, zero: int, options: str = ""
    ) -> Value:
        """Append a function of one tensor."""
        result = self.value(name, source.shape, scale, zero)
        self.operator(op, [source.index], [result.index], options)
        return result

    def concatenation(self, name: str, parts: list[Value]) -> Value:
        """Append a concatenation of channels."""
        shape = (*parts[0].shape[:3], sum(part.shape[3] for part in parts))
        result = self.value(name, shape, parts[0].scale, parts[0].zero)
        inputs = [part.index for part in parts]
        self.operator("CONCATENATION", inputs, [result.index], "ConcatenationOptions", axis=3)
        return result

    def pad(self, name: str, source: Value, widths: list[list[int]]) -> Value:
        """Append a padding with zeros."""
        shape = tuple(n + sum(pad) for n, pad in zip(source.shape, widths, strict=True))
        result = self.value(name, shape, source.scale, source.zero)
        given = self.constant(f"{name}/widths", np.array(widths))
        self.operator("PAD", [source.index, given], [result.index], "PadOptions")
        return result

    def upsample(self, name: str, source: Value, factor: int) -> Value:
        """Append a repetition of pixels."""
        size = [n * factor for n in source.shape[1:3]]
        result = self.value(name, (1, *size, source.shape[3]), source.scale, source.zero)
        given = self.constant(f"{name}/size", np.array(size))
        options = "ResizeNearestNeighborOptions"
        self.operator(
            "RESIZE_NEAREST_NEIGHBOR",
            [source.index, given],
            [result.index],
            options,
            halfPixelCenters=True,
        )
        return result

    def flatten(self, name: str, source: Value) -> Value:
        """Append a change of shape to a row."""
        shape = (1, prod(source.shape))
        result = self.value(name, shape, source.scale, source.zero)
        given = self.constant(f"{name}/shape", np.array(shape))
        inputs = [source.index, given]
        self.operator("RESHAPE", inputs, [result.index], "ReshapeOptions", newShape=list(shape))
        return result

    def dequantize(self, name: str, source: Value) -> Value:
        """Append a change to real numbers."""
        result = self.value(name, source.shape, 1.0, 0, "FLOAT32")
        self.operator("DEQUANTIZE", [source.index], [result.index], "DequantizeOptions")
        return result

    def file(self, *outputs: Value) -> bytes:
        """Return the file with these results."""
        self.graph.inputs = np.array(self.graph.inputs, np.int32)
        self.graph.outputs = np.array([each.index for each in outputs], np.int32)
        return packed(self.model)
