"""Intervals of shares: Wilson's, of paired differences, and of weighted sums over strata."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

__all__ = ["Estimate", "paired_difference", "weighted", "wilson"]

Estimate = tuple[float, float, float]  # value, lower and upper limit


def wilson(count: int, of: int, confidence: float = 0.95) -> Estimate:
    """Return a share with Wilson's score interval.

    Examples
    --------
    >>> [round(value, 4) for value in wilson(81, 263)]
    [0.308, 0.2553, 0.3662]
    """
    if of == 0:
        return 0.0, 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = count / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def paired_difference(
    both: int, first: int, second: int, neither: int, confidence: float = 0.95
) -> Estimate:
    """Return the second share less the first, on the same units (Newcombe 1998, method 8).

    Parameters
    ----------
    both, first, second, neither : int
        Units counted in both shares, in one alone, in none.
    confidence : float

    Examples
    --------
    >>> [round(value, 4) for value in paired_difference(20, 2, 12, 16)]
    [0.2, 0.0618, 0.3242]
    """
    of = both + first + second + neither
    p1, l1, u1 = wilson(both + first, of, confidence)
    p2, l2, u2 = wilson(both + second, of, confidence)
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    phi = (both * neither - first * second) / sqrt(margins) if margins else 0.0
    difference = p2 - p1
    below = sqrt(max(0.0, (p2 - l2) ** 2 - 2 * phi * (p2 - l2) * (u1 - p1) + (u1 - p1) ** 2))
    above = sqrt(max(0.0, (u2 - p2) ** 2 - 2 * phi * (u2 - p2) * (p1 - l1) + (p1 - l1) ** 2))
    return difference, difference - below, difference + above


def weighted(estimates: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """Return a weighted mean of independent estimates, its limits from theirs (MOVER).

    Parameters
    ----------
    estimates : sequence of Estimate
    weights : sequence of float
        Normalized to a sum of 1.

    Examples
    --------
    >>> weighted([(0.5, 0.4, 0.6), (0.1, 0.1, 0.1)], [1, 1])
    (0.3, 0.25, 0.35)
    """
    total = sum(weights)
    value = below = above = 0.0
    for (middle, low, high), weight in zip(estimates, weights, strict=True):
        share = weight / total
        value += share * middle
        below += (share * (middle - low)) ** 2
        above += (share * (high - middle)) ** 2
    return value, value - sqrt(below), value + sqrt(above)
