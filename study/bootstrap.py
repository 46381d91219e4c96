"""Percentile bootstrap over images (Efron 1979), vectorized over resamples."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

__all__ = ["CONFIDENCE", "RESAMPLES", "Interval", "Resamples", "interval"]

RESAMPLES = 1000
CONFIDENCE = 0.95

Interval = tuple[float, float]
Floats = npt.NDArray[np.float64]
_EXACT = 1 << 24  # integers up to here are exact in float32


class Resamples:
    """Multiplicity of each image in each resample; drawn once and used for every figure.

    Paired figures (two models on the same images) use the same draws, so that the interval of
    their difference is valid.

    Parameters
    ----------
    images : int
        1 to 2**24 - 1.
    name : str
        Name of the sample; with the seed it determines the draws, independent of their order.
    seed : int
        At least 0.
    count : int
        Resamples.

    Attributes
    ----------
    weights : ndarray of shape (count, images), float32
        Integers; each row sums to `images`.

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
        """Return the share of images for which `holds` is true, in each resample.

        Parameters
        ----------
        holds : ndarray of shape (images,) or (images, figures), bool

        Returns
        -------
        ndarray of shape (count,) or (count, figures), float64
        """
        return self.sums(holds) / self.images

    def sums(self, holds: npt.NDArray[np.bool_]) -> Floats:
        """Return the number of images instead of their share, exact in any order of summation."""
        return (self.weights @ holds.astype(np.float32)).astype(np.float64)

    def means(self, values: npt.NDArray[np.float64]) -> Floats:
        """Return the mean of `values`, shape (images,), in each resample, shape (count,).

        Avoids BLAS, whose order of summation, and thus the last digit, depends on the machine.
        """
        return np.einsum("ri,i->r", self.weights, values, optimize=False) / self.images


def interval(resampled: Floats) -> Interval:
    """Return the 95 % percentile interval of a figure's resamples."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)
