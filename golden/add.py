"""Sums of uint8 tensors, byte-equal to PyTorch's qnnpack kernels.

The arithmetic is fixed-point, that of qnnpack's ``q8vadd`` micro-kernels with the parameters of
``pytorch_qnnp_compute_add_quantization_params``: 22-bit factors, one shift, half away from zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from .graph import Add, Quantization

__all__ = ["AddFactors", "add", "add_codes", "add_factors", "check_add"]

_BITS = 22  # of the larger factor
_LARGEST_SHIFT = 31

Code = TypeVar("Code", np.uint8, np.int8)


@dataclass(frozen=True)
class AddFactors:
    """Fixed-point form of a sum: output steps = (a * steps_a + b * steps_b) / 2**shift.

    Parameters
    ----------
    a, b : int
        In 0..2**22, the larger at least 2**21; 255 * (a + b) fits int32.
    shift : int
        In 14..31.
    """

    a: int
    b: int
    shift: int


def add_factors(a: Quantization, b: Quantization, output: Quantization) -> AddFactors:
    """Factors and shift of a sum.

    Parameters
    ----------
    a, b, output : Quantization

    Returns
    -------
    AddFactors
        With ra = f(f(sa) / f(so)), rb likewise: shift = 21 - floor(log2(max(ra, rb))), factors
        rint(ra * 2**shift) and rint(rb * 2**shift).

    Raises
    ------
    ValueError
        If a ratio of scales is outside 2**-14..2**8, where PyTorch refuses, or both are below
        2**-10, where the shift would pass 31.

    Examples
    --------
    >>> add_factors(Quantization(0.5, 3), Quantization(0.375, 0), Quantization(1.0, 9))
    AddFactors(a=2097152, b=1572864, shift=22)
    """
    ratios = [np.float32(x.scale) / np.float32(output.scale) for x in (a, b)]
    for ratio in ratios:
        if not 2.0**-14 <= ratio < 2.0**8:
            raise ValueError(
                f"scale of an input over the output's must be from 2**-14 to below 2**8, "
                f"got {ratio:g}"
            )
    exponent = int(np.frexp(max(ratios))[1]) - 1
    shift = _BITS - 1 - exponent
    if shift > _LARGEST_SHIFT:
        raise ValueError(
            f"scale of one input over the output's must be at least 2**-10, got {max(ratios):g}"
        )
    first, second = (int(np.rint(np.ldexp(float(ratio), shift))) for ratio in ratios)
    return AddFactors(first, second, shift)


def check_add(operation: Add) -> AddFactors:
    """Factors of a legal sum.

    Raises
    ------
    ValueError
        For scales that `add_factors` refuses, or a ReLU whose only output is code 255, which
        PyTorch refuses.
    """
    if operation.relu and operation.output.zero_point == 255:
        raise ValueError(f"{operation.name}: zero point must be below 255 with ReLU, got 255")
    try:
        return add_factors(*operation.inputs, operation.output)
    except ValueError as error:
        raise ValueError(f"{operation.name}: {error}") from None


def add_codes(
    a: npt.NDArray[Code],
    b: npt.NDArray[Code],
    factors: AddFactors,
    zero_points: tuple[int, int, int],
    low: int,
    high: int,
) -> npt.NDArray[Code]:
    """Rescaled sum of codes: what the hardware's adder computes.

    Parameters
    ----------
    a, b : ndarray of one shape, uint8 or int8
        Codes, or codes minus 128.
    factors : AddFactors
    zero_points : (int, int, int)
        Of a, b and the sum, minus 128 if the codes are.
    low, high : int
        Clamp bounds, within the codes' range.

    Returns
    -------
    ndarray of that shape and dtype

    Examples
    --------
    >>> codes, zeros = np.array([3, 4], np.int8), np.zeros(2, np.int8)
    >>> add_codes(codes, zeros, AddFactors(2**21, 2**21, 22), (0, 0, 10), -128, 127)
    array([12, 12], dtype=int8)
    """
    steps = np.arange(256, dtype=np.uint8).view(a.dtype).astype(np.int32)
    acc = ((steps - zero_points[0]) * np.int32(factors.a))[a.view(np.uint8)]
    acc += ((steps - zero_points[1]) * np.int32(factors.b))[b.view(np.uint8)]
    mask = np.int32((1 << factors.shift) - 1)
    rest = (acc & mask) - (acc < 0)
    rounded = (acc >> np.int32(factors.shift)) + (rest > mask >> 1)
    return np.clip(rounded + zero_points[2], low, high).astype(a.dtype)


def add(
    a_q: npt.NDArray[np.uint8], b_q: npt.NDArray[np.uint8], operation: Add
) -> npt.NDArray[np.uint8]:
    """Output codes of a sum.

    Parameters
    ----------
    a_q, b_q : ndarray of one shape, uint8
    operation : Add

    Returns
    -------
    ndarray of that shape, uint8
        The rounded sum plus the zero point, clamped to 0..255, or from the zero point on with
        ReLU.

    Raises
    ------
    ValueError
        If the dtypes or shapes differ, or for what `check_add` refuses.

    Examples
    --------
    >>> half, one = Quantization(0.5, 0), Quantization(1.0, 10)
    >>> codes = np.array([3, 4], np.uint8)
    >>> add(codes, np.zeros(2, np.uint8), Add("sum", (half, half), one))
    array([12, 12], dtype=uint8)
    """
    for codes in (a_q, b_q):
        if codes.dtype != np.uint8:
            raise ValueError(f"a_q and b_q must be uint8, got {codes.dtype}")
    operation.output_shape(a_q.shape, b_q.shape)
    a, b = operation.inputs
    output = operation.output.zero_point
    low = output if operation.relu else 0
    zero_points = (a.zero_point, b.zero_point, output)
    return add_codes(a_q, b_q, check_add(operation), zero_points, low, 255)
