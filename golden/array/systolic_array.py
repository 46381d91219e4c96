"""Golden model of the systolic array: int8 matrix products, or one window per column."""

from __future__ import annotations

import numpy as np

__all__ = ["systolic_array", "systolic_windows"]


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


def systolic_windows(window: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Multiply windows of cells by weights, each column with a window of its own.

    Parameters
    ----------
    window : ndarray of shape (vectors, rows, cols), int8
        Codes minus 128.
    weight : ndarray of shape (rows, cols), int8

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
    >>> window = np.array([[[-128, 1], [127, 2]]], np.int8)
    >>> systolic_windows(window, np.array([[1, 2], [1, -3]], np.int8))
    array([[-1, -4]], dtype=int32)
    """
    for name, value in (("window", window), ("weight", weight)):
        if value.dtype != np.int8:
            raise TypeError(f"{name} must be int8, got {value.dtype}")
    if window.ndim != 3 or window.shape[1:] != weight.shape:
        raise ValueError(
            "window and weight must have shapes (vectors, rows, cols) and (rows, cols), "
            f"got {window.shape} and {weight.shape}"
        )
    return np.einsum("vrc,rc->vc", window.astype(np.int32), weight.astype(np.int32))
