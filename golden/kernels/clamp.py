"""ReLU, ReLU6, hardtanh and clamp on uint8 codes, byte-equal to PyTorch's kernels.

All of them clamp codes: ATen's ``quantized/cpu/qrelu.cpp``, ``qclamp.cpp`` and ``qhardtanh``
quantize the two bounds once, like `quantize_per_tensor`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Clamp, Quantization
from .quantize import quantize_per_tensor

__all__ = ["check_clamp", "clamp", "clamp_codes"]


def clamp_codes(low: float, high: float, quantization: Quantization) -> tuple[int, int]:
    """Quantize clamp bounds.

    Parameters
    ----------
    low, high : float
        low <= high; either may be infinite. For ReLU, 0 and infinity.
    quantization : Quantization

    Returns
    -------
    (int, int)

    Raises
    ------
    ValueError
        If the bounds are not ordered.

    Examples
    --------
    >>> clamp_codes(0, 6, Quantization(0.05, 100))
    (100, 220)
    >>> clamp_codes(0, float("inf"), Quantization(0.05, 100))
    (100, 255)
    """
    if not low <= high:
        raise ValueError(f"bounds must be ordered, got {low} and {high}")
    codes = quantize_per_tensor(np.array([low, high], np.float32), quantization)
    return int(codes[0]), int(codes[1])


def check_clamp(operation: Clamp) -> None:
    """Raise ValueError unless the bounds are ordered codes."""
    if not 0 <= operation.low <= operation.high <= 255:
        raise ValueError(
            f"{operation.name}: low and high must be ordered within 0..255, "
            f"got {operation.low} and {operation.high}"
        )


def clamp(x_q: npt.NDArray[np.uint8], operation: Clamp) -> npt.NDArray[np.uint8]:
    """Clamp codes to the operation's bounds.

    Parameters
    ----------
    x_q : ndarray, uint8
        Any shape.
    operation : Clamp

    Returns
    -------
    ndarray of x_q's shape, uint8

    Raises
    ------
    ValueError
        If x_q is not uint8 or the bounds are not ordered codes.

    Examples
    --------
    >>> clamp(np.array([0, 9, 200], np.uint8), Clamp("relu6", Quantization(1.0, 3), 3, 9))
    array([3, 9, 9], dtype=uint8)
    """
    check_clamp(operation)
    if x_q.dtype != np.uint8:
        raise ValueError(f"x_q must be uint8, got {x_q.dtype}")
    return np.clip(x_q, np.uint8(operation.low), np.uint8(operation.high))
