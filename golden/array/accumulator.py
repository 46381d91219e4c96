"""Golden model of the accumulator: int32 sums with wrap-around."""

from __future__ import annotations

import numpy as np

__all__ = ["accumulator"]


def accumulator(partial_sum: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Add the partial sums of a tile's passes to the bias.

    Parameters
    ----------
    partial_sum : ndarray of shape (passes, vectors, cols), int32
        Partial sums of each pass.
    bias : ndarray of shape (cols,), int32
        Bias of each column, with the input's zero point folded in.

    Returns
    -------
    ndarray of shape (vectors, cols), int32
        Sums modulo 2**32, as in the hardware and in PyTorch's kernels.

    Raises
    ------
    TypeError
        If an input is not int32.
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> accumulator(np.array([[[5]], [[-7]]], np.int32), np.array([100], np.int32))
    array([[98]], dtype=int32)
    """
    for name, value in (("partial_sum", partial_sum), ("bias", bias)):
        if value.dtype != np.int32:
            raise TypeError(f"{name} must be int32, got {value.dtype}")
    if partial_sum.ndim != 3 or bias.shape != partial_sum.shape[2:]:
        raise ValueError(
            "partial_sum and bias must have shapes (passes, vectors, cols) and (cols,), "
            f"got {partial_sum.shape} and {bias.shape}"
        )
    total = partial_sum.astype(np.int64).sum(axis=0) + bias
    return total.astype(np.uint32).view(np.int32)
