"""Occlusions: black streaks of constant width within a bounding box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Box", "check_box", "occlude", "occlude_batch", "positions"]

Box = tuple[int, int, int, int]
_WIDTH = 0.02  # of the side of the box across the streaks


def check_box(box: Box, height: int | None = None, width: int | None = None) -> None:
    """Raise ValueError unless the box (x0, y0, x1, y1) is non-empty and within the image."""
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 and 0 <= y0 < y1):
        raise ValueError(f"bbox must have 0 <= x0 < x1 and 0 <= y0 < y1, got {x0},{y0},{x1},{y1}")
    if (width is not None and x1 > width) or (height is not None and y1 > height):
        raise ValueError(f"bbox must lie within {width} x {height} pixels, got {x0},{y0},{x1},{y1}")


def positions(side: int, count: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], int]:
    """Draw the start positions and the width of streaks along a side of the box.

    Parameters
    ----------
    side : int
        Pixels.
    count : int
    rng : Generator

    Returns
    -------
    starts : ndarray of shape (count,), int64
        Ascending; streaks do not overlap, and all such arrangements are equally likely.
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
    """Draw black streaks across a box.

    Parameters
    ----------
    crop : ndarray of shape (H, W, 3), float32
        Not modified.
    count : int
        Number of streaks, at least 1.
    rng : Generator
    box : tuple (x0, y0, x1, y1), optional
        In pixels, x1 and y1 exclusive; the whole crop by default.
    vertical : bool
        Whether streaks run from top to bottom of the box, else from left to right.

    Returns
    -------
    ndarray of the crop's shape, float32

    Raises
    ------
    ValueError
        If the box does not lie within the crop or the streaks do not fit.
    """
    return occlude_batch(crop[None], count, [rng], [box], vertical=vertical)[0]


def occlude_batch(
    crops: npt.NDArray[np.float32],
    count: int,
    rngs: Sequence[np.random.Generator],
    boxes: Sequence[Box | None],
    *,
    vertical: bool,
) -> npt.NDArray[np.float32]:
    """`occlude` for several images of one size, with one generator and one box each.

    Parameters
    ----------
    crops : ndarray of shape (N, H, W, 3), float32

    Returns
    -------
    ndarray of the crops' shape, float32
    """
    height, width = crops.shape[1:3]
    whole = (0, 0, width, height)
    starts = np.empty((len(crops), count), np.int64)
    thickness = np.empty((len(crops), 1), np.int64)
    along = np.empty((len(crops), 2), np.int64)
    for index, (rng, given) in enumerate(zip(rngs, boxes, strict=True)):
        box = whole if given is None else given
        check_box(box, height, width)
        x0, y0, x1, y1 = box
        low, high = (x0, x1) if vertical else (y0, y1)
        starts[index], thickness[index] = positions(high - low, count, rng)
        starts[index] += low
        along[index] = (y0, y1) if vertical else (x0, x1)
    across = _within(starts, starts + thickness, width if vertical else height)
    length = _within(along[:, :1], along[:, 1:], height if vertical else width)
    blocked = across[:, None] & length[:, :, None]  # (N, along, across)
    out = crops.copy()
    np.copyto(out, 0, where=(blocked if vertical else blocked.swapaxes(1, 2))[..., None])
    return out


def _within(
    starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], size: int
) -> npt.NDArray[np.bool_]:
    """Mask of `size` coordinates that lie in one of the intervals, starts and ends (N, count)."""
    at = np.arange(size)
    return np.any((at >= starts[..., None]) & (at < ends[..., None]), axis=1)
