"""Blurs: out of focus, through frosted glass, of motion, of zooming."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from .sampling import motion_blurred, zoomed

__all__ = ["defocus_blur", "glass_blur", "motion_blur", "zoom_blur"]

Floats = npt.NDArray[np.float64]
Rngs = Sequence[np.random.Generator]


def disk(radius: float, sigma: float) -> Floats:
    """Return a disk of that radius, softened by a Gaussian of 3 x 3 or, above 8 pixels, 5 x 5."""
    reach = max(8, int(radius))
    squares = np.arange(-reach, reach + 1) ** 2
    found = (squares[:, None] + squares <= radius**2).astype(np.float64)
    found /= found.sum()
    half = 1 if radius <= 8 else 2
    line = np.exp(-(np.arange(-half, half + 1) ** 2) / (2 * sigma**2))
    line /= line.sum()
    for axis in (0, 1):
        found = ndimage.correlate1d(found, line, axis, mode="mirror")
    return found


def defocus_blur(images: Floats, constant: tuple[float, float], rngs: Rngs) -> Floats:
    """Correlate with a softened `disk` of the constant's radius and deviation."""
    return ndimage.correlate(images, disk(*constant)[None, :, :, None], mode="mirror")


def glass_blur(images: Floats, constant: tuple[float, int, int], rngs: Rngs) -> Floats:
    """Move pixels by up to some places, between two Gaussian blurs.

    The constant is the blurs' deviation, the largest move, and the number of passes. A pass goes
    from the lower right to the upper left, and *copies* a random neighbour to each pixel: the
    published script means to swap the two, but assigns a view of what it has just overwritten.
    """
    sigma, reach, passes = constant
    count, height, width, _ = images.shape
    rows, columns = range(height - reach, reach, -1), range(width - reach, reach, -1)
    size = (passes, len(rows), len(columns), 2)
    moves = np.stack([rng.integers(-reach, reach, size) for rng in rngs], axis=3)
    steps = moves[..., 0] + width * moves[..., 1]  # (passes, rows, columns, N)
    source = np.repeat(np.arange(height * width)[:, None], count, axis=1)
    number = np.arange(count)
    for step in steps:
        for row, drawn in zip(rows, step, strict=True):
            for column, move in zip(columns, drawn, strict=True):
                place = row * width + column
                source[place] = source[place + move, number]
    soft = np.floor(_gaussian(images, sigma) * 255) / 255
    moved = soft.reshape(count, height * width, -1)[number, source].swapaxes(0, 1)
    return _gaussian(moved.reshape(images.shape), sigma)


def _gaussian(images: Floats, sigma: float) -> Floats:
    """Gaussian blur of each plane, with the border's pixels repeated."""
    return ndimage.gaussian_filter(images, (0, sigma, sigma, 0), mode="nearest")


def motion_blur(images: Floats, constant: tuple[float, float], rngs: Rngs) -> Floats:
    """Blur along a line at a random angle of -45 to 45 degrees; radius and deviation in pixels."""
    degrees = np.array([rng.uniform(-45, 45) for rng in rngs])
    return motion_blurred(images, *constant, degrees)


def zoom_blur(images: Floats, factors: tuple[float, ...], rngs: Rngs) -> Floats:
    """Return the mean of the image and of the image zoomed by each of the factors."""
    total = images.copy()
    for factor in factors:
        total += zoomed(images, factor)
    return total / (len(factors) + 1)
