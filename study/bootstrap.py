"""Percentile bootstrap over images (Efron 1979), all resamples of a figure at once."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

__all__ = ["CONFIDENCE", "RESAMPLES", "Interval", "Resamples", "interval"]

RESAMPLES = 1000
CONFIDENCE = 0.95

Interval = tuple[float, float]
Floats = npt.NDArray[np.float64]
_EXACT = 1 << 24  # whole numbers below have a float32 of their own


class Resamples:
    """How often each image was drawn in each resample; drawn once, used for every figure.

    Paired figures (two models on the same images) come from the same draws, so that their
    difference has its own interval.

    Parameters
    ----------
    images : int
        1 to 2**24 - 1.
    name : str
        What is resampled: with the seed it decides the draws, so that their order never matters.
    seed : int
        At least 0.
    count : int
        Resamples.

    Attributes
    ----------
    weights : ndarray of shape (count, images), float32
        Whole numbers; each row's sum is `images`.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    def __init__(self, images: int, name: str, *, seed: int = 0, count: int = RESAMPLES) -> None:
        if not 1 <= images < _EXACT:
            raise ValueError(f"images must be between 1 and {_EXACT - 1}, got {images}")
        if count < 1:
            raise ValueError(f"resamples must be at least 1, got {count}")
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}")
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        self.images = images
        self.weights = np.empty((count, images), np.float32)
        for weights in self.weights:
            weights[:] = np.bincount(rng.integers(0, images, images), minlength=images)

    def shares(self, holds: npt.NDArray[np.bool_]) -> Floats:
        """Share of the images for which something holds, in each resample.

        Parameters
        ----------
        holds : ndarray of shape (images,) or (images, figures), bool

        Returns
        -------
        ndarray of shape (count,) or (count, figures), float64
        """
        return self.sums(holds) / self.images

    def sums(self, holds: npt.NDArray[np.bool_]) -> Floats:
        """Return the number of images, not their share: exact in whatever order it is summed."""
        return (self.weights @ holds.astype(np.float32)).astype(np.float64)

    def means(self, values: npt.NDArray[np.float64]) -> Floats:
        """Mean of a number of shape (images,) in each resample, of shape (count,).

        Not by BLAS, whose order of summation, and with it the last digit, is the machine's.
        """
        return np.einsum("ri,i->r", self.weights, values, optimize=False) / self.images


def interval(resampled: Floats) -> Interval:
    """Return ends of the middle 95 % of a figure's resamples."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)
