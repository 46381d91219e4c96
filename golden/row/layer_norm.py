"""Layer norm of rows of codes: integer sums, one root and one quotient a row, then fp32 steps.

The arithmetic is that of ATen's ``quantized_normalize_kernel`` (``torch.ops.quantized.layer_norm``)
for elements in whole vectors.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..codes import check_codes
from ..quantization import Quantization
from .fused_multiply_add import fused_multiply_add

__all__ = [
    "LARGEST_ROW",
    "check_parameters",
    "layer_norm",
    "normalized",
    "row_factors",
    "row_sums",
]

LARGEST_ROW = 1 << 16  # elements, whose squares sum up to less than 2**32

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


def check_parameters(gamma: Floats, beta: Floats) -> None:
    """Raise ValueError unless factors and addends are float32, one each for a row's elements."""
    if gamma.ndim != 1 or not 1 <= len(gamma) <= LARGEST_ROW or beta.shape != gamma.shape:
        raise ValueError(
            f"gamma and beta must be of one shape, 1 to {LARGEST_ROW} elements, got "
            f"{gamma.shape} and {beta.shape}"
        )
    for what, values in (("gamma", gamma), ("beta", beta)):
        if values.dtype != np.float32:
            raise ValueError(f"{what} must be float32, got {values.dtype}")


def row_sums(x_q: Codes) -> tuple[Integers, Integers]:
    """Sum each row's codes and their squares.

    Parameters
    ----------
    x_q : ndarray of shape (..., N), uint8
        N in 1..LARGEST_ROW.

    Returns
    -------
    sums, squares : ndarray of shape (...), int64
        At most 24 and 32 bits.

    Raises
    ------
    ValueError
        If x_q has another dtype or shape.
    """
    check_codes(x_q)
    if not 1 <= x_q.shape[-1] <= LARGEST_ROW:
        raise ValueError(
            f"x_q must have rows of 1 to {LARGEST_ROW} elements, got shape {x_q.shape}"
        )
    wide = x_q.astype(np.int64)
    return wide.sum(axis=-1), np.square(wide).sum(axis=-1)


def row_factors(
    sums: Integers, squares: Integers, elements: int, scale: float, eps: float
) -> tuple[Floats, Floats]:
    """Mean of each row's codes, and what its elements are multiplied with.

    Parameters
    ----------
    sums, squares : ndarray of one shape, int64
        From `row_sums`.
    elements : int
        N, of a row.
    scale : float
        The input's.
    eps : float
        Above 0.

    Returns
    -------
    mean : ndarray of that shape, float32
        m = f(f(sums) / N).
    factor : ndarray of that shape, float32
        f(f(scale) / sqrt(f(f(v * f(scale)) * f(scale)) + eps)), where
        v = max(fma(-m, m, f(f(squares) / N)), 0). Sum, root and quotient are in float64; the
        quotient is rounded to fp32.
    """
    count, step = np.float32(elements), np.float32(scale)
    mean = sums.astype(np.float32) / count
    variance = fused_multiply_add(-mean, mean, squares.astype(np.float32) / count)
    scaled = (np.maximum(variance, np.float32(0)) * step) * step
    root = np.sqrt(scaled.astype(np.float64) + eps)
    return mean, (np.float64(step) / root).astype(np.float32)


def layer_norm(
    x_q: Codes, gamma: Floats, beta: Floats, eps: float, given: Quantization, output: Quantization
) -> Codes:
    """Layer norm over the last dimension.

    Parameters
    ----------
    x_q : ndarray of shape (..., N), uint8
    gamma, beta : ndarray of shape (N,), float32
    eps : float
        Above 0.
    given, output : Quantization
        Of x_q and of the result.

    Returns
    -------
    ndarray of x_q's shape, uint8
        d = f(f(q - z) - f(m - z)), d = f(d * factor), d = fma(gamma, d, beta), then
        clip(rint(f(d * f(1 / f(so)))) + zo, 0, 255), m and factor from `row_factors`.

    Raises
    ------
    ValueError
        If a dtype or shape is another.

    Examples
    --------
    >>> x_q = np.array([[9, 10, 10, 11]], np.uint8)
    >>> one, zero = np.ones(4, np.float32), np.zeros(4, np.float32)
    >>> layer_norm(x_q, one, zero, 1e-5, Quantization(0.1, 3), Quantization(0.02, 128))
    array([[ 57, 128, 128, 199]], dtype=uint8)
    """
    multiplier = np.float32(1) / np.float32(output.scale)
    return normalized(x_q, gamma, beta, eps, given, multiplier, output.zero_point)


def normalized(
    x_q: Codes,
    gamma: Floats,
    beta: Floats,
    eps: float,
    given: Quantization,
    multiplier: np.float32,
    output_zero_point: int,
) -> Codes:
    """Layer norm as the hardware has it: with the reciprocal of the output's scale.

    Parameters
    ----------
    x_q, gamma, beta, eps, given
        As in `layer_norm`.
    multiplier : np.float32
        f(1 / f(so)).
    output_zero_point : int
        Of the result, 0..255.

    Returns
    -------
    ndarray of x_q's shape, uint8

    Raises
    ------
    ValueError
        If a dtype or shape is another.
    """
    sums, squares = row_sums(x_q)
    check_parameters(gamma, beta)
    if gamma.shape != x_q.shape[-1:]:
        raise ValueError(
            f"gamma and beta must be of shape {x_q.shape[-1:]} as rows are, got {gamma.shape}"
        )
    mean, factor = row_factors(sums, squares, x_q.shape[-1], given.scale, eps)
    zero_point = np.float32(given.zero_point)
    centred = (x_q.astype(np.float32) - zero_point) - (mean - zero_point)[..., None]
    stretched = np.multiply(centred, factor[..., None], dtype=np.float32)
    scaled = fused_multiply_add(stretched, gamma, beta)
    steps = np.rint(scaled * multiplier)
    return np.clip(steps + output_zero_point, 0, 255).astype(np.uint8)
