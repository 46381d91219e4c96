"""Occlusions: black streaks of constant width within a bounding box."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Box", "check_box", "occlude", "positions"]

Box = tuple[int, int, int, int]
_WIDTH = 0.02  # of the box's side that the streaks divide


def check_box(box: Box, height: int | None = None, width: int | None = None) -> None:
    """Raise ValueError unless the box (x0, y0, x1, y1) is not empty and within the image."""
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 and 0 <= y0 < y1):
        raise ValueError(f"bbox must have 0 <= x0 < x1 and 0 <= y0 < y1, got {x0},{y0},{x1},{y1}")
    if (width is not None and x1 > width) or (height is not None and y1 > height):
        raise ValueError(f"bbox must lie within {width} x {height} pixels, got {x0},{y0},{x1},{y1}")


def positions(side: int, count: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], int]:
    """Where streaks begin along a side of the box, and how wide they are.

    Parameters
    ----------
    side : int
        Pixels.
    count : int
    rng : Generator

    Returns
    -------
    starts : ndarray of shape (count,), int64
        Ascending; streaks do not overlap, each such arrangement is equally likely.
    width : int
        2 % of the side, rounded, at least one pixel.

    Raises
    ------
    ValueError
        If that many streaks do not fit.
    """
    width = max(1, round(_WIDTH * side))
    free = side - count * width
    if free < 0:
        raise ValueError(
            f"number of streaks must be at most {side // width} for a box of {side} pixels, "
            f"got {count}"
        )
    # choose slots as if streaks were one pixel wide, then widen them
    slots = np.sort(rng.choice(free + count, count, replace=False))
    return slots + np.arange(count) * (width - 1), width


def occlude(
    crop: npt.NDArray[np.float32],
    count: int,
    rng: np.random.Generator,
    box: Box | None = None,
    *,
    vertical: bool,
) -> npt.NDArray[np.float32]:
    """Black streaks across a box.

    Parameters
    ----------
    crop : ndarray of shape (H, W, 3), float32
        Not changed.
    count : int
        Number of streaks, at least 1.
    rng : Generator
    box : tuple (x0, y0, x1, y1), optional
        In pixels, x1 and y1 excluded; the whole crop by default.
    vertical : bool
        Streaks run from top to bottom of the box, else from left to right.

    Returns
    -------
    ndarray of the crop's shape, float32

    Raises
    ------
    ValueError
        If the box does not lie within the crop or the streaks do not fit.
    """
    height, width = crop.shape[:2]
    box = (0, 0, width, height) if box is None else box
    check_box(box, height, width)
    x0, y0, x1, y1 = box
    out = crop.copy()
    inside = out[y0:y1, x0:x1]
    across = inside.swapaxes(0, 1) if vertical else inside
    starts, thickness = positions(len(across), count, rng)
    for start in starts:
        across[start : start + thickness] = 0
    return out
