"""Maximum of uint8 codes under a window, byte-equal to PyTorch's ``max_pool2d``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import MaxPool2d

__all__ = ["check_max_pool2d", "max_pool2d"]


def check_max_pool2d(operation: MaxPool2d) -> None:
    """Raise ValueError unless the window is one of PyTorch's, and its padding within the window."""
    name = operation.name
    for what in ("kernel", "stride", "dilation"):
        if min(getattr(operation, what)) < 1:
            raise ValueError(f"{name}: {what} must be at least 1, got {getattr(operation, what)}")
    if operation.kernel == (1, 1):
        raise ValueError(f"{name}: kernel must have more than one element, got (1, 1)")
    for kernel, padding in zip(operation.kernel, operation.padding, strict=True):
        if not 0 <= padding <= kernel // 2:
            raise ValueError(
                f"{name}: padding must be between 0 and half the kernel, got {operation.padding}"
            )
    if max(operation.dilation) > 1 and max(operation.padding) > 0:
        # PyTorch repeats the edge there instead of ignoring what is outside
        raise ValueError(f"{name}: dilation must be 1 where there is padding, got more")


def max_pool2d(x_q: npt.NDArray[np.uint8], operation: MaxPool2d) -> npt.NDArray[np.uint8]:
    """Output codes of a max-pool.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, C), uint8
    operation : MaxPool2d

    Returns
    -------
    ndarray of shape (N, OH, OW, C), uint8
        Padding is the smallest code, and each window holds at least one real one.

    Raises
    ------
    ValueError
        If x_q has another dtype or shape, or the window is none of PyTorch's.

    Examples
    --------
    >>> from ..graph import Quantization
    >>> x_q = np.array([[3, 1, 2], [0, 7, 5]], np.uint8).reshape(1, 2, 3, 1)
    >>> pool = MaxPool2d("pool", Quantization(1.0, 0), kernel=(2, 2), stride=(1, 1))
    >>> max_pool2d(x_q, pool).ravel()
    array([7, 7], dtype=uint8)
    """
    check_max_pool2d(operation)
    if x_q.dtype != np.uint8 or x_q.ndim != 4:
        raise ValueError(f"x_q must be uint8 of shape (N, H, W, C), got {x_q.dtype} {x_q.shape}")
    shape = operation.output_shape(x_q.shape)
    if min(shape[1:3]) < 1:
        raise ValueError(
            f"x_q must be at least as large as the window of {operation.name}, "
            f"got {x_q.shape[1]} x {x_q.shape[2]}"
        )
    for axis in (0, 1):
        x_q = _max_along(x_q, 1 + axis, shape[1 + axis], operation, axis)
    return x_q


def _max_along(
    x_q: np.ndarray, axis: int, outputs: int, operation: MaxPool2d, side: int
) -> np.ndarray:
    """Maximum along one dimension; the two of them follow each other."""
    kernel, stride = operation.kernel[side], operation.stride[side]
    padding, dilation = operation.padding[side], operation.dilation[side]
    reach = (outputs - 1) * stride + dilation * (kernel - 1) + 1
    widths = [(0, 0)] * x_q.ndim
    widths[axis] = (padding, max(reach - padding - x_q.shape[axis], 0))
    lines = np.moveaxis(np.pad(x_q, widths), axis, 0)
    span = (outputs - 1) * stride + 1
    result = lines[:span:stride].copy()
    for tap in range(1, kernel):
        start = tap * dilation
        np.maximum(result, lines[start : start + span : stride], out=result)
    return np.ascontiguousarray(np.moveaxis(result, 0, axis))
