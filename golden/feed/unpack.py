"""Golden model of packed weights: `maccord.spec.weight_widths` says where each one lies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.weight_widths import packed_rows, packing

__all__ = ["pack", "unpack"]


def pack(weights: npt.NDArray[np.int8], bits: int) -> npt.NDArray[np.uint8]:
    """Pack the rows of one or more tiles.

    Parameters
    ----------
    weights : ndarray of shape (..., rows, columns), int8
        Codes in -2**(bits - 1) to 2**(bits - 1) - 1.
    bits : int
        8, 4 or 2.

    Returns
    -------
    ndarray of shape (..., packed_rows(rows, bits), columns), uint8
        Rows that a tile does not have are 0.

    Raises
    ------
    ValueError
        If a code does not fit.

    Examples
    --------
    >>> pack(np.array([[1], [-2], [-1]], np.int8), 2).tolist()
    [[57]]
    """
    n, limit = packing(bits), 1 << bits - 1
    if weights.size and not -limit <= weights.min() <= weights.max() < limit:
        raise ValueError(
            f"weights must be between {-limit} and {limit - 1} to be packed in {bits} bits, got "
            f"{weights.min()} to {weights.max()}"
        )
    *tiles, rows, columns = weights.shape
    packed = packed_rows(rows, bits)
    parts = np.zeros((*tiles, packed * n, columns), np.uint8)
    parts[..., :rows, :] = weights.view(np.uint8) & ((1 << bits) - 1)
    parts = parts.reshape(*tiles, packed, n, columns)
    shifts = (bits * np.arange(n, dtype=np.uint8))[:, None]
    return np.bitwise_or.reduce(parts << shifts, axis=-2)


def unpack(packed: npt.NDArray[np.uint8], bits: int, rows: int) -> npt.NDArray[np.int8]:
    """Unpack the rows of one or more tiles: the inverse of `pack`.

    Parameters
    ----------
    packed : ndarray of shape (..., packed_rows(rows, bits), columns), uint8
    bits : int
        8, 4 or 2.
    rows : int
        Of a tile.

    Returns
    -------
    ndarray of shape (..., rows, columns), int8

    Examples
    --------
    >>> unpack(np.array([[57]], np.uint8), 2, 3).tolist()
    [[1], [-2], [-1]]
    """
    n = packing(bits)
    *tiles, count, columns = packed.shape
    lifts = (8 - bits - bits * np.arange(n, dtype=np.uint8))[:, None]  # to the top of the byte
    parts = (packed[..., None, :] << lifts).view(np.int8) >> (8 - bits)
    return parts.reshape(*tiles, count * n, columns)[..., :rows, :]
