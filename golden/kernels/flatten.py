"""Flattening of images to rows, without moving data."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..graph import Flatten

__all__ = ["channels_last_columns", "flatten", "torch_columns"]

_Column = TypeVar("_Column", bound=np.generic)


def flatten(x_q: npt.NDArray[np.uint8], operation: Flatten) -> npt.NDArray[np.uint8]:
    """Flatten each image to a row, in the order row, column, channel.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, C) or (N, K), uint8
    operation : Flatten

    Returns
    -------
    ndarray of shape (N, H * W * C) or (N, K), uint8

    Raises
    ------
    ValueError
        If x_q is not uint8.

    Examples
    --------
    >>> from ..graph import Quantization
    >>> x_q = np.array([[[[1, 2], [3, 4]]]], np.uint8)
    >>> flatten(x_q, Flatten("flatten", Quantization(1.0, 0)))
    array([[1, 2, 3, 4]], dtype=uint8)
    """
    if x_q.dtype != np.uint8:
        raise ValueError(f"x_q must be uint8, got {x_q.dtype}")
    return x_q.reshape(operation.output_shape(x_q.shape))


def channels_last_columns(
    columns: npt.NDArray[_Column], height: int, width: int, channels: int
) -> npt.NDArray[_Column]:
    """Reorder columns that follow PyTorch's flattening to follow `flatten`.

    Parameters
    ----------
    columns : ndarray of shape (..., channels * height * width)
        A linear layer's weight (O, K), or flattened codes (N, K), in the order channel, row,
        column.
    height, width, channels : int
        Size of the flattened image.

    Returns
    -------
    ndarray of the same shape and dtype
        In the order row, column, channel.

    Examples
    --------
    >>> channels_last_columns(np.array([[1, 3, 2, 4]]), 1, 2, 2)
    array([[1, 2, 3, 4]])
    """
    split = columns.reshape(*columns.shape[:-1], channels, height, width)
    return np.ascontiguousarray(np.moveaxis(split, -3, -1)).reshape(columns.shape)


def torch_columns(
    columns: npt.NDArray[_Column], height: int, width: int, channels: int
) -> npt.NDArray[_Column]:
    """Reorder columns that follow `flatten` to follow PyTorch's flattening.

    The reverse of `channels_last_columns`, with its parameters.

    Examples
    --------
    >>> torch_columns(np.array([[1, 2, 3, 4]]), 1, 2, 2)
    array([[1, 3, 2, 4]])
    """
    split = columns.reshape(*columns.shape[:-1], height, width, channels)
    return np.ascontiguousarray(np.moveaxis(split, -1, -3)).reshape(columns.shape)
