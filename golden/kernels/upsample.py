"""Nearest upsampling of uint8 codes by integer factors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..operations.upsample import Upsample

__all__ = ["check_upsample", "upsample"]


def check_upsample(operation: Upsample) -> None:
    """Raise ValueError unless the factors are at least 1, and one is larger."""
    if min(operation.factors) < 1 or max(operation.factors) < 2:
        raise ValueError(
            f"{operation.name}: factors must be at least 1 and one of them 2, "
            f"got {operation.factors}"
        )


def upsample(x_q: npt.NDArray[np.uint8], operation: Upsample) -> npt.NDArray[np.uint8]:
    """Repeat each pixel.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, C), uint8
    operation : Upsample

    Returns
    -------
    ndarray of shape (N, OH, OW, C), uint8

    Raises
    ------
    ValueError
        If x_q has another dtype or shape, or a factor is below 1.

    Examples
    --------
    >>> from ..quantization import Quantization
    >>> x_q = np.array([[3, 1]], np.uint8).reshape(1, 1, 2, 1)
    >>> upsample(x_q, Upsample("up", Quantization(1.0, 0), (1, 2))).ravel()
    array([3, 3, 1, 1], dtype=uint8)
    """
    check_upsample(operation)
    if x_q.dtype != np.uint8 or x_q.ndim != 4:
        raise ValueError(f"x_q must be uint8 of shape (N, H, W, C), got {x_q.dtype} {x_q.shape}")
    down, across = operation.factors
    return x_q.repeat(down, axis=1).repeat(across, axis=2)
