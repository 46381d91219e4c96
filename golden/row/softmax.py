"""Softmax of rows of codes, in integers.

The arithmetic is that of qnnpack's ``u8lut32norm`` micro-kernel with the table that
``pytorch_qnnp_create_softargmax_nc_q8`` fills: ``torch.ops.quantized.softmax``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..codes import check_codes

__all__ = ["LARGEST_CLASSES", "LARGEST_SUM", "exponentials", "softmax"]

LARGEST_SUM = (1 << 32) - 1
LARGEST_CLASSES = 1 << 16
_LARGEST_ENTRY = (1 << 23) - 1
_LAST = 255  # index of exp(0)


def exponentials(scale: float, classes: int) -> npt.NDArray[np.uint32]:
    """Table of exponentials of steps below a row's maximum.

    Parameters
    ----------
    scale : float
        The input's.
    classes : int
        Elements of a row, 1..LARGEST_CLASSES.

    Returns
    -------
    ndarray of shape (256,), uint32
        rint(min((2**32 - 1) / classes, 2**23 - 1) * exp((i - 255) * scale)) for i = 0..255, in
        float64; the last one is the largest, 23 bits wide.

    Raises
    ------
    ValueError
        If the number of classes is out of range.

    Examples
    --------
    >>> exponentials(1.0, 1000)[[255, 254, 0]]
    array([4294967, 1580030,       0], dtype=uint32)
    """
    if not 1 <= classes <= LARGEST_CLASSES:
        raise ValueError(f"classes must be between 1 and {LARGEST_CLASSES}, got {classes}")
    largest = min(LARGEST_SUM / classes, float(_LARGEST_ENTRY))
    steps = np.arange(256, dtype=np.float64) - _LAST
    return np.rint(largest * np.exp(steps * scale)).astype(np.uint32)


def softmax(x_q: npt.NDArray[np.uint8], table: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """Softmax over the last dimension.

    Parameters
    ----------
    x_q : ndarray of shape (..., classes), uint8
    table : ndarray of shape (256,), uint32
        From `exponentials`, for that many classes.

    Returns
    -------
    ndarray of x_q's shape, uint8
        With t = table[255 - max(x_q) + x_q] and sum = the row's t: min(255, ((t << 8) + (sum >>
        1)) // sum), codes of scale 1/256 and zero point 0.

    Raises
    ------
    ValueError
        If a dtype or shape is another, or a row's sum does not fit 32 bits: PyTorch's kernel wraps
        it there, and divides by zero where it wraps to 0.

    Examples
    --------
    >>> softmax(np.array([[7, 7, 6]], np.uint8), exponentials(1.0, 3))
    array([[108, 108,  40]], dtype=uint8)
    """
    check_codes(x_q)
    if not x_q.shape[-1]:
        raise ValueError(f"x_q must be of shape (..., classes), got {x_q.shape}")
    if table.dtype != np.uint32 or table.shape != (256,):
        raise ValueError(f"table must be uint32 of shape (256,), got {table.dtype} {table.shape}")
    largest = x_q.max(axis=-1, keepdims=True, initial=0)
    terms = table[(_LAST - largest) + x_q].astype(np.int64)
    total = terms.sum(axis=-1, keepdims=True)
    if total.size and int(total.max()) > LARGEST_SUM:
        raise ValueError(
            f"sum of a row's exponentials must be at most {LARGEST_SUM}, got {int(total.max())} "
            f"of {x_q.shape[-1]} classes"
        )
    quotient = ((terms << 8) + (total >> 1)) // total
    return np.minimum(quotient, 255).astype(np.uint8)
