"""Golden model of the weight scratchpad: written in beats, read in rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["weight_scratchpad_read", "weight_scratchpad_write"]

Bytes = npt.NDArray[np.uint8]


def weight_scratchpad_write(memory: Bytes, address: int, beat: Bytes) -> Bytes:
    """Write a beat to `address`, a multiple of its length, modulo the scratchpad's size.

    Parameters
    ----------
    memory : ndarray of shape (size,), uint8
        Not modified.
    address : int
    beat : ndarray of shape (axi_bytes,), uint8

    Returns
    -------
    ndarray of shape (size,), uint8

    Raises
    ------
    ValueError
        If `address` is not a multiple of the beat's length.
    """
    if address % beat.size:
        raise ValueError(f"address must be a multiple of {beat.size}, got {address}")
    result = memory.copy()
    start = address % memory.size
    result[start : start + beat.size] = beat
    return result


def weight_scratchpad_read(memory: Bytes, row: int, row_bytes: int) -> Bytes:
    """Read the row with index `row`, shape (row_bytes,).

    Examples
    --------
    >>> weight_scratchpad_read(np.arange(8, dtype=np.uint8), 1, 4)
    array([4, 5, 6, 7], dtype=uint8)
    """
    return memory.reshape(-1, row_bytes)[row]
