"""Sums of uint8 tensors, byte-equal to the kernels of PyTorch's qnnpack, or of XNNPACK."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..array.add import AddFactors, add_codes, add_factors, check_factors
from ..graph import Add

__all__ = ["add", "check_add"]


def check_add(operation: Add) -> AddFactors:
    """Factors of a legal sum.

    Raises
    ------
    ValueError
        For factors or zero points that the adder does not have, scales that `add_factors` rejects,
        or a ReLU whose only output is code 255, which PyTorch rejects.
    """
    if operation.relu and operation.output.zero_point == 255:
        raise ValueError(f"{operation.name}: zero point must be below 255 with ReLU, got 255")
    zero_points = operation.zero_points
    if not all(0 <= zero_point <= 255 for zero_point in zero_points):
        raise ValueError(f"{operation.name}: zero points must be in 0..255, got {zero_points}")
    try:
        if operation.factors is not None:
            half_up = operation.rounding == "half_up"
            return check_factors(AddFactors(*operation.factors, half_up))
        return add_factors(*operation.inputs, operation.output, operation.rounding)
    except ValueError as error:
        raise ValueError(f"{operation.name}: {error}") from None


def add(
    a_q: npt.NDArray[np.uint8], b_q: npt.NDArray[np.uint8], operation: Add
) -> npt.NDArray[np.uint8]:
    """Output codes of a sum.

    Parameters
    ----------
    a_q, b_q : ndarray of one shape, uint8
    operation : Add

    Returns
    -------
    ndarray of that shape, uint8
        The rounded sum plus the zero point, clamped to 0..255; with ReLU, to zero_point..255.

    Raises
    ------
    ValueError
        If the dtypes or shapes differ, or `check_add` rejects the operation.

    Examples
    --------
    >>> from maccord.golden.graph import Quantization
    >>> half, one = Quantization(0.5, 0), Quantization(1.0, 10)
    >>> codes = np.array([3, 4], np.uint8)
    >>> add(codes, np.zeros(2, np.uint8), Add("sum", (half, half), one))
    array([12, 12], dtype=uint8)
    """
    for codes in (a_q, b_q):
        if codes.dtype != np.uint8:
            raise ValueError(f"a_q and b_q must be uint8, got {codes.dtype}")
    operation.output_shape(a_q.shape, b_q.shape)
    low = operation.output.zero_point if operation.relu else 0
    return add_codes(a_q, b_q, check_add(operation), operation.zero_points, low, 255)
