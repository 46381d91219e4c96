"""Windows of an image's tokens: their places, what a cyclic shift separates, relative positions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["merged", "relative_positions", "separated", "window_places"]

Places = npt.NDArray[np.int64]


def window_places(side: int, window: int, shift: int) -> tuple[Places, Places]:
    """Places of a square image's pixels in windows, and of the windows' tokens in the image.

    Parameters
    ----------
    side : int
        Height and width of the image; the window divides it.
    window : int
        Height and width of a window.
    shift : int
        Rows and columns by which the image is shifted first, up and to the left, cyclically.

    Returns
    -------
    parted : ndarray of shape (windows, tokens, 1), int64
    joined : ndarray of shape (side, side, 1), int64
        The inverse.

    Examples
    --------
    >>> window_places(4, 2, 0)[0][..., 0].tolist()
    [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    >>> window_places(4, 2, 1)[0][..., 0].tolist()
    [[5, 6, 9, 10], [7, 4, 11, 8], [13, 14, 1, 2], [15, 12, 3, 0]]
    """
    pixels = np.roll(np.arange(side * side).reshape(side, side), (-shift, -shift), (0, 1))
    parted = _parted(pixels, window)
    joined = np.argsort(parted.reshape(-1)).reshape(side, side, 1)
    return parted[..., None], joined


def _parted(pixels: Places, window: int) -> Places:
    """Rearrange (side, side) as (windows, tokens)."""
    count = len(pixels) // window
    return pixels.reshape(count, window, count, window).swapaxes(1, 2).reshape(-1, window * window)


def separated(side: int, window: int, shift: int) -> torch.Tensor:
    """Pairs of tokens that a cyclic shift has brought into one window.

    Returns
    -------
    bool tensor of shape (windows, tokens, tokens)
    """
    ends = np.zeros(side, np.int64)
    ends[side - window :] = 1
    ends[side - shift :] = 2
    regions = _parted(3 * ends[:, None] + ends, window)
    return torch.from_numpy(regions[:, :, None] != regions[:, None, :])


def merged(side: int) -> Places:
    """Places of each 2 x 2 pixels that become one: column by column, (side / 2, side / 2, 4).

    Examples
    --------
    >>> merged(2).tolist()
    [[[0, 2, 1, 3]]]
    """
    half = side // 2
    pixels = np.arange(side * side).reshape(half, 2, half, 2)
    return pixels.transpose(0, 2, 3, 1).reshape(half, half, 4)


def relative_positions(window: int) -> torch.Tensor:
    """Row of the table of biases for each pair of tokens of a window.

    Returns
    -------
    int64 tensor of shape (tokens, tokens)
        Of (2 * window - 1)**2 rows: rows apart, then columns apart, from 1 - window on.
    """
    rows, columns = np.divmod(np.arange(window * window), window)
    apart = [each[:, None] - each[None, :] + window - 1 for each in (rows, columns)]
    return torch.from_numpy(apart[0] * (2 * window - 1) + apart[1])
