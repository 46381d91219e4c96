"""Golden model of the table behind the array: each result byte selects the byte written."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.isa import TABLE_BYTES

__all__ = ["look_up", "table_bytes"]

_OFFSET = np.uint8(0x80)  # between codes and int8


def look_up(y: npt.NDArray[np.int8], table: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    """Replace results by a table's bytes.

    Parameters
    ----------
    y : ndarray, int8
        Results, codes minus 128; any shape.
    table : ndarray of shape (TABLE_BYTES,), uint8
        As TABLE reads it: byte 0 replaces 0, byte 128 replaces -128.

    Returns
    -------
    ndarray of y's shape, int8

    Raises
    ------
    ValueError
        If y is not int8, or the table has another dtype or shape.

    Examples
    --------
    >>> look_up(np.array([0, 1, -128, -1], np.int8), np.arange(256, dtype=np.uint8)[::-1])
    array([ -1,  -2, 127,   0], dtype=int8)
    """
    if y.dtype != np.int8:
        raise ValueError(f"y must be int8, got {y.dtype}")
    if table.dtype != np.uint8 or table.shape != (TABLE_BYTES,):
        raise ValueError(
            f"table must be uint8 of shape ({TABLE_BYTES},), got {table.dtype} of {table.shape}"
        )
    return table[y.view(np.uint8)].view(np.int8)


def table_bytes(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Arrange a table from code to code as TABLE reads it.

    Parameters
    ----------
    codes : ndarray of shape (TABLE_BYTES,), uint8
        Output code of each input code.

    Returns
    -------
    ndarray of shape (TABLE_BYTES,), uint8
        Both sides minus 128: what stands at an int8's bits is the output's int8.

    Examples
    --------
    >>> table_bytes(np.arange(256, dtype=np.uint8))[[0, 1, 128]]
    array([  0,   1, 128], dtype=uint8)
    """
    return codes[np.arange(TABLE_BYTES, dtype=np.uint8) ^ _OFFSET] ^ _OFFSET
