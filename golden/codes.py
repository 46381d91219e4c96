"""Checks of arrays of codes, for kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["check_codes", "check_constant"]


def check_codes(x_q: object, what: str = "x_q", dimensions: Sequence[int] = ()) -> None:
    """Raise ValueError unless something is an array of codes.

    Parameters
    ----------
    x_q : object
        To be an ndarray of one dimension or more, uint8.
    what : str
        Its name, for the message.
    dimensions : sequence of int
        Legal numbers of dimensions; any from 1 if empty.
    """
    if not isinstance(x_q, np.ndarray):
        raise ValueError(f"{what} must be an array of uint8, got {type(x_q).__name__}")
    if x_q.dtype != np.uint8:
        raise ValueError(f"{what} must be uint8, got {x_q.dtype}")
    if x_q.ndim < 1 or (dimensions and x_q.ndim not in dimensions):
        wanted = " or ".join(map(str, dimensions)) or "at least 1"
        raise ValueError(f"{what} must have {wanted} dimensions, got shape {x_q.shape}")


def check_constant(name: str, what: str, codes: object, shape: str, legal: bool) -> None:
    """Raise ValueError unless an operation's constant is an array of uint8 of a legal shape.

    Parameters
    ----------
    name, what : str
        Of the operation and of the constant.
    codes : object
        The constant.
    shape : str
        Legal shapes, for the message.
    legal : bool
        Whether the shape is one.
    """
    if not isinstance(codes, np.ndarray) or codes.dtype != np.uint8 or not legal:
        found = getattr(codes, "dtype", type(codes).__name__), getattr(codes, "shape", "")
        raise ValueError(
            f"{name}: {what} must be uint8 of shape {shape}, got {found[0]} {found[1]}"
        )
