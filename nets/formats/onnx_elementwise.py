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
from .onnx_file import Call
from .onnx_runtime import Read, run_part, unsigned

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


def elementwise(calls: Sequence[Call], constants: Mapping[str, npt.NDArray[Any]]) -> bool:
    """Whether operators compute each element by itself, with constants of one number."""
    for call in calls:
        sizes = [constants[name].size for name in call.inputs if name in constants]
        if call.op not in _FUNCTIONS or max(sizes, default=1) > 1:
            return False
    return True


def _file_codes(codes: Codes, read: Read) -> npt.NDArray[Any]:
    return (codes ^ np.uint8(128)).view(np.int8) if read.signed else codes


def table(data: bytes, read: Read) -> Codes:
    """Return the codes that a model makes of each code.

    Parameters
    ----------
    data : bytes
        From `part`, of one input.
    read : Read
    """
    return unsigned(
        run_part(data, [_file_codes(CODES, read)[None]], signed=read.signed).reshape(-1)
    )


def pairs(data: bytes, reads: Sequence[Read]) -> Codes:
    """Return the codes that a model makes of each pair, shape (256, 256)."""
    grid = np.broadcast_to(CODES[:, None], (256, 256))
    inputs = [
        _file_codes(np.ascontiguousarray(each), read)
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
