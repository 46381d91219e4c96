"""Elementwise operators between two quantizations, measured: tables of codes and products.

ONNX Runtime's own kernels compute every code, or every pair of codes; the hardware has to give the
same result for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...golden.graph import Mul
from ...golden.kernels.mul import mul
from ...golden.quantization import Quantization
from .codes import file_codes, unsigned
from .onnx_evaluator import products, sums
from .onnx_file import Call
from .onnx_runtime import Read, not_asked, run_part

__all__ = ["CODES", "elementwise", "pairs", "product", "table"]

Codes = npt.NDArray[np.uint8]

CODES = np.arange(256, dtype=np.uint8)
_FUNCTIONS = {
    *("Relu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "LeakyRelu", "Elu", "Selu"),
    *("Celu", "Gelu", "Softplus", "Softsign", "Mish", "Swish", "ThresholdedRelu", "Erf", "Exp"),
    *("Log", "Sqrt", "Abs", "Neg", "Reciprocal", "Sign", "Floor", "Ceil", "Round", "Sin", "Cos"),
    *("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "PRelu", "Identity", "Cast"),
    *("QLinearSigmoid", "QLinearLeakyRelu", "QLinearAdd", "QLinearMul", "QuickGelu"),
}


_FORMULAS = {"Add": "sum", "QLinearAdd": "sum", "Mul": "product", "QLinearMul": "product"}


def elementwise(calls: Sequence[Call], constants: Mapping[str, npt.NDArray[Any]]) -> bool:
    """Whether operators compute each element by itself, with constants of one number."""
    for call in calls:
        sizes = [constants[name].size for name in call.inputs if name in constants]
        if call.op not in _FUNCTIONS or max(sizes, default=1) > 1:
            return False
    return True


def table(data: bytes, read: Read) -> Codes:
    """Return the codes that a model makes of each code.

    Parameters
    ----------
    data : bytes
        From `part`, of one input.
    read : Read
    """
    return unsigned(
        run_part(data, [file_codes(CODES, read.dtype)[None]], signed=read.signed).reshape(-1)
    )


def pairs(data: bytes, reads: Sequence[Read], calls: Sequence[Call], output: Quantization) -> Codes:
    """Return the codes that a model makes of each pair, shape (256, 256).

    Parameters
    ----------
    data : bytes
        From `part`, of two inputs.
    reads : sequence of Read
    calls : sequence of Call
        What it computes. Where the runtime is not installed, its sums and products are computed by
        its formulas.
    output : Quantization
    """
    head, *behind = [call.op for call in calls]
    if not_asked() and head in _FORMULAS and behind in ([], ["Relu"]):
        ends = reads[0].quantization, reads[1].quantization, output
        relu = bool(behind)
        if _FORMULAS[head] == "sum":
            return sums(ends, signed=reads[0].signed, relu=relu)
        return products(ends, relu=relu)
    grid = np.broadcast_to(CODES[:, None], (256, 256))
    inputs = [
        file_codes(np.ascontiguousarray(each), read.dtype)
        for each, read in zip((grid, grid.T), reads, strict=True)
    ]
    return unsigned(run_part(data, inputs, signed=reads[0].signed))


def product(name: str, found: Codes, ends: Sequence[Quantization]) -> Mul | None:
    """Return the product that gives the codes of `pairs`, if there is one."""
    first, second, output = ends
    for relu in (False, True):
        operation = Mul(name, (first, second), output, relu)
        a = np.broadcast_to(CODES[:, None], (256, 256))
        try:
            if np.array_equal(
                mul(np.ascontiguousarray(a), np.ascontiguousarray(a.T), operation), found
            ):
                return operation
        except ValueError:
            return None
    return None
