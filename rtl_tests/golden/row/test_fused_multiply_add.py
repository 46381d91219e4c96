"""Fused multiply-add against exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from maccord.golden.row.fused_multiply_add import fused_multiply_add


def rounded(value: Fraction) -> np.float32:
    """Round an exact number to fp32, to nearest even, within the normal range."""
    if value == 0:
        return np.float32(0)
    size, exponent = abs(value), 0
    while size >= 1 << 24:
        size, exponent = size / 2, exponent + 1
    while size < 1 << 23:
        size, exponent = size * 2, exponent - 1
    return np.float32(np.ldexp(np.copysign(float(round(size)), float(value)), exponent))


def test_single_rounding() -> None:
    """Random numbers; sums that a rounding to fp64 makes a tie of fp32; cancellation."""
    rng = np.random.default_rng(0)
    significands = rng.integers(1 << 23, 1 << 24, (3, 4000)) * rng.choice([-1, 1], (3, 4000))
    x, y, z = np.ldexp(significands.astype(np.float32), rng.integers(-50, 0, (3, 4000)))
    x[:1000], y[:1000] = 1 + 2.0**-12, 1 + 2.0**-12  # 1 + 2**-11 + 2**-24: a tie
    z[:1000] = np.ldexp(np.float32(1), rng.integers(-90, -24, 1000)) * rng.choice([-1, 1], 1000)
    z[1000:2000] = -(x * y)[1000:2000]
    found = fused_multiply_add(x, y, z)
    exact = [
        Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
        for a, b, c in zip(x, y, z, strict=True)
    ]
    np.testing.assert_array_equal(found, np.array([rounded(value) for value in exact]))
    assert np.any(found != (x.astype(np.float64) * y + z).astype(np.float32))


def test_zeros_and_infinities() -> None:
    huge = np.full(1, np.finfo(np.float32).max)
    assert fused_multiply_add(huge, huge, -huge)[0] == np.inf
    assert fused_multiply_add(huge * 0, huge, huge)[0] == huge[0]
