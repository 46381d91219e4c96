"""Elementwise operators between two quantizations, measured: tables of codes, sums and products.

ONNX Runtime's own kernels compute every code, or every pair of codes; the hardware has to give the
same result for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...golden.array.add import AddFactors, add_codes, add_factors
from ...golden.graph import Mul
from ...golden.kernels.mul import mul
from ...golden.quantization import Quantization
from .onnx_file import Call
from .onnx_runtime import Read, run_part, unsigned

__all__ = ["CODES", "elementwise", "pairs", "product", "sum_factors", "table"]

Codes = npt.NDArray[np.uint8]

CODES = np.arange(256, dtype=np.uint8)
_FUNCTIONS = {
    *("Relu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "LeakyRelu", "Elu", "Selu"),
    *("Celu", "Gelu", "Softplus", "Softsign", "Mish", "Swish", "ThresholdedRelu", "Erf", "Exp"),
    *("Log", "Sqrt", "Abs", "Neg", "Reciprocal", "Sign", "Floor", "Ceil", "Round", "Sin", "Cos"),
    *("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "PRelu", "Identity", "Cast"),
    *("QLinearSigmoid", "QLinearLeakyRelu", "QLinearAdd", "QLinearMul", "QuickGelu"),
}
_SEARCH = 24  # steps around the factors
_NEAR = 0.02  # of a rounding boundary: pairs that decide


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


def sum_factors(
    found: Codes, ends: Sequence[Quantization]
) -> tuple[tuple[int, int, int], bool] | None:
    """Return the adder's factors and whether there is a ReLU, for the codes of `pairs`.

    The runtime adds in floating point. The adder's 22-bit factors are searched for values that give
    its result for all 65,536 pairs.

    Parameters
    ----------
    found : ndarray of shape (256, 256), uint8
    ends : (Quantization, Quantization, Quantization)
        Of the two inputs and the sum.

    Returns
    -------
    ((int, int, int), bool) or None
        None if there are no such factors.
    """
    first, second, output = ends
    zeros = (first.zero_point, second.zero_point, output.zero_point)
    low = int(found.min())
    if low not in (0, output.zero_point):
        return None
    try:
        start = add_factors(first, second, output)
    except ValueError:
        return None
    a, b = (codes.reshape(-1) for codes in np.meshgrid(CODES, CODES, indexing="ij"))
    exact = _real_sum(start, zeros)
    close = np.abs(exact - np.floor(exact) - 0.5) < _NEAR
    sure = close.reshape(-1)
    some_a, some_b, some = a[sure], b[sure], found.reshape(-1)[sure]
    for factors in _candidates(start):
        if not np.array_equal(add_codes(some_a, some_b, factors, zeros, low, 255), some):
            continue
        if np.array_equal(add_codes(a, b, factors, zeros, low, 255), found.reshape(-1)):
            return (factors.a, factors.b, factors.shift), low > 0
    return None


def _real_sum(factors: AddFactors, zeros: tuple[int, int, int]) -> npt.NDArray[np.float64]:
    steps = CODES.astype(np.float64)
    scale = 2.0**-factors.shift
    return ((steps - zeros[0]) * factors.a * scale)[:, None] + (
        steps - zeros[1]
    ) * factors.b * scale


def _candidates(start: AddFactors) -> Iterator[AddFactors]:
    """Yield factors, the nearest first."""
    steps = sorted(range(-_SEARCH, _SEARCH + 1), key=abs)
    around = sorted(((i, j) for i in steps for j in steps), key=lambda at: max(map(abs, at)))
    for i, j in around:
        a, b = start.a + i, start.b + j
        if min(a, b) >= 0 and max(a, b) <= 1 << 22:
            yield AddFactors(a, b, start.shift)
