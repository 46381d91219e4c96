"""Between real values and uint8 codes, as PyTorch's ``quantize_per_tensor`` on x86."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Quantization
from ..row.fused_multiply_add import fused_multiply_add

__all__ = ["dequantize", "quantize_per_tensor"]


def quantize_per_tensor(
    x: npt.NDArray[np.float32], quantization: Quantization
) -> npt.NDArray[np.uint8]:
    """Codes of real values.

    Parameters
    ----------
    x : ndarray, float32
        Any shape; infinities saturate.
    quantization : Quantization

    Returns
    -------
    ndarray of x's shape, uint8
        clip(rint(fma(x, f(1 / f(scale)), zero_point)), 0, 255): the zero point is added before
        the rounding, so a tie goes to an even code (ATen, ``QuantizeAvx2``).

    Raises
    ------
    ValueError
        If x is not float32 or holds a NaN.

    Examples
    --------
    >>> quantize_per_tensor(np.array([-1, 0.25, 0.75], np.float32), Quantization(0.5, 1))
    array([0, 2, 2], dtype=uint8)
    """
    if x.dtype != np.float32:
        raise ValueError(f"x must be float32, got {x.dtype}")
    if np.isnan(x).any():
        raise ValueError("x must be numbers, got NaN")
    inverse = np.float32(1) / np.float32(quantization.scale)
    codes = np.rint(fused_multiply_add(x, inverse, np.float32(quantization.zero_point)))
    return np.clip(codes, 0, 255).astype(np.uint8)


def dequantize(codes: npt.NDArray[np.uint8], quantization: Quantization) -> npt.NDArray[np.float32]:
    """Real values of codes: f(f(scale) * f(code - zero_point)), float32 of the same shape.

    Raises
    ------
    ValueError
        If codes are not uint8.

    Examples
    --------
    >>> dequantize(np.array([0, 3], np.uint8), Quantization(0.5, 1))
    array([-0.5,  1. ], dtype=float32)
    """
    if codes.dtype != np.uint8:
        raise ValueError(f"codes must be uint8, got {codes.dtype}")
    steps = codes.astype(np.float32) - np.float32(quantization.zero_point)
    return np.float32(quantization.scale) * steps
