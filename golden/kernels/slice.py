"""A part of a tensor of uint8 codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..operations.slice import Slice

__all__ = ["check_slice", "take"]


def check_slice(operation: Slice, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless the part lies in a tensor of that shape and channels are adjacent."""
    if len(operation.spans) != len(shape) - 1 or not any(operation.spans):
        raise ValueError(
            f"{operation.name}: spans must take a part of one of {len(shape) - 1} dimensions, got "
            f"{operation.spans}"
        )
    for span, size in zip(operation.spans, shape[1:], strict=True):
        if span and (span[0] < 0 or min(span[1:]) < 1 or span[0] + (span[1] - 1) * span[2] >= size):
            raise ValueError(
                f"{operation.name}: first element, number and step must lie within {size} "
                f"elements, got {span}"
            )
    last = operation.spans[-1]
    if last and last[2] > 1:
        raise ValueError(f"{operation.name}: step of channels must be 1, got {last[2]}")


def take(x_q: npt.NDArray[np.uint8], operation: Slice) -> npt.NDArray[np.uint8]:
    """Take the part.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, C) or (N, K), uint8
    operation : Slice

    Returns
    -------
    ndarray, uint8
        With the shape of `Slice.output_shape`.

    Raises
    ------
    ValueError
        If x_q has another dtype, or the part is not in it.

    Examples
    --------
    >>> from ..quantization import Quantization
    >>> x_q = np.arange(6, dtype=np.uint8).reshape(1, 6)
    >>> take(x_q, Slice("slice", Quantization(1.0, 0), ((2, 3, 1),)))
    array([[2, 3, 4]], dtype=uint8)
    """
    check_slice(operation, x_q.shape)
    if x_q.dtype != np.uint8:
        raise ValueError(f"x_q must be uint8, got {x_q.dtype}")
    index = [
        slice(None)
        if span is None
        else slice(span[0], span[0] + (span[1] - 1) * span[2] + 1, span[2])
        for span in operation.spans
    ]
    return np.ascontiguousarray(x_q[(slice(None), *index)])
