"""Golden model of the product unit: products of codes, and their multiplier.

The requantizer turns a product into an output code, as it does an accumulator. The arithmetic is
that of PyTorch's ``quantized::mul`` (``qmul_kernel`` with the parameters of ``qmul.cpp``).
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..quantization import Quantization
from .requantize import check_multiplier

__all__ = ["LARGEST_PRODUCT", "product_multiplier", "products"]

LARGEST_PRODUCT = 255 * 255  # magnitude, in steps of both inputs

Code = TypeVar("Code", np.uint8, np.int8)


def product_multiplier(a: Quantization, b: Quantization, output: Quantization) -> np.float32:
    """Multiplier from steps of a product to output steps.

    Parameters
    ----------
    a, b, output : Quantization

    Returns
    -------
    float32
        f(f(f(sa) * f(sb)) * f(1 / f(so))): a product times a reciprocal.

    Raises
    ------
    ValueError
        If the multiplier is not a normal fp32 number above 0, or the largest product would reach
        2**31 output steps, where kernels differ.

    Examples
    --------
    >>> float(product_multiplier(Quantization(0.5, 3), Quantization(0.25, 0), Quantization(2.0, 9)))
    0.0625
    """
    with np.errstate(all="ignore"):  # checked below
        scales = np.float32(a.scale) * np.float32(b.scale)
        factor = np.float32(scales * (np.float32(1) / np.float32(output.scale)))
    given = f"input scales {a.scale:g} and {b.scale:g} over output scale {output.scale:g}"
    try:
        check_multiplier(np.array([factor], np.float32))
    except ValueError:
        raise ValueError(
            f"multiplier must be a normal fp32 number above 0, got {factor:g}: {given}"
        ) from None
    if float(factor) * LARGEST_PRODUCT >= 2.0**31 * (1 - 2.0**-22):
        raise ValueError(
            f"the largest product must stay below 2**31 output steps, got "
            f"{float(factor) * LARGEST_PRODUCT:g}: {given}"
        )
    return factor


def products(
    a: npt.NDArray[Code], b: npt.NDArray[Code], zero_points: tuple[int, int]
) -> npt.NDArray[np.int32]:
    """Products of codes in steps from zero, as the hardware's product unit computes them.

    Parameters
    ----------
    a, b : ndarray of shapes that broadcast, uint8 or int8
        Codes, or codes minus 128.
    zero_points : (int, int)
        Zero points of a and b; minus 128 if the codes are.

    Returns
    -------
    ndarray of the common shape, int32
        At most `LARGEST_PRODUCT` in magnitude.

    Examples
    --------
    >>> products(np.array([-128, 127], np.int8), np.array([127, 127], np.int8), (127, -128))
    array([-65025,      0], dtype=int32)
    """
    return (a.astype(np.int32) - zero_points[0]) * (b.astype(np.int32) - zero_points[1])
