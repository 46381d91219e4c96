"""Products of uint8 tensors, byte-equal to PyTorch's quantized kernel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..array.product import product_multiplier, products
from ..array.requantize import requantize
from ..operations.mul import Mul

__all__ = ["check_mul", "mul"]


def check_mul(operation: Mul) -> np.float32:
    """Return the multiplier of a legal product.

    Raises
    ------
    ValueError
        For scales that `product_multiplier` rejects.
    """
    try:
        return product_multiplier(*operation.inputs, operation.output)
    except ValueError as error:
        raise ValueError(f"{operation.name}: {error}") from None


def mul(
    a_q: npt.NDArray[np.uint8], b_q: npt.NDArray[np.uint8], operation: Mul
) -> npt.NDArray[np.uint8]:
    """Output codes of a product.

    Parameters
    ----------
    a_q : ndarray of shape (N, H, W, C) or (N, K), uint8
    b_q : ndarray of that shape, or (N, 1, 1, C), uint8
    operation : Mul

    Returns
    -------
    ndarray of a_q's shape, uint8
        The requantized product of both codes' steps from their zero points, clamped to 0..255; with
        ReLU, to zero_point..255.

    Raises
    ------
    ValueError
        If the dtypes or shapes are others, or `check_mul` rejects the operation.

    Examples
    --------
    >>> from maccord.golden.graph import Quantization
    >>> half, one = Quantization(0.5, 0), Quantization(1.0, 10)
    >>> codes = np.array([3, 4], np.uint8)
    >>> mul(codes, np.full(2, 2, np.uint8), Mul("product", (half, half), one))
    array([12, 12], dtype=uint8)
    """
    for codes in (a_q, b_q):
        if codes.dtype != np.uint8:
            raise ValueError(f"a_q and b_q must be uint8, got {codes.dtype}")
    operation.output_shape(a_q.shape, b_q.shape)
    a, b = operation.inputs
    zero_point = operation.output.zero_point
    acc = products(a_q, b_q, (a.zero_point, b.zero_point))
    multiplier = np.full(a_q.shape[-1], check_mul(operation), np.float32)
    return requantize(acc, multiplier, zero_point, zero_point if operation.relu else 0)
