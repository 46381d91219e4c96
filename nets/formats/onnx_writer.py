"""Writes the integer graph as an ONNX file in QDQ form, for other tools to check.

Activations are int8 codes with float32 scales. Each scale of weights is moved by a few units in the
last place, where needed, so that ONNX Runtime's factor f(f(sx * sw) / f(so)) is the graph's; some
factors cannot be reached and stay one unit away. Moves, clamps and tables work on codes. Sums are
in floating point in ONNX Runtime and in fixed point in the graph: a few of 65,536 pairs of codes
may differ by one.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ...golden.graph import (
    Add,
    AvgPool2d,
    Clamp,
    Concat,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    Lookup,
    MaxPool2d,
    Mul,
    Network,
    Node,
    Quantization,
    Relabel,
    Shuffle,
    Slice,
    Upsample,
)
from ...golden.kernels.avg_pool2d import mean_multiplier
from ...golden.kernels.flatten import torch_columns
from ...golden.operations.conv_transpose2d import ConvTranspose2d
from ...runtime.extras import extra_module
from ..lowered import reordered

__all__ = ["OPSET", "to_onnx"]

OPSET = 17
_IR_VERSION = 8
_ULPS = 4  # of a weight's scale, searched for the graph's factor

Array = npt.NDArray[Any]


class _Writer:
    """Collects nodes and constants; tensors of the graph keep their names."""

    def __init__(self, network: Network) -> None:
        self.onnx = extra_module("onnx", "onnx", "to write ONNX files")
        self.network = network
        self.orders = reordered(network)
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}

    def node(self, op: str, inputs: list[str], output: str, name: str, **attributes: Any) -> str:  # noqa: ANN401
        """Append a node, named as in the graph but for the network's name; return its output."""
        name = name.removeprefix(f"{self.network.name}.")
        self.nodes.append(self.onnx.helper.make_node(op, inputs, [output], name, **attributes))
        return output

    def constant(self, name: str, value: Array) -> str:
        """Keep a constant; return its name."""
        self.constants[name] = value
        return name

    def ends(self, tensor: str, quantization: Quantization) -> list[str]:
        """Return the constants of a tensor's scale and zero point."""
        scale = np.array(quantization.scale, np.float32)
        zero = np.array(quantization.zero_point - 128, np.int8)
        return [self.constant(f"{tensor}/scale", scale), self.constant(f"{tensor}/zero", zero)]

    def real(self, tensor: str, by: str) -> str:
        """Append the real values of a tensor that an operator reads."""
        ends = self.ends(tensor, self.network.tensors[tensor].quantization)
        return self.node(
            "DequantizeLinear", [tensor, *ends], f"{by}/{tensor}/real", f"{by}/{tensor}/dq"
        )

    def quantize(self, real: str, node: Node) -> None:
        """Append a node's codes."""
        ends = self.ends(node.name, node.quantization)
        self.node("QuantizeLinear", [real, *ends], node.name, f"{node.name}/q")

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Return a tensor's shape in the graph."""
        return self.network.tensors[tensor].shape


def _layer_constants(writer: _Writer, layer: Layer, weight: Array) -> list[str]:
    """Append weights and bias; return their real values."""
    name, scale = layer.name, _weight_scales(layer)
    codes = writer.constant(f"{name}/weight", np.ascontiguousarray(weight))
    zeros = writer.constant(f"{name}/weight/zero", np.zeros(len(scale), np.int8))
    steps = writer.constant(f"{name}/weight/scale", scale)
    weights = writer.node(
        "DequantizeLinear",
        [codes, steps, zeros],
        f"{name}/weight/real",
        f"{name}/weight/dq",
        axis=0,
    )
    whole = writer.constant(f"{name}/bias", layer.bias_q.astype(np.int32))
    sums = writer.constant(f"{name}/bias/scale", np.float32(layer.input.scale) * scale)
    none = writer.constant(f"{name}/bias/zero", np.zeros(len(scale), np.int32))
    bias = writer.node(
        "DequantizeLinear", [whole, sums, none], f"{name}/bias/real", f"{name}/bias/dq", axis=0
    )
    return [weights, bias]


def _weight_scales(layer: Layer) -> npt.NDArray[np.float32]:
    """Return scales of weights for which the runtime's factor is the graph's.

    Where no scale gives it, it is one unit in the last place away.
    """
    source, output = np.float32(layer.input.scale), np.float32(layer.output.scale)
    found = layer.weight_scale.astype(np.float32)
    wrong = (source * found) / output != layer.multiplier
    start = (layer.multiplier * output / source).astype(np.float32)
    bits = start.view(np.int32)
    for step in range(-_ULPS, _ULPS + 1):
        tried = (bits + step).view(np.float32)
        right = wrong & ((source * tried) / output == layer.multiplier)
        found, wrong = np.where(right, tried, found), wrong & ~right
    return found


