"""Tokens of an image, and sums with a constant tensor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..codes import check_codes, check_constant
from ..operations.add import Add
from ..operations.tokens import AddConstant, Tokens
from .add import add, check_add

__all__ = ["add_constant", "check_add_constant", "check_tokens", "tokens"]

Codes = npt.NDArray[np.uint8]


def check_tokens(operation: Tokens) -> None:
    """Raise ValueError unless the constant tokens are codes, one row each."""
    first = operation.first
    legal = first.ndim == 2 and bool(first.shape[1])
    check_constant(operation.name, "first tokens", first, "(K, C)", legal)


def tokens(x_q: Codes, operation: Tokens) -> Codes:
    """Return the constant tokens, then the pixels, row by row.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, C), uint8
    operation : Tokens

    Returns
    -------
    ndarray of shape (N, 1, K + H * W, C), uint8

    Raises
    ------
    ValueError
        If x_q has another dtype or shape.

    Examples
    --------
    >>> from ..quantization import Quantization
    >>> first = np.array([[9, 9]], np.uint8)
    >>> x_q = np.arange(4, dtype=np.uint8).reshape(1, 1, 2, 2)
    >>> tokens(x_q, Tokens("tokens", Quantization(1.0, 0), first)).tolist()
    [[[[9, 9], [0, 1], [2, 3]]]]
    """
    check_codes(x_q)
    check_tokens(operation)
    shape = operation.output_shape(x_q.shape)
    pixels = x_q.reshape(len(x_q), 1, -1, shape[-1])
    first = np.broadcast_to(operation.first, (len(x_q), 1, *operation.first.shape))
    return np.concatenate([first, pixels], axis=2)


def _sum(operation: AddConstant) -> Add:
    return Add(operation.name, (operation.input, operation.constant_quantization), operation.output)


def check_add_constant(operation: AddConstant) -> None:
    """Raise ValueError unless `check_add` takes the scales and the constant is of one image."""
    constant = operation.constant
    legal = constant.ndim == 4 and len(constant) == 1 and constant.size > 0
    check_constant(operation.name, "constant", constant, "(1, H, W, C)", legal)
    check_add(_sum(operation))


def add_constant(x_q: Codes, operation: AddConstant) -> Codes:
    """Output codes of a sum with a constant, as `add`.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, C), uint8
    operation : AddConstant

    Returns
    -------
    ndarray of x_q's shape, uint8

    Raises
    ------
    ValueError
        If x_q has another dtype or shape, or `check_add_constant` rejects the operation.

    Examples
    --------
    >>> from ..quantization import Quantization
    >>> half, one = Quantization(0.5, 0), Quantization(1.0, 10)
    >>> constant = np.array([[[[2, 4]]]], np.uint8)
    >>> x_q = np.array([[[[3, 0]]], [[[5, 2]]]], np.uint8)
    >>> add_constant(x_q, AddConstant("sum", constant, half, half, one)).ravel()
    array([13, 12, 14, 13], dtype=uint8)
    """
    check_codes(x_q)
    check_add_constant(operation)
    images, rows = operation.output_shape(x_q.shape)[:2]
    times = rows // operation.constant.shape[1]
    return add(x_q, np.tile(operation.constant, (images, times, 1, 1)), _sum(operation))
