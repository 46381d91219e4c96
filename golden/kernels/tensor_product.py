"""Matrix products of two uint8 tensors, byte-equal to qnnpack's linear layer.

The second tensor's codes minus 128 are a linear layer's int8 weights, of one scale.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..array.requantize import multipliers, requantize
from ..codes import check_codes
from ..operations.tensor_product import SYMMETRIC, TensorProduct

__all__ = ["check_tensor_product", "tensor_product"]

_LARGEST_TERM = 255 * 128
_ACCUMULATOR = 2.0**31


def check_tensor_product(operation: TensorProduct) -> np.float32:
    """Return the multiplier of a legal product.

    Raises
    ------
    ValueError
        If the second tensor is not symmetric, the multiplier is not a normal fp32 number above 0,
        or a sum could overflow int32 or reach 2**31 output steps.
    """
    name, (first, second) = operation.name, operation.inputs
    if second.zero_point != SYMMETRIC:
        raise ValueError(
            f"{name}: zero point of the second tensor must be {SYMMETRIC}, got {second.zero_point}"
        )
    if operation.heads < 1 or operation.depth < 1:
        raise ValueError(
            f"{name}: heads and depth must be at least 1, got {operation.heads} and "
            f"{operation.depth}"
        )
    scales = np.array([operation.weight_scale])
    try:
        factor = multipliers(first.scale, scales, operation.output.scale)[0]
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    largest = operation.depth * _LARGEST_TERM
    if largest >= _ACCUMULATOR:
        raise ValueError(
            f"{name}: sums of {operation.depth} terms must fit int32, got up to {largest}"
        )
    if float(factor) * largest >= _ACCUMULATOR * (1 - 2.0**-22):
        raise ValueError(
            f"{name}: sums must stay below 2**31 output steps, got up to "
            f"{float(factor) * largest:g}"
        )
    return np.float32(factor)


def tensor_product(
    a_q: npt.NDArray[np.uint8], b_q: npt.NDArray[np.uint8], operation: TensorProduct
) -> npt.NDArray[np.uint8]:
    """Output codes of a product, head by head.

    Parameters
    ----------
    a_q, b_q : ndarray of four dimensions, uint8
        Of shapes as `TensorProduct` says.
    operation : TensorProduct

    Returns
    -------
    ndarray of shape (N, W * heads, T, S) or (N, W, T, heads * D), uint8

    Raises
    ------
    ValueError
        If the dtypes or shapes are others, or `check_tensor_product` rejects the operation.

    Examples
    --------
    >>> from ..quantization import Quantization
    >>> steps, weights = Quantization(0.5, 0), Quantization(0.5, 128)
    >>> scores = TensorProduct("scores", (steps, weights), Quantization(0.25, 10), 1, True, 2)
    >>> queries = np.array([[[[1, 2]]]], np.uint8)
    >>> keys = np.array([[[[128, 129], [129, 127], [138, 128]]]], np.uint8)
    >>> tensor_product(queries, keys, scores)
    array([[[[12,  9, 20]]]], dtype=uint8)
    """
    for what, codes in (("a_q", a_q), ("b_q", b_q)):
        check_codes(codes, what)
    factor = check_tensor_product(operation)
    shape = operation.output_shape(a_q.shape, b_q.shape)
    # float64 holds these sums exactly, and has a fast product
    steps = a_q.astype(np.float64) - operation.inputs[0].zero_point
    weights = _heads(b_q.astype(np.float64) - SYMMETRIC, operation.heads)
    if operation.scores:
        acc = _heads(steps, operation.heads) @ weights.swapaxes(3, 4)
    else:
        acc = (steps.reshape(*weights.shape[:3], *a_q.shape[2:]) @ weights).swapaxes(2, 3)
    multiplier = np.full(shape[-1], factor, np.float32)
    return requantize(acc.reshape(shape).astype(np.int32), multiplier, operation.output.zero_point)


def _heads(tokens: npt.NDArray[np.float64], heads: int) -> npt.NDArray[np.float64]:
    """Rearrange (N, W, T, heads * D) as (N, W, heads, T, D)."""
    *before, channels = tokens.shape
    return tokens.reshape(*before, heads, channels // heads).swapaxes(2, 3)
