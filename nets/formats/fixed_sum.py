"""The adder's setting for a sum that a runtime computes in floating point, if there is one.

A runtime's kernel gives the code of each of the 65,536 pairs of codes. The adder's 22-bit factors
are searched near the ratios of scales. Its zero points are a second freedom: with others, and
another one added at the end, the sum moves by a fraction of an output step, in steps of
2**-shift. A setting is taken only if it gives every pair's code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...golden.array.add import AddFactors, add_codes, add_factors
from ...golden.quantization import Quantization

__all__ = ["FixedSum", "fixed_sum"]

Codes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

_CODES = np.arange(256, dtype=np.int64)
_SEARCH = 6  # steps around each factor
_NEAR = 0.01  # output steps from a rounding boundary: the pairs that decide


@dataclass(frozen=True)
class FixedSum:
    """A setting of the adder.

    Parameters
    ----------
    factors : (int, int, int)
        As `Add.factors`.
    zero_points : (int, int, int)
        As `Add.given_zero_points`.
    relu : bool
        Whether codes below the output's zero point are clamped.
    """

    factors: tuple[int, int, int]
    zero_points: tuple[int, int, int]
    relu: bool


def fixed_sum(found: Codes, ends: Sequence[Quantization]) -> FixedSum | None:
    """Return a setting that gives the code of each pair; None if none of those tried does.

    Parameters
    ----------
    found : ndarray of shape (256, 256), uint8
        Code of each pair, by the first input's code.
    ends : (Quantization, Quantization, Quantization)
        Of the two inputs and the sum.
    """
    first, second, output = ends
    relu = int(found.min()) == output.zero_point > 0
    low = output.zero_point if relu else 0
    try:
        start = add_factors(first, second, output)
    except ValueError:
        return None
    zeros = (first.zero_point, second.zero_point, output.zero_point)
    near = _near(start, zeros)
    for factors in _candidates(start):
        least, most = _window(factors, zeros, near, found, low)
        if least > most:
            continue
        shifted = zeros if least <= 0 <= most else _shifted(factors, zeros, least, most)
        if shifted is not None and _right(found, factors, shifted, low):
            given = factors.a, factors.b, factors.shift
            return FixedSum(given, shifted, relu)
    return None


def _sums(factors: AddFactors, zeros: tuple[int, int, int]) -> Integers:
    """Return the unrounded sum of each pair, in 2**-shift output steps."""
    a, b = (_CODES - zeros[0]) * factors.a, (_CODES - zeros[1]) * factors.b
    return a[:, None] + b


def _near(factors: AddFactors, zeros: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    """Return the pairs whose sum is near a rounding boundary."""
    step = 1 << factors.shift
    apart = np.abs(_sums(factors, zeros) % step - step // 2)
    return apart < _NEAR * step


def _candidates(start: AddFactors) -> Iterator[AddFactors]:
    """Yield factors, the nearest first."""
    steps = range(-_SEARCH, _SEARCH + 1)
    around = sorted(((i, j) for i in steps for j in steps), key=lambda at: max(map(abs, at)))
    for i, j in around:
        a, b = start.a + i, start.b + j
        if min(a, b) >= 0 and max(a, b) <= 1 << 22:
            yield AddFactors(a, b, start.shift)


def _window(
    factors: AddFactors,
    zeros: tuple[int, int, int],
    near: npt.NDArray[np.bool_],
    found: Codes,
    low: int,
) -> tuple[int, int]:
    """Return the least and largest addition to the sums for which all near pairs are right."""
    half = 1 << (factors.shift - 1)
    sums, codes = _sums(factors, zeros)[near], found[near].astype(np.int64)
    centre = (codes - zeros[2]) << factors.shift
    # ties are kept out of both sides, as the adder rounds them by their sign
    least = (centre - half - sums + 1)[codes > low]
    most = (centre + half - sums - 1)[codes < 255]
    return int(least.max(initial=-half)), int(most.min(initial=half))


def _shifted(
    factors: AddFactors, zeros: tuple[int, int, int], least: int, most: int
) -> tuple[int, int, int] | None:
    """Return zero points with which all sums grow by something from `least` to `most`."""
    step = 1 << factors.shift
    grown = (zeros[0] - _CODES)[:, None] * factors.a + (zeros[1] - _CODES) * factors.b
    whole = (grown + step // 2) >> factors.shift
    rest = grown - (whole << factors.shift)
    output = zeros[2] - whole
    fits = (rest >= least) & (rest <= most) & (output >= 0) & (output <= 255)
    if not fits.any():
        return None
    a, b = np.unravel_index(int(np.argmax(fits)), fits.shape)
    return int(a), int(b), int(output[a, b])


def _right(found: Codes, factors: AddFactors, zeros: tuple[int, int, int], low: int) -> bool:
    codes = np.arange(256, dtype=np.uint8)
    a, b = (each.reshape(-1) for each in np.meshgrid(codes, codes, indexing="ij"))
    return np.array_equal(add_codes(a, b, factors, zeros, low, 255), found.reshape(-1))
