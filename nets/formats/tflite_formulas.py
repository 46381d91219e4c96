"""LiteRT's elementwise operators and means by their formulas, where LiteRT is not installed.

Sums, products and means are XNNPACK's formulas as measured. Functions of one code are computed in
fp32 between dequantizing and quantizing; LiteRT's may differ at ties, so no result is ever called
LiteRT's. Other operators are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...golden.kernels.add import add
from ...golden.kernels.quantize import dequantize
from ...golden.operations.add import Add
from ...golden.quantization import Quantization
from ...runtime.errors import ToolchainError
from .codes import quantized
from .pt2_products import xnnpack_products
from .tflite_file import TfliteCall
from .tflite_layers import bounds

if TYPE_CHECKING:
    from .tflite_importer import TfliteImporter

__all__ = ["Softmax", "computed", "means"]

Codes = npt.NDArray[np.uint8]
Reals = npt.NDArray[np.float32]

_FUNCTIONS: dict[str, Callable[[Reals], npt.NDArray[Any]]] = {
    "QUANTIZE": lambda x: x,
    "RELU": lambda x: np.maximum(x, 0),
    "RELU6": lambda x: np.clip(x, 0, 6),
    "RELU_N1_TO_1": lambda x: np.clip(x, -1, 1),
    "LOGISTIC": lambda x: 1 / (1 + np.exp(-x)),
    "TANH": np.tanh,
    "HARD_SWISH": lambda x: x * np.clip(x + 3, 0, 6) / 6,
}


def computed(importer: TfliteImporter, call: TfliteCall, given: list[Codes]) -> Codes:
    """Return the codes that an operator makes of codes, or of pairs of codes.

    Raises
    ------
    ToolchainError
        For an operator without a formula.
    """
    ends = [importer.quantization(index) for index in importer.reads(call)]
    output = importer.quantization(call.outputs[0])
    if call.op in _FUNCTIONS and len(given) == 1:
        reals = _FUNCTIONS[call.op](dequantize(given[0], ends[0])).astype(np.float32)
        return quantized(reals, output)
    if call.op in ("ADD", "MUL") and len(given) == 2:
        first, second = given
        if call.op == "ADD":
            operation = Add("sum", (ends[0], ends[1]), output, rounding="half_up")
            found = add(first, second, operation)
        else:
            found = xnnpack_products(ends, output)[first, second]
        low, high = bounds(importer, call, output)
        return found.clip(low, high).astype(np.uint8)
    raise ToolchainError(
        f"{importer.network}.{call.name}: {call.op} is measured in LiteRT, which is not installed: "
        "pip install 'maccord[tflite]'"
    )


def means(
    op: str,
    sums: npt.NDArray[np.int64],
    count: int,
    source: Quantization,
    output: Quantization,
) -> Codes:
    """Return the codes of the means of windows with these sums of codes.

    AVERAGE_POOL_2D rounds the integer mean of int8 codes half away from zero. MEAN is XNNPACK's
    rint(f(f(sum) * m) + f(zo - f(f(n * zx) * m))) with m = f(f(sx / so) * f(1 / n)).

    Examples
    --------
    >>> kind = Quantization(1.0, 128)
    >>> means("AVERAGE_POOL_2D", np.array([253, 254, 255, 257]), 2, kind, kind)
    array([126, 127, 127, 129], dtype=uint8)
    """
    signed, f = sums - 128 * count, np.float32
    if op == "AVERAGE_POOL_2D":
        away = (np.abs(signed) + count // 2) // count
        return (np.sign(signed) * away + 128).astype(np.uint8)
    zero, end = source.zero_point - 128, output.zero_point - 128
    factor = f(f(source.scale) / f(output.scale)) * f(1 / f(count))
    codes = np.rint(signed.astype(f) * factor + f(f(end) - f(f(count * zero) * factor)))
    return (codes.clip(-128, 127) + 128).astype(np.uint8)


@dataclass(frozen=True)
class Softmax:
    """The function of a `Host` operation: softmax of each row of codes, in fp32.

    Parameters
    ----------
    source, output : Quantization
    beta : float
    """

    source: Quantization
    output: Quantization
    beta: float

    def placed(self, layouts: object, orders: object) -> Softmax:
        """Return the function: it reads the graph's order of elements."""
        return self

    def __call__(self, given: Sequence[Codes]) -> Codes:
        """Return codes for those of the only input."""
        reals = dequantize(given[0], self.source) * np.float32(self.beta)
        powers = np.exp(reals - reals.max(-1, keepdims=True))
        return quantized(powers / powers.sum(-1, keepdims=True), self.output)
