"""Runs ONNX models without ONNX Runtime, by the reference evaluator of the package onnx.

It takes the runtime's place where that is not installed: for shapes, for tables of functions of one
code, and for what the host computes. Its floating point may differ from the runtime's in the last
bit, so no result is ever called the runtime's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...golden.kernels.mul import mul
from ...golden.operations.mul import Mul
from ...golden.quantization import Quantization
from ...runtime.extras import extra_module

__all__ = ["Evaluator", "products", "sums"]

Array = npt.NDArray[Any]
Codes = npt.NDArray[np.uint8]

# QOperator form: the operator on real values, indices of its data inputs, index of its scale
_QUANTIZED: dict[str, tuple[str, tuple[int, ...], int]] = {
    "QLinearAdd": ("Add", (0, 3), 6),
    "QLinearMul": ("Mul", (0, 3), 6),
    "QLinearSigmoid": ("Sigmoid", (0,), 3),
    "QLinearLeakyRelu": ("LeakyRelu", (0,), 3),
    "QLinearSoftmax": ("Softmax", (0,), 3),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,), 3),
    "QLinearAveragePool": ("AveragePool", (0,), 3),
    "QLinearReduceMean": ("ReduceMean", (0,), 3),
    "QGemm": ("Gemm", (0, 3), 7),
}
_OWN = ("channels_last", "opset")  # attributes that the operator on real values lacks


class _Named(NamedTuple):
    name: str


class Evaluator:
    """A model, run by Python; has the two methods of a session of ONNX Runtime that are used.

    Parameters
    ----------
    data : bytes
        A model.

    Raises
    ------
    RuntimeError
        If the evaluator lacks an operator.
    """

    def __init__(self, data: bytes) -> None:
        onnx = extra_module("onnx", "onnx", "to read ONNX files")
        evaluator = extra_module("onnx.reference", "onnx", "to read ONNX files")
        model = onnx.load_model_from_string(data)
        nodes = [each for node in model.graph.node for each in _plain(onnx.helper, node)]
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        self._inputs = [each.name for each in model.graph.input]
        constants = {each.name for each in model.graph.initializer}
        self._inputs = [name for name in self._inputs if name not in constants]
        self._runs = evaluator.ReferenceEvaluator(model, new_ops=_quantizers())

    def get_inputs(self) -> list[_Named]:
        """Return the inputs, by name."""
        return [_Named(name) for name in self._inputs]

    def run(self, names: Sequence[str] | None, feeds: Mapping[str, Array]) -> list[Array]:
        """Return the named results, or all."""
        return [np.asarray(each) for each in self._runs.run(names, dict(feeds))]


def _quantizers() -> list[type]:
    """Return the evaluator's newest operators, for all opsets: those of 13 it lacks."""
    ops = "onnx.reference.ops.op_"
    dequantize = extra_module(f"{ops}dequantize_linear", "onnx", "to read ONNX files")
    quantize = extra_module(f"{ops}quantize_linear", "onnx", "to read ONNX files")
    found = {
        "DequantizeLinear": dequantize.DequantizeLinear_25,
        "QuantizeLinear": quantize.QuantizeLinear_25,
    }
    return [type(name, (each,), {"op_domain": ""}) for name, each in found.items()]


def _plain(make: Any, node: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield a node, in QOperator form as DequantizeLinear, operator and QuantizeLinear."""
    if node.op_type == "QLinearConcat":
        yield from _expanded(make, node, "Concat", range(2, len(node.input), 3), 0)
    elif node.op_type in _QUANTIZED:
        yield from _expanded(make, node, *_QUANTIZED[node.op_type])
    else:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.domain = ""  # com.microsoft's are ONNX's
        yield node


def _expanded(
    make: Any,  # noqa: ANN401
    node: Any,  # noqa: ANN401
    op: str,
    data: Sequence[int],
    ends: int,
) -> Iterator[Any]:
    out, reals = node.output[0], []
    for index in data:
        reals.append(f"{out}/real/{index}")
        inputs = list(node.input[index : index + 3])
        rows = node.op_type == "QGemm" and any(a.name == "transB" and a.i for a in node.attribute)
        yield make.make_node("DequantizeLinear", inputs, [reals[-1]], axis=0 if rows else 1)
    if node.op_type == "QGemm" and len(node.input) > 6 and node.input[6]:
        scale, bias = f"{out}/bias_scale", f"{out}/bias"
        yield make.make_node("Mul", [node.input[1], node.input[4]], [scale])
        yield make.make_node("DequantizeLinear", [node.input[6], scale], [bias], axis=0)
        reals.append(bias)
    found = make.make_node(op, reals, [f"{out}/real"])
    found.attribute.extend(each for each in node.attribute if each.name not in _OWN)
    yield found
    yield make.make_node("QuantizeLinear", [f"{out}/real", *node.input[ends : ends + 2]], [out])


def sums(ends: Sequence[Quantization], *, signed: bool, relu: bool) -> Codes:
    """Return the runtime's sum of each pair of codes: its QLinearAdd, as measured.

    With Z = f(zo - fma(ra, za, f(rb zb))), it is rint(fma(a, ra, fma(b, rb, Z))), clipped, in the
    file's codes.

    Parameters
    ----------
    ends : (Quantization, Quantization, Quantization)
        Of the two inputs and the sum.
    signed : bool
        Whether the file's codes are int8.
    relu : bool

    Returns
    -------
    ndarray of shape (256, 256), uint8
        The graph's codes.
    """
    first, second, output = ends
    f, wide, less = np.float32, np.float64, 128 * signed
    ra, rb = f(first.scale) / f(output.scale), f(second.scale) / f(output.scale)
    za, zb, zo = (each.zero_point - less for each in ends)
    start = f(f(zo) - f(wide(ra) * za + wide(rb * f(zb))))
    codes = np.arange(256, dtype=wide) - less
    inner = (codes * wide(rb) + wide(start)).astype(f)
    found = np.rint((codes[:, None] * wide(ra) + inner.astype(wide)).astype(f)) + less
    return found.clip(output.zero_point if relu else 0, 255).astype(np.uint8)


def products(ends: Sequence[Quantization], *, relu: bool) -> Codes:
    """Return the runtime's product of each pair of codes, which is qnnpack's; as of `sums`."""
    first, second, output = ends
    a = np.ascontiguousarray(np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None], (256, 256)))
    return mul(a, np.ascontiguousarray(a.T), Mul("mul", (first, second), output, relu))
