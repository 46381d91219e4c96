"""Golden model of the sliding-window maximum."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.parameters import WINDOW

__all__ = ["max_window"]


def max_window(
    cells: npt.NDArray[np.int8],
    window: tuple[int, int],
    stride: tuple[int, int],
    low: int = -128,
    high: int = 127,
) -> npt.NDArray[np.int8]:
    """Compute the clamped maximum of each window.

    Parameters
    ----------
    cells : ndarray of shape (lines, width, channels), int8
        Codes minus 128, padding included: every window lies inside.
    window : (int, int)
        Height and width, 1 to `WINDOW` each.
    stride : (int, int)
        Lines and cells from window to window.
    low, high : int
        Clamp bounds, codes minus 128.

    Returns
    -------
    ndarray of shape (height, width, channels), int8

    Raises
    ------
    TypeError
        If `cells` is not int8.
    ValueError
        If `cells` is smaller than the window or has another shape, the window is larger than
        `WINDOW`, a stride is below 1, or the bounds are not ordered within -128..127.

    Examples
    --------
    >>> cells = np.array([[3, 1, 2], [0, 7, 5]], np.int8)[:, :, None]
    >>> max_window(cells, (2, 1), (1, 1), high=6)[:, :, 0]
    array([[3, 6, 5]], dtype=int8)
    """
    if cells.dtype != np.int8:
        raise TypeError(f"cells must be int8, got {cells.dtype}")
    if not all(1 <= size <= WINDOW for size in window):
        raise ValueError(f"window must be between 1 and {WINDOW} each way, got {window}")
    if min(stride) < 1:
        raise ValueError(f"stride must be at least 1, got {stride}")
    if not -128 <= low <= high <= 127:
        raise ValueError(f"low and high must be ordered within -128..127, got {low} and {high}")
    if cells.ndim != 3 or any(n < size for n, size in zip(cells.shape, window, strict=False)):
        raise ValueError(
            f"cells must have shape (lines, width, channels) with a window of {window} inside, "
            f"got {cells.shape}"
        )
    windows = np.lib.stride_tricks.sliding_window_view(cells, window, axis=(0, 1))
    return windows[:: stride[0], :: stride[1]].max(axis=(-2, -1)).clip(low, high)
