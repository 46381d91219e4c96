"""Images sampled between pixels: shifts, zooms, warps; borders reflect or repeat."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["bilinear", "mirrored", "motion_blurred", "reflected", "zoomed"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def reflected(index: Integers, size: int) -> Integers:
    """Reflect indices beyond an edge about the edge: ``c b a | a b c``.

    Examples
    --------
    >>> reflected(np.arange(-3, 6), 3)
    array([2, 1, 0, 0, 1, 2, 2, 1, 0])
    """
    index = index % (2 * size)
    return np.minimum(index, 2 * size - 1 - index)


def mirrored(index: Integers, size: int) -> Integers:
    """Reflect indices beyond an edge about the last pixel: ``c b | a b c``.

    Examples
    --------
    >>> mirrored(np.arange(-2, 5), 3)
    array([2, 1, 0, 1, 2, 1, 0])
    """
    index = np.abs(index) % (2 * (size - 1))
    return np.minimum(index, 2 * (size - 1) - index)


def bilinear(
    images: Floats, y: Floats, x: Floats, border: Callable[[Integers, int], Integers] = reflected
) -> Floats:
    """Sample images at real coordinates, bilinearly.

    Parameters
    ----------
    images : ndarray of shape (N, H, W, C), float64
    y, x : ndarray of shape (N, H, W), float64
        Coordinates for each pixel of the result.
    border : callable
        Maps indices beyond an edge: `reflected` or `mirrored`.

    Returns
    -------
    ndarray of the images' shape, float64
    """
    count, height, width, _ = images.shape
    number = np.arange(count)[:, None, None]
    top, left = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    down, right = (y - top)[..., None], (x - left)[..., None]
    rows = [border(top + step, height) for step in (0, 1)]
    columns = [border(left + step, width) for step in (0, 1)]
    upper, lower = (
        images[number, row, columns[0]] * (1 - right) + images[number, row, columns[1]] * right
        for row in rows
    )
    return upper * (1 - down) + lower * down


@lru_cache(maxsize=64)
def _zoom_matrix(size: int, factor: float) -> Floats:
    """Matrix (size, size) that magnifies the middle of a line of pixels by `factor`."""
    kept = int(np.ceil(size / factor))
    first = (size - kept) // 2
    matrix = np.zeros((round(kept * factor), size))
    magnified = ndimage.zoom(np.eye(kept), (factor, 1), order=1)
    matrix[:, first : first + kept] = magnified
    trim = (len(matrix) - size) // 2
    return matrix[trim : trim + size]


def zoomed(images: Floats, factor: float) -> Floats:
    """Magnify the middle of images so that it fills them.

    The middle is of ``ceil(size / factor)`` pixels; linear interpolation is separable.

    Parameters
    ----------
    images : ndarray of shape (N, H, W, C), float64
    factor : float
        At least 1.

    Returns
    -------
    ndarray of the images' shape, float64
    """
    down, across = (_zoom_matrix(size, factor) for size in images.shape[1:3])
    rows = np.tensordot(down, images, axes=(1, 1))  # (H, N, W, C)
    return np.tensordot(rows, across, axes=(2, 1)).transpose(1, 0, 3, 2)


def motion_blurred(images: Floats, radius: float, sigma: float, degrees: Floats) -> Floats:
    """Blur images along a line from each pixel, as ImageMagick's ``MotionBlurImage`` does.

    A tap i of ``2 * ceil(radius) + 1`` has weight ``exp(-i**2 / (2 * sigma**2))``, normalized, and
    reads the pixel i steps along the line, rounded half down; the border's pixels repeat.

    Parameters
    ----------
    images : ndarray of shape (N, H, W, C), float64
    radius, sigma : float
        Pixels.
    degrees : ndarray of shape (N,), float64
        Angle of each image's line.

    Returns
    -------
    ndarray of the images' shape, float64
    """
    count, height, width, _ = images.shape
    taps = np.arange(2 * int(np.ceil(radius)) + 1)
    weights = np.exp(-(taps**2) / (2 * sigma**2))
    weights /= weights.sum()
    angles = np.deg2rad(degrees)
    number = np.arange(count)[:, None, None]
    rows, columns = np.arange(height)[None, :, None], np.arange(width)[None, None, :]
    blurred = np.zeros_like(images)
    for tap, weight in zip(taps, weights, strict=True):
        down = np.ceil(tap * np.sin(angles) - 0.5).astype(np.int64)[:, None, None]
        across = np.ceil(tap * np.cos(angles) - 0.5).astype(np.int64)[:, None, None]
        y, x = (rows + down).clip(0, height - 1), (columns + across).clip(0, width - 1)
        blurred += weight * images[number, y, x]
    return blurred
