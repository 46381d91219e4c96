"""Tokens taken from given places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..codes import check_codes
from ..operations.rearrange import Rearrange

__all__ = ["check_rearrange", "rearrange"]


def check_rearrange(operation: Rearrange) -> None:
    """Raise ValueError unless the places are integers from 0, of shape (H, W, P)."""
    places = operation.places
    if places.ndim != 3 or not places.size or not np.issubdtype(places.dtype, np.integer):
        raise ValueError(
            f"{operation.name}: places must be integers of shape (H, W, P), got {places.dtype} "
            f"{places.shape}"
        )
    if places.min() < 0:
        raise ValueError(f"{operation.name}: places must be at least 0, got {places.min()}")


def rearrange(x_q: npt.NDArray[np.uint8], operation: Rearrange) -> npt.NDArray[np.uint8]:
    """Take the pixels of each image.

    Parameters
    ----------
    x_q : ndarray of shape (N, h, w, C), uint8
    operation : Rearrange

    Returns
    -------
    ndarray of shape (N, H, W, P * C), uint8

    Raises
    ------
    ValueError
        If x_q has another dtype or shape, or `check_rearrange` rejects the operation.

    Examples
    --------
    >>> from ..quantization import Quantization
    >>> x_q = np.arange(8, dtype=np.uint8).reshape(1, 2, 2, 2)
    >>> places = np.array([[[3, 0]]])
    >>> rearrange(x_q, Rearrange("rearrange", Quantization(1.0, 0), places)).ravel()
    array([6, 7, 0, 1], dtype=uint8)
    """
    check_codes(x_q)
    check_rearrange(operation)
    shape = operation.output_shape(x_q.shape)
    pixels = x_q.reshape(len(x_q), -1, x_q.shape[-1])
    return pixels[:, operation.places].reshape(shape)
