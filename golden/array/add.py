"""Golden model of the adder: fixed-point factors, and rescaled sums of codes.

Ties away from zero (``half_away``) is the arithmetic of qnnpack's ``q8vadd`` micro-kernels with the
parameters of ``pytorch_qnnp_compute_add_quantization_params``: 22-bit factors, one shift. Ties
towards plus infinity (``half_up``) is that of XNNPACK's ``qs8-vadd``, which ExecuTorch and LiteRT
run: 21-bit factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..graph import Quantization

__all__ = ["AddFactors", "add_codes", "add_factors", "check_factors"]

_BITS = 22  # width of the larger factor
_SMALLEST_SHIFT, _LARGEST_SHIFT = 14, 31

Code = TypeVar("Code", np.uint8, np.int8)


@dataclass(frozen=True)
class AddFactors:
    """Fixed-point form of a sum: output steps = (a * steps_a + b * steps_b) / 2**shift.

    Parameters
    ----------
    a, b : int
        In 0..2**22; 255 * (a + b) + 2**(shift - 1) fits int32.
    shift : int
        In 14..31.
    half_up : bool
        Whether ties round towards plus infinity instead of away from zero.
    """

    a: int
    b: int
    shift: int
    half_up: bool = False


def check_factors(factors: AddFactors) -> AddFactors:
    """Return factors that the adder has.

    Raises
    ------
    ValueError
        If a factor is not in 0..2**22, or the shift not in 14..31.
    """
    a, b, shift = factors.a, factors.b, factors.shift
    if min(a, b) < 0 or max(a, b) > 1 << _BITS:
        raise ValueError(f"factors of a sum must be in 0..2**{_BITS}, got {a} and {b}")
    if not _SMALLEST_SHIFT <= shift <= _LARGEST_SHIFT:
        raise ValueError(
            f"shift of a sum must be in {_SMALLEST_SHIFT}..{_LARGEST_SHIFT}, got {shift}"
        )
    return factors


def add_factors(
    a: Quantization, b: Quantization, output: Quantization, rounding: str = "half_away"
) -> AddFactors:
    """Factors and shift of a sum.

    Parameters
    ----------
    a, b, output : Quantization
    rounding : "half_away" or "half_up"

    Returns
    -------
    AddFactors
        With ra = f(f(sa) / f(so)), rb likewise: shift = 21 - floor(log2(max(ra, rb))), factors
        rint(ra * 2**shift) and rint(rb * 2**shift). XNNPACK's shift is one less; its factors are
        doubled here, which keeps the shift in 14..31 and the sums as they are.

    Raises
    ------
    ValueError
        If a ratio of scales is outside 2**-14..2**8, which PyTorch rejects, or both are below
        2**-10, where the shift would exceed 31. With ``half_up``, if a ratio is outside
        2**-10..2**8, which XNNPACK rejects.

    Examples
    --------
    >>> add_factors(Quantization(0.5, 3), Quantization(0.375, 0), Quantization(1.0, 9))
    AddFactors(a=2097152, b=1572864, shift=22, half_up=False)
    """
    half_up = rounding == "half_up"
    least = -10 if half_up else -14
    ratios = [np.float32(x.scale) / np.float32(output.scale) for x in (a, b)]
    for ratio in ratios:
        if not 2.0**least <= ratio < 2.0**8:
            raise ValueError(
                f"scale of an input over the output's must be from 2**{least} to below 2**8, "
                f"got {ratio:g}"
            )
    exponent = int(np.frexp(max(ratios))[1]) - 1
    shift = _BITS - 1 - exponent
    if shift > _LARGEST_SHIFT:
        raise ValueError(
            f"scale of one input over the output's must be at least 2**-10, got {max(ratios):g}"
        )
    # XNNPACK's factors have one bit less; they are doubled to fit the same shift
    lost = 1 if half_up else 0
    first, second = (int(np.rint(np.ldexp(float(ratio), shift - lost))) for ratio in ratios)
    return AddFactors(first << lost, second << lost, shift, half_up)


def add_codes(
    a: npt.NDArray[Code],
    b: npt.NDArray[Code],
    factors: AddFactors,
    zero_points: tuple[int, int, int],
    low: int,
    high: int,
) -> npt.NDArray[Code]:
    """Rescaled sum of codes, as computed by the hardware's adder.

    Parameters
    ----------
    a, b : ndarray of one shape, uint8 or int8
        Codes, or codes minus 128.
    factors : AddFactors
    zero_points : (int, int, int)
        Zero points of a, b and the sum; minus 128 if the codes are.
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
    rest = (acc & mask) - (0 if factors.half_up else acc < 0)
    rounded = (acc >> np.int32(factors.shift)) + (rest > mask >> 1)
    return np.clip(rounded + zero_points[2], low, high).astype(a.dtype)
