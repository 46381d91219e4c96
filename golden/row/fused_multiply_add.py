"""Fused multiply-add in fp32: x * y + z with a single rounding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["fused_multiply_add"]

Floats = npt.NDArray[np.float32]


def fused_multiply_add(x: Floats, y: Floats | np.float32, z: Floats | np.float32) -> Floats:
    """Compute x * y + z, rounded once, to nearest even.

    The product of two fp32 numbers is exact in float64. The sum is rounded to odd there, so that
    the second rounding, to fp32, cannot meet a tie that the first one made.

    Parameters
    ----------
    x, y, z : ndarray of shapes that broadcast, float32
        Any numbers; infinities and NaNs give what IEEE 754 says.

    Returns
    -------
    ndarray of the common shape, float32

    Examples
    --------
    >>> one = np.ones(1, np.float32)
    >>> fused_multiply_add(one + np.float32(2**-23), one - np.float32(2**-23), -one)
    array([-1.4210855e-14], dtype=float32)
    """
    addend = np.asarray(z, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        product = x.astype(np.float64) * np.asarray(y, np.float64)
        total = product + addend
        # Knuth's two-sum: the exact error of the addition
        virtual = total - product
        error = (product - (total - virtual)) + (addend - virtual)
        inexact = np.isfinite(error) & (error != 0) & (total.view(np.int64) & 1 == 0)
        odd = np.where(inexact, np.nextafter(total, np.copysign(np.inf, error)), total)
        return odd.astype(np.float32)
