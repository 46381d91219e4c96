"""Rows of docs/format_operators.md for TFLite: each operator behind a convolution."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from maccord.golden.network import execute
from maccord.nets.formats.files import load_file

sys.path.append(str(Path(__file__).parents[1] / "rtl_tests" / "support"))
from tflite_builder import TfliteBuilder, Value

__all__ = ["rows"]

_Append = Callable[[TfliteBuilder, Value, Value], Value]


def _call(
    op: str,
    *further: Any,
    shape: tuple[int, ...] = (),
    scale: float = 0.0,
    zero: int = 3,
    options: str = "",
    version: int = 2,
    **values: Any,
) -> _Append:
    """An operator of "x", of "y" and of constants."""

    def append(net: TfliteBuilder, x: Value, y: Value) -> Value:
        inputs = [x.index]
        for each in further:
            constant = not isinstance(each, str)
            inputs.append(net.constant(f"c{len(inputs)}", np.array(each)) if constant else y.index)
        kept = not scale
        result = net.value("op", shape or x.shape, scale or x.scale, x.zero if kept else zero)
        net.operator(op, inputs, [result.index], options, version=version, **values)
        return result

    return append


def _code_constant(op: str, options: str, data: list[int]) -> _Append:
    """An operator of "x" and int8 constants."""

    def append(net: TfliteBuilder, x: Value, y: Value) -> Value:
        codes = np.array(data, np.int8).reshape(1, 1, 1, -1)
        second = net.tensor("c", codes.shape, "INT8", 0.02, 0, data=codes)
        result = net.value("op", x.shape, 0.05, 3)
        net.operator(op, [x.index, second], [result.index], options)
        return result

    return append


def _halves(net: TfliteBuilder, x: Value, y: Value) -> Value:
    """SPLIT into two, joined the other way round."""
    axis = net.constant("axis", np.array(3))
    parts = [net.value(f"part{n}", (1, 8, 8, 2), x.scale, x.zero) for n in range(2)]
    outputs = [part.index for part in parts]
    net.operator("SPLIT", [axis, x.index], outputs, "SplitOptions", numSplits=2)
    return net.concatenation("op", parts[::-1])


EXAMPLES: list[tuple[str, _Append]] = [
    ("CONV_2D(x; SAME, stride 2)", lambda n, x, y: n.conv("op", x, 8, stride=2)),
    ("CONV_2D(x; RELU6)", lambda n, x, y: n.conv("op", x, 8, activation="RELU6", scale=0.03)),
    (
        "DEPTHWISE_CONV_2D(x; 5 x 5, stride 2)",
        lambda n, x, y: n.conv("op", x, 8, 5, stride=2, depthwise=True),
    ),
    (
        "CONV_2D(PAD(x))",
        lambda n, x, y: n.conv("op", n.pad("pad", x, [[0, 0], [1, 1], [2, 0], [0, 0]]), 8),
    ),
    ("FULLY_CONNECTED(x)", lambda n, x, y: n.linear("op", x, 10)),
    ("ADD(x, y)", lambda n, x, y: n.pair("ADD", "op", x, y, 0.06)),
    ("ADD(x, y; RELU)", lambda n, x, y: n.pair("ADD", "op", x, y, 0.06, "RELU")),
    ("ADD(x, y; RELU6)", lambda n, x, y: n.pair("ADD", "op", x, y, 0.06, "RELU6")),
    ("SUB(x, y)", _call("SUB", "y", scale=0.06, options="SubOptions")),
    ("MUL(x, y)", lambda n, x, y: n.pair("MUL", "op", x, y, 0.1)),
    ("ADD(x, 0.3)", _code_constant("ADD", "AddOptions", [15])),
    ("MUL(x, 0.3)", _code_constant("MUL", "MulOptions", [15])),
    ("ADD(x, a constant per channel)", _code_constant("ADD", "AddOptions", [1, 2, 3, 4])),
    ("CONCATENATION(x, x; channels)", lambda n, x, y: n.concatenation("op", [x, x])),
    (
        "CONCATENATION(x, x; rows)",
        lambda n, x, y: _call(
            "CONCATENATION", shape=(1, 8, 8, 4), options="ConcatenationOptions", axis=1
        )(n, x, y),
    ),
    *(
        (f"{op}(x)", _call(op, scale=s, zero=z, options=o, version=v))
        for op, s, z, o, v in (
            ("RELU", 0.02, -128, "", 2),
            ("RELU6", 0.03, -128, "", 2),
            ("LEAKY_RELU", 0.03, 3, "LeakyReluOptions", 2),
            ("HARD_SWISH", 0.03, 3, "HardSwishOptions", 1),
            ("LOGISTIC", 1 / 256, -128, "", 2),
            ("TANH", 1 / 128, 0, "", 2),
            ("ELU", 0.03, 3, "", 1),
            ("GELU", 0.03, 3, "GeluOptions", 2),
            ("ABS", 0.03, 3, "", 2),
            ("QUANTIZE", 0.04, 7, "QuantizeOptions", 2),
            ("SOFTMAX", 1 / 256, -128, "SoftmaxOptions", 2),
        )
    ),
    ("MAX_POOL_2D(x; 2 x 2)", lambda n, x, y: n.pool("MAX_POOL_2D", "op", x, 2, 2)),
    ("MAX_POOL_2D(x; 3 x 3, SAME)", lambda n, x, y: n.pool("MAX_POOL_2D", "op", x, 3, 2, "SAME")),
    ("AVERAGE_POOL_2D(x; 2 x 2)", lambda n, x, y: n.pool("AVERAGE_POOL_2D", "op", x, 2, 2)),
    (
        "AVERAGE_POOL_2D(x; 3 x 3, SAME)",
        lambda n, x, y: n.pool("AVERAGE_POOL_2D", "op", x, 3, 2, "SAME"),
    ),
    ("MEAN(x; image)", lambda n, x, y: n.mean("op", x, keep=False)),
    ("MEAN(x; image), scales with ties", lambda n, x, y: n.mean("op", x, keep=True, ratio=2.3)),
    (
        "MEAN(x; channels)",
        _call("MEAN", [3], shape=(1, 8, 8, 1), options="ReducerOptions", keepDims=True),
    ),
    ("RESHAPE(x; row)", lambda n, x, y: n.flatten("op", x)),
    (
        "RESHAPE(x; image)",
        _call("RESHAPE", [1, 4, 16, 4], shape=(1, 4, 16, 4), options="ReshapeOptions", version=1),
    ),
    (
        "SLICE(x; rows and channels)",
        _call("SLICE", [0, 1, 0, 1], [1, 6, -1, 2], shape=(1, 6, 8, 2), options="SliceOptions"),
    ),
    (
        "STRIDED_SLICE(x; every second pixel)",
        _call(
            "STRIDED_SLICE",
            *([0, 0, 0, 0], [1, 8, 8, 4], [1, 2, 2, 1]),
            shape=(1, 4, 4, 4),
            options="StridedSliceOptions",
        ),
    ),
    (
        "STRIDED_SLICE(x; backwards)",
        _call(
            "STRIDED_SLICE",
            *([0, 0, 7, 0], [1, 8, -9, 4], [1, 1, -1, 1]),
            options="StridedSliceOptions",
        ),
    ),
    ("SPLIT(x; channels)", _halves),
    ("RESIZE_NEAREST_NEIGHBOR(x; twice)", lambda n, x, y: n.upsample("op", x, 2)),
    (
        "RESIZE_NEAREST_NEIGHBOR(x; 12 x 12)",
        _call(
            "RESIZE_NEAREST_NEIGHBOR",
            [12, 12],
            shape=(1, 12, 12, 4),
            options="ResizeNearestNeighborOptions",
        ),
    ),
    (
        "RESIZE_BILINEAR(x; twice)",
        _call("RESIZE_BILINEAR", [16, 16], shape=(1, 16, 16, 4), options="ResizeBilinearOptions"),
    ),
    (
        "TRANSPOSE(x)",
        _call("TRANSPOSE", [0, 2, 1, 3], options="TransposeOptions"),
    ),
    (
        "SPACE_TO_DEPTH(x)",
        _call(
            "SPACE_TO_DEPTH",
            shape=(1, 4, 4, 16),
            options="SpaceToDepthOptions",
            blockSize=2,
        ),
    ),
    ("L2_NORMALIZATION(x)", _call("L2_NORMALIZATION", scale=1 / 128, zero=0)),
    ("CUMSUM(x)", _call("CUMSUM", 1, options="CumsumOptions", version=1)),
    ("CUSTOM(x)", _call("CUSTOM")),
]


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield operator, where it runs, and the sentence; every tensor of what runs is compared."""
    for name, append in EXAMPLES:
        net = TfliteBuilder(1)
        x = net.conv("x", net.input((1, 8, 8, 3)), 4, 1, scale=0.04)
        y = x if ", y" not in name else net.conv("y", x, 4, 1, scale=0.05)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.tflite"
            path.write_bytes(net.file(append(net, x, y)))
            try:
                network = load_file(str(path))
            except ValueError as error:
                yield name, "refused", str(error).replace(f"{folder}/", "")
                continue
        inputs = np.random.default_rng(1).standard_normal((2, *network.input_shape[1:]), np.float32)
        expected = network.tensors(inputs)
        found = execute(network.graph, expected[network.graph.input.name])
        for tensor, codes in expected.items():
            np.testing.assert_array_equal(found[tensor], codes, tensor)
        reasons = [s.arguments["reason"] for s in network.steps if s.arguments.get("reason")]
        yield (name, "host", reasons[0]) if reasons else (name, "hardware", "")