def _activated(writer: _Writer, real: str, node: Node, low: int, high: int) -> None:
    """Quantize a layer's result; clamp its codes if the bounds are narrower."""
    if (low, high) == (0, 255):
        writer.quantize(real, node)
        return
    inner = f"{node.name}/unclamped"
    ends = writer.ends(node.name, node.operation.output)
    writer.node("QuantizeLinear", [real, *ends], inner, f"{node.name}/q")
    _clip(writer, inner, node.name, f"{node.name}/clip", low, high)


def _clip(writer: _Writer, source: str, name: str, path: str, low: int, high: int) -> None:
    bounds = [
        writer.constant(f"{name}/{what}", np.array(code - 128, np.int8))
        for what, code in (("low", low), ("high", high))
    ]
    writer.node("Clip", [source, *bounds], name, path)


def _conv(writer: _Writer, node: Node, layer: Conv2d) -> None:
    (top, bottom), (left, right) = layer.pads
    real = writer.node(
        "Conv",
        [writer.real(node.inputs[0], layer.name), *_layer_constants(writer, layer, layer.weight)],
        f"{layer.name}/sum",
        layer.name,
        kernel_shape=layer.weight.shape[2:],
        strides=layer.stride,
        pads=[top, left, bottom, right],
        dilations=layer.dilation,
        group=layer.groups,
    )
    _activated(writer, real, node, *layer.bounds)


def _linear(writer: _Writer, node: Node, layer: Linear) -> None:
    order = writer.orders.get(node.inputs[0])
    weight = layer.weight if order is None else torch_columns(layer.weight, *order)
    real = writer.node(
        "Gemm",
        [writer.real(node.inputs[0], layer.name), *_layer_constants(writer, layer, weight)],
        f"{layer.name}/sum",
        layer.name,
        transB=1,
    )
    _activated(writer, real, node, *layer.bounds)


def _pair(writer: _Writer, node: Node, operation: Add | Mul) -> None:
    name = node.operation.name
    reals = [writer.real(source, f"{name}/{index}") for index, source in enumerate(node.inputs)]
    real = writer.node(type(operation).__name__, reals, f"{name}/real", name)
    low = operation.output.zero_point if operation.relu else 0
    _activated(writer, real, node, low, 255)


def _max_pool(writer: _Writer, node: Node, pool: MaxPool2d) -> None:
    (top, left) = pool.padding
    writer.node(
        "MaxPool",
        [node.inputs[0]],
        node.name,
        pool.name,
        kernel_shape=pool.kernel,
        strides=pool.stride,
        pads=[top, left, top, left],
        dilations=pool.dilation,
        ceil_mode=int(pool.ceil_mode),
    )


def _of_ones(pool: AvgPool2d, channels: int) -> Conv2d:
    """Return the depthwise convolution of ones that computes a pool."""
    factor = mean_multiplier(pool)
    scale = factor * np.float32(pool.output.scale) / np.float32(pool.input.scale)
    return Conv2d(
        name=pool.name,
        weight=np.ones((channels, 1, *pool.kernel), np.int8),
        bias=np.zeros(channels, np.float32),
        bias_q=np.zeros(channels, np.int32),
        weight_scale=np.full(channels, scale, np.float64),
        multiplier=np.full(channels, factor, np.float32),
        input=pool.input,
        output=pool.output,
        stride=pool.stride,
        padding=pool.padding,
        groups=channels,
    )


def _avg_pool(writer: _Writer, node: Node, pool: AvgPool2d) -> None:
    if pool.kernel != writer.shape(node.inputs[0])[1:3] or any(pool.padding):
        # the runtime's window pools are in floating point, its convolutions of ones are not
        _conv(writer, node, _of_ones(pool, writer.shape(node.inputs[0])[3]))
        return
    real = writer.real(node.inputs[0], pool.name)
    writer.quantize(writer.node("GlobalAveragePool", [real], f"{pool.name}/real", pool.name), node)


def _lookup(writer: _Writer, node: Node, lookup: Lookup) -> None:
    """Pick entries by code; a negative index counts from the table's end."""
    name = node.name
    signed = (lookup.table[np.arange(256, dtype=np.uint8) ^ 128] ^ np.uint8(128)).view(np.int8)
    table = writer.constant(f"{name}/table", signed)
    index = writer.node("Cast", [node.inputs[0]], f"{name}/index", f"{name}/cast", to=6)  # INT32
    writer.node("Gather", [table, index], name, lookup.name)


def _concat(writer: _Writer, node: Node, concat: Concat) -> None:
    if any(source != concat.output for source in concat.inputs):
        raise ValueError(f"{concat.name}: inputs must have the output's scale and zero point")
    writer.node("Concat", list(node.inputs), node.name, concat.name, axis=1)


