"""Bytes as a text for `$readmemh`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["check_word_bytes", "memory_words"]

_MOST = 64


def check_word_bytes(size: int) -> None:
    """Refuse words that no memory has.

    Raises
    ------
    ValueError
        If the size is not 0, which stands for the bus's, or a power of two up to 64.
    """
    if size and not (1 <= size <= _MOST and size & (size - 1) == 0):
        raise ValueError(f"word_bytes must be 0 or a power of two, 1 to {_MOST}, got {size}")


def memory_words(data: npt.NDArray[np.uint8], size: int) -> str:
    """Return a word a line, most significant digit first, the byte of the lowest address last.

    Parameters
    ----------
    data : ndarray of shape (bytes,), uint8
        Zeros follow if it ends within a word.
    size : int
        Bytes of a word.

    Examples
    --------
    >>> memory_words(np.array([1, 2, 3, 4, 5], np.uint8), 4).split()
    ['04030201', '00000005']
    """
    words = np.zeros((-(-data.size // size), size), np.uint8)
    words.reshape(-1)[: data.size] = data
    return words[:, ::-1].tobytes().hex("\n", size) + "\n"
