"""Golden model of the byte-banked scratchpad: unaligned vector writes and reads."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["scratchpad_read", "scratchpad_write"]

Bytes = npt.NDArray[np.uint8]
_Scalar = TypeVar("_Scalar", bound=np.generic)


def scratchpad_write(
    memory: Bytes, address: int, data: Bytes, enable: npt.NDArray[np.bool_]
) -> Bytes:
    """Put byte i of `data` at `address` + i, where enabled; addresses wrap at the end.

    Parameters
    ----------
    memory : ndarray of shape (size,), uint8
        Not modified.
    address : int
        0 to size - 1.
    data : ndarray of shape (count,), uint8
    enable : ndarray of shape (count,), bool

    Returns
    -------
    ndarray of shape (size,), uint8

    Examples
    --------
    >>> data, enable = np.array([1, 2, 3], np.uint8), np.array([True, False, True])
    >>> scratchpad_write(np.zeros(4, np.uint8), 3, data, enable)
    array([0, 3, 0, 1], dtype=uint8)
    """
    result = memory.copy()
    written = np.flatnonzero(enable)
    result[(address + written) % memory.size] = data[written]
    return result


def scratchpad_read(
    memory: npt.NDArray[_Scalar], a: int, b: int, split: int, count: int
) -> npt.NDArray[_Scalar]:
    """Take byte i from `a` + i below `split`, and from `b` + i from there on.

    Parameters
    ----------
    memory : ndarray of shape (size,)
    a, b : int
        Addresses of byte 0, congruent modulo the number of banks; they wrap at the end.
    split : int
        0 to `count`.
    count : int

    Returns
    -------
    ndarray of shape (count,), of the memory's dtype

    Examples
    --------
    >>> scratchpad_read(np.arange(8), 1, 5, 2, 4)
    array([1, 2, 7, 0])
    """
    index = np.arange(count)
    return memory[(np.where(index < split, a, b) + index) % memory.size]