def _flatten(writer: _Writer, node: Node, flatten: Flatten) -> None:
    writer.node("Flatten", [node.inputs[0]], node.name, flatten.name, axis=1)


def _clamp(writer: _Writer, node: Node, clamp: Clamp) -> None:
    _clip(writer, node.inputs[0], node.name, clamp.name, clamp.low, clamp.high)


def _relabel(writer: _Writer, node: Node, relabel: Relabel) -> None:
    writer.node("Identity", [node.inputs[0]], node.name, relabel.name)


def _upsample(writer: _Writer, node: Node, upsample: Upsample) -> None:
    scales = writer.constant(f"{node.name}/scales", np.array([1, 1, *upsample.factors], np.float32))
    writer.node(
        "Resize",
        [node.inputs[0], "", scales],
        node.name,
        upsample.name,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _slice(writer: _Writer, node: Node, part: Slice) -> None:
    axes = [1] if len(part.spans) == 1 else [2, 3, 1]
    spans = [(axis, *span) for axis, span in zip(axes, part.spans, strict=True) if span is not None]
    columns = {
        "starts": [first for _, first, _, _ in spans],
        "ends": [first + (count - 1) * step + 1 for _, first, count, step in spans],
        "axes": [axis for axis, *_ in spans],
        "steps": [step for *_, step in spans],
    }
    names = [
        writer.constant(f"{node.name}/{what}", np.array(numbers, np.int64))
        for what, numbers in columns.items()
    ]
    writer.node("Slice", [node.inputs[0], *names], node.name, part.name)


def _shuffle(writer: _Writer, node: Node, shuffle: Shuffle) -> None:
    channels = writer.shape(node.inputs[0])[3]
    sources = writer.constant(f"{node.name}/channels", shuffle.sources(channels).astype(np.int64))
    writer.node("Gather", [node.inputs[0], sources], node.name, shuffle.name, axis=1)


_WRITERS: dict[type, Callable[[_Writer, Node, Any], None]] = {
    Conv2d: _conv,
    Linear: _linear,
    Add: _pair,
    Mul: _pair,
    MaxPool2d: _max_pool,
    AvgPool2d: _avg_pool,
    Lookup: _lookup,
    Concat: _concat,
    Flatten: _flatten,
    Clamp: _clamp,
    Relabel: _relabel,
    Upsample: _upsample,
    Slice: _slice,
    Shuffle: _shuffle,
}


def to_onnx(network: Network) -> bytes:
    """Return a network as an ONNX file.

    Parameters
    ----------
    network : Network
        For one image; before any fusion, as the importer makes it.

    Returns
    -------
    bytes
        Input and results are float32, channels first; the number of images is open. Names of
        tensors and operators are the graph's.

    Raises
    ------
    ValueError
        If ONNX Runtime has no integer arithmetic for an operation; the message names it.
    """
    writer = _Writer(network)
    if network.other_inputs:
        names = ", ".join(source.name for source in network.sources)
        raise ValueError(f"{network.name}: network must have one input to be a file, got {names}")
    make, source = writer.onnx.helper, network.input
    ends = writer.ends(source.name, source.quantization)
    writer.node("QuantizeLinear", ["input", *ends], source.name, f"{source.name}/q")
    for node in network.nodes:
        kind = type(node.operation)
        if kind not in _WRITERS or isinstance(node.operation, ConvTranspose2d):
            raise ValueError(
                f"{node.operation.name}: operation must have integer arithmetic in ONNX Runtime, "
                f"got {node.operation.op}"
            )
        _WRITERS[kind](writer, node, node.operation)
    results = []
    for name in network.outputs:
        ends = writer.ends(name, network.tensors[name].quantization)
        result = f"{name}/result"
        writer.node("DequantizeLinear", [name, *ends], result, f"{name}/dq")
        results.append(make.make_tensor_value_info(result, 1, _sizes(writer.shape(name))))
    graph = make.make_graph(
        writer.nodes,
        network.name,
        [make.make_tensor_value_info("input", 1, _sizes(source.shape))],
        results,
        [
            writer.onnx.numpy_helper.from_array(np.asarray(value), name)
            for name, value in writer.constants.items()
        ],
    )
    model = make.make_model(
        graph,
        producer_name="maccord",
        ir_version=_IR_VERSION,
        opset_imports=[make.make_opsetid("", OPSET)],
    )
    return model.SerializeToString(deterministic=True)


def _sizes(shape: tuple[int, ...]) -> list[Any]:
    """Return a shape, channels first, for any number of images."""
    assert prod(shape) > 0
    return ["N", shape[-1], *shape[1:-1]]
