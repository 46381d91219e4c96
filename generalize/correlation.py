"""Rank correlations with bootstrap intervals over the pool's settings."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..study.bootstrap import RESAMPLES, interval

__all__ = ["Correlation", "correlation", "kendall", "spearman"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Correlation:
    """A rank correlation and its 95 % interval."""

    value: float
    low: float
    high: float


def _signs(values: Floats) -> Floats:
    return np.sign(values[:, None] - values)


def _kendall(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Kendall's tau-b of weighted pairs, (resamples,), from signs (n, n)."""
    both, one, other = (
        np.einsum("ri,ij,rj->r", weights, pairs, weights, optimize=True)
        for pairs in (x * y, np.abs(x), np.abs(y))
    )
    scale = np.sqrt(one * other)
    return np.divide(both, scale, out=np.zeros_like(both), where=scale > 0)


def _spearman(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Spearman's rho: the correlation of mean ranks, centred."""
    count = weights.sum(axis=1, keepdims=True)
    a, b = (weights @ signs.T for signs in (x, y))  # twice the centred ranks
    moment = [
        (weights * left * right / count).sum(axis=1) for left, right in ((a, b), (a, a), (b, b))
    ]
    scale = np.sqrt(moment[1] * moment[2])
    return np.divide(moment[0], scale, out=np.zeros_like(scale), where=scale > 0)


Method = Callable[[Floats, Floats, Floats], Floats]
_METHODS: dict[str, Method] = {"kendall": _kendall, "spearman": _spearman}


def kendall(x: Floats, y: Floats) -> float:
    """Return Kendall's tau-b; 0 if either is constant.

    Examples
    --------
    >>> kendall(np.array([1.0, 2, 3]), np.array([1.0, 3, 2]))
    0.3333333333333333
    """
    return float(_kendall(_signs(x), _signs(y), np.ones((1, len(x))))[0])


def spearman(x: Floats, y: Floats) -> float:
    """Return Spearman's rho, ties having mean ranks; 0 if either is constant."""
    return float(_spearman(_signs(x), _signs(y), np.ones((1, len(x))))[0])


def correlation(
    x: Floats,
    y: Floats,
    method: str,
    *,
    name: str,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Correlation:
    """Return a rank correlation with its percentile interval.

    Parameters
    ----------
    x, y : ndarray of shape (n,), float64
        Figures of the same networks.
    method : str
        ``kendall``; ``within``, which is Kendall's of pairs of the same group alone; ``spearman``.
    name : str
        Determines the resamples, with the seed.
    groups : sequence of n str, optional
        Networks that are resampled together, as those of a setting; each alone by default.
    seed, resamples : int
    """
    labels = np.arange(len(x)) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(labels.max()) + 1
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    chosen = rng.integers(0, count, (resamples, count))
    weights = np.stack([np.bincount(row, minlength=count) for row in chosen])[:, labels]
    a, b = _signs(x), _signs(y)
    weights = weights.astype(np.float64)
    if method == "within":
        same = labels[:, None] == labels
        a, b, method = a * same, b * same, "kendall"
        weights = np.sqrt(weights)  # a group drawn twice has its pairs twice
    value = _METHODS[method](a, b, np.ones((1, len(x))))[0]
    return Correlation(float(value), *interval(_METHODS[method](a, b, weights)))
