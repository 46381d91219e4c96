"""Measures of flatness: QGen's appendix A, equations 15 to 22, after Jiang et al. 2019.

With trained weights w, initial ones w0, their number omega, and m training images:

- 15, 16: ``|v|**2 / (4 sigma**2) + log(m / sigma) + 10``; v is w - w0 (init) or w (orig)
- 17, 18: ``|v|**2 log(2 omega) / (4 alpha**2) + log(m / alpha) + 10``
- 19, 20: ``sum_i log((eps**2 + (sigma**2 + 1) |v|**2 / omega) / (eps**2 + sigma**2 d_i**2)) / 4
  + log(m / sigma) + 10`` with d = w - w0 in both
- 21, 22: the same with ``alpha**2 + 4 log(2 omega / alpha)`` for ``sigma**2 + 1``

sigma and alpha are the largest perturbations that the network bears, see `search`. The text leaves
delta open in 16 to 22: it is sigma or alpha here, as in equation 15 and in the code of Dziugaite
et al. 2020. Equations 21 and 22 lack a closing parenthesis: it stands before the norm here.
Weights are those of convolutions and linear layers, batch norm folded, without biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

__all__ = ["EPSILON", "MEASURES", "Found", "measures", "normalized"]

Floats = npt.NDArray[np.float64]
EPSILON = 1e-3
MEASURES = tuple(
    f"{kind}-{mag}{origin}"
    for kind in ("pac-bayes", "sharpness")
    for mag in ("", "mag-")
    for origin in ("init", "orig")
)


@dataclass(frozen=True)
class Found:
    """The largest perturbations that a network bears.

    Parameters
    ----------
    sigma, mag_sigma : float
        Deviation of Gaussian noise on the weights: absolute, and relative to each weight.
    alpha, mag_alpha : float
        Bound of the worst noise: absolute, and relative.
    """

    sigma: float
    mag_sigma: float
    alpha: float
    mag_alpha: float


def measures(weights: Floats, first: Floats, found: Found, images: int) -> dict[str, float]:
    """Return the eight measures, and both norms, before normalization.

    Parameters
    ----------
    weights, first : ndarray of shape (omega,), float64
        Trained and initial weights.
    found : Found
    images : int
        m, of the training set.

    Returns
    -------
    dict of str to float
        By the names of `MEASURES`, then ``l2`` and ``l2-distance``.
    """
    distance = weights - first
    values: dict[str, float] = {}
    for origin, vector in (("init", distance), ("orig", weights)):
        square = float(vector @ vector)
        values |= {
            f"pac-bayes-{origin}": _plain(square, found.sigma, images),
            f"sharpness-{origin}": _plain(square * log(2 * len(weights)), found.alpha, images),
            f"pac-bayes-mag-{origin}": _aware(
                square, distance, found.mag_sigma, images, found.mag_sigma**2 + 1
            ),
            f"sharpness-mag-{origin}": _aware(
                square,
                distance,
                found.mag_alpha,
                images,
                found.mag_alpha**2 + 4 * log(2 * len(weights) / found.mag_alpha),
            ),
        }
    norms = {"l2": float(np.sqrt(weights @ weights))}
    norms["l2-distance"] = float(np.sqrt(distance @ distance))
    return {name: values[name] for name in MEASURES} | norms


def _plain(square: float, noise: float, images: int) -> float:
    return square / (4 * noise**2) + log(images / noise) + 10


def _aware(square: float, distance: Floats, noise: float, images: int, factor: float) -> float:
    upper = EPSILON**2 + factor * square / len(distance)
    lower = EPSILON**2 + noise**2 * distance**2
    return float(np.log(upper / lower).sum()) / 4 + log(images / noise) + 10


def normalized(values: Mapping[str, float], images: int) -> dict[str, float]:
    """Return the measures as in QGen's table 3: ``sqrt(x / m)``; norms stay.

    A sum of logarithms can be negative, which has no root: it becomes ``-sqrt(-x / m)``.
    """
    return {
        name: float(np.sign(value) * np.sqrt(abs(value) / images)) if name in MEASURES else value
        for name, value in values.items()
    }
