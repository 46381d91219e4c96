"""What the array computes: a matrix product of int8."""

from __future__ import annotations

import numpy as np

__all__ = ["systolic_array"]


def systolic_array(activation: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Multiply vectors of activations by a matrix of weights.

    Parameters
    ----------
    activation : ndarray of shape (vectors, rows), int8
        Codes minus 128.
    weight : ndarray of shape (rows, cols), int8
        One pass's weights, 64 rows or fewer.

    Returns
    -------
    ndarray of shape (vectors, cols), int32
        Partial sums, exact.

    Raises
    ------
    TypeError
        If an input is not int8.
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> systolic_array(np.array([[-128, 2]], np.int8), np.array([[-128], [3]], np.int8))
    array([[16390]], dtype=int32)
    """
    for name, value in (("activation", activation), ("weight", weight)):
        if value.dtype != np.int8:
            raise TypeError(f"{name} must be int8, got {value.dtype}")
    if activation.ndim != 2 or weight.ndim != 2 or activation.shape[1] != weight.shape[0]:
        raise ValueError(
            "activation and weight must have shapes (vectors, rows) and (rows, cols), "
            f"got {activation.shape} and {weight.shape}"
        )
    return activation.astype(np.int32) @ weight.astype(np.int32)
