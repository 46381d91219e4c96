"""Softmax of uint8 tensors, byte-equal to PyTorch's quantized kernel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..codes import check_codes
from ..operations.softmax import Softmax
from ..row import softmax as rows

__all__ = ["check_softmax", "softmax"]


def check_softmax(operation: Softmax) -> npt.NDArray[np.uint32]:
    """Return the table of exponentials of a legal softmax.

    Raises
    ------
    ValueError
        If the number of classes is out of range, or a row of equal codes has a sum that does not
        fit 32 bits.
    """
    try:
        table = rows.exponentials(operation.input.scale, operation.classes)
    except ValueError as error:
        raise ValueError(f"{operation.name}: {error}") from None
    total = int(table[-1]) * operation.classes
    if total > rows.LARGEST_SUM:
        raise ValueError(
            f"{operation.name}: the largest sum of {operation.classes} exponentials must be at "
            f"most {rows.LARGEST_SUM}, which PyTorch's kernel holds, got {total}"
        )
    return table


def softmax(x_q: npt.NDArray[np.uint8], operation: Softmax) -> npt.NDArray[np.uint8]:
    """Output codes of a softmax.

    Parameters
    ----------
    x_q : ndarray of shape (..., classes), uint8
    operation : Softmax

    Returns
    -------
    ndarray of x_q's shape, uint8
        Of scale 1/256 and zero point 0.

    Raises
    ------
    ValueError
        If x_q has another dtype or shape, or `check_softmax` rejects the operation.

    Examples
    --------
    >>> from ..quantization import Quantization
    >>> x_q = np.array([[5, 5], [9, 0]], np.uint8)
    >>> softmax(x_q, Softmax("softmax", Quantization(1.0, 0), 2))
    array([[128, 128],
           [255,   0]], dtype=uint8)
    """
    check_codes(x_q)
    operation.output_shape(x_q.shape)
    return rows.softmax(x_q, check_softmax(operation))
