"""Checks of arrays of codes, for kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["check_codes", "check_constant"]


def check_codes(x_q: object, what: str = "x_q") -> None:
    """Raise ValueError unless something is an array of codes.

    Parameters
    ----------
    x_q : object
        To be an ndarray of one dimension or more, uint8.
    what : str
        Its name, for the message.
    """
    dtype, shape = getattr(x_q, "dtype", None), getattr(x_q, "shape", ())
    if dtype is None:
        raise ValueError(f"{what} must be an array of uint8, got {type(x_q).__name__}")
    if dtype != np.uint8:
        raise ValueError(f"{what} must be uint8, got {dtype}")
    if not shape:
        raise ValueError(f"{what} must have at least 1 dimension, got shape {shape}")


def check_constant(name: str, what: str, codes: npt.NDArray[Any], shape: str, legal: bool) -> None:
    """Raise ValueError unless an operation's constant is uint8 of a legal shape.

    Parameters
    ----------
    name, what : str
        Of the operation and of the constant.
    codes : ndarray
        The constant.
    shape : str
        Legal shapes, for the message.
    legal : bool
        Whether the shape is one.
    """
    if codes.dtype != np.uint8 or not legal:
        raise ValueError(
            f"{name}: {what} must be uint8 of shape {shape}, got {codes.dtype} {codes.shape}"
        )
