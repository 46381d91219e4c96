"""Requantization of int32 accumulators to uint8 codes, bit-exact with PyTorch's qnnpack kernels.

`requantize` uses the kernels' fp32 arithmetic. `requantize_integer` computes the same function in
integer arithmetic, like the hardware's requantizer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["bias_codes", "check_multiplier", "multipliers", "requantize", "requantize_integer"]

_NORMAL = np.finfo(np.float32)
_SIGNIFICAND = 24  # bits of an fp32 significand, the hidden one included
_MAGNITUDE_LIMIT = 511  # a rounded magnitude beyond it saturates every uint8 output


def multipliers(
    x_scale: float, w_scale: npt.NDArray[np.float64], y_scale: float
) -> npt.NDArray[np.float32]:
    """Per-channel multipliers from accumulator to output steps.

    Parameters
    ----------
    x_scale, y_scale : float
        Positive scales of the input and of the output.
    w_scale : ndarray of shape (channels,), float64
        Positive scales of the weights.

    Returns
    -------
    ndarray of shape (channels,), float32
        f(f(f(sw) * f(sx)) * f(1 / f(so))): a product times a reciprocal, as ATen's
        ``generate_requantization_scales`` (qnnpack_utils.h) computes it, not a division.

    Raises
    ------
    ValueError
        If a multiplier is not a normal fp32 number above 0; the message names the channel, the
        multiplier and its scales.
    """
    with np.errstate(all="ignore"):  # checked below
        product = np.asarray(w_scale, np.float64).astype(np.float32) * np.float32(x_scale)
        factors = product * (np.float32(1) / np.float32(y_scale))
    try:
        check_multiplier(factors)
    except ValueError as error:
        channel = int(np.argmin(_normal(factors)))
        raise ValueError(
            f"{error}: input scale {x_scale:g} times weight scale {w_scale[channel]:g} over "
            f"output scale {y_scale:g}"
        ) from None
    return factors


def bias_codes(
    bias: npt.NDArray[np.float32], x_scale: float, w_scale: npt.NDArray[np.float64]
) -> npt.NDArray[np.int32]:
    """Biases in units of the accumulator.

    Parameters
    ----------
    bias : ndarray of shape (channels,), float32
    x_scale : float
    w_scale : ndarray of shape (channels,), float64

    Returns
    -------
    ndarray of shape (channels,), int32
        rint(f(b * f(1 / f(sw * sx)))): the product of the scales in float64, then an fp32
        reciprocal, then an fp32 product (``quantize_per_channel`` on x86).

    Raises
    ------
    ValueError
        If a bias is not finite or does not fit the int32 accumulator, or if an accumulator step
        has no finite fp32 reciprocal.
    """
    bias = np.asarray(bias, np.float32)
    if not np.isfinite(bias).all():
        channel = int(np.argmin(np.isfinite(bias)))
        raise ValueError(f"bias must be finite, got {bias[channel]:g} in channel {channel}")
    with np.errstate(all="ignore"):  # checked below
        scale = (np.asarray(w_scale, np.float64) * float(x_scale)).astype(np.float32)
        inverse = np.float32(1) / scale
        codes = np.rint(bias * inverse)
    usable = np.isfinite(scale) & (scale > 0) & np.isfinite(inverse)
    if not usable.all():
        channel = int(np.argmin(usable))
        raise ValueError(
            f"input scale times weight scale must be above 2**-128 and finite in fp32, got "
            f"{x_scale:g} times {w_scale[channel]:g} in channel {channel}"
        )
    if not np.all(np.abs(codes) < 2.0**31):
        channel = int(np.argmin(np.abs(codes) < 2.0**31))
        raise ValueError(
            f"bias must be below 2**31 accumulator steps, got {codes[channel]:g} "
            f"in channel {channel}"
        )
    return codes.astype(np.int32)


def check_multiplier(multiplier: npt.NDArray[np.float32]) -> None:
    """Raise ValueError unless every multiplier is a normal, positive, finite fp32 number."""
    if multiplier.dtype != np.float32:
        raise ValueError(f"multiplier must be float32, got {multiplier.dtype}")
    legal = _normal(multiplier)
    if not legal.all():
        channel = int(np.argmin(legal))
        raise ValueError(
            f"multiplier must be a normal fp32 number above 0, got "
            f"{multiplier.flat[channel]:g} in channel {channel}"
        )


def _normal(values: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Which values are normal and positive."""
    return (values >= _NORMAL.tiny) & (values <= _NORMAL.max)


def _check(acc: np.ndarray, multiplier: np.ndarray, zero_point: int, low: int, high: int) -> None:
    if acc.dtype != np.int32:
        raise ValueError(f"acc must be int32, got {acc.dtype}")
    if acc.ndim < 1 or multiplier.shape != acc.shape[-1:]:
        raise ValueError(
            f"multiplier must have one entry per channel of acc {acc.shape}, "
            f"got shape {multiplier.shape}"
        )
    check_multiplier(multiplier)
    if not 0 <= zero_point <= 255:
        raise ValueError(f"zero_point must be between 0 and 255, got {zero_point}")
    if not 0 <= low <= high <= 255:
        raise ValueError(f"low and high must be ordered within 0..255, got {low} and {high}")


def requantize(
    acc: npt.NDArray[np.int32],
    multiplier: npt.NDArray[np.float32],
    zero_point: int,
    low: int = 0,
    high: int = 255,
) -> npt.NDArray[np.uint8]:
    """Output codes of accumulators, by the fp32 arithmetic of the qnnpack kernels.

    Parameters
    ----------
    acc : ndarray of shape (..., channels), int32
        Sums with the bias.
    multiplier : ndarray of shape (channels,), float32
        Normal and positive. ``|acc * multiplier|`` stays below 2**31 in an imported network
        (`overflow.verify`); beyond that, this function saturates.
    zero_point : int
        Code of 0, in 0..255.
    low, high : int
        Clamp bounds, 0 <= low <= high <= 255; a fused ReLU has low = zero_point.

    Returns
    -------
    ndarray of shape (..., channels), uint8

    Raises
    ------
    ValueError
        If a dtype, shape or parameter is not as above.

    Examples
    --------
    >>> acc = np.array([[5, 6, -7, 100000]], np.int32)
    >>> requantize(acc, np.full(4, 0.5, np.float32), 10)
    array([[ 12,  13,   6, 255]], dtype=uint8)
    """
    _check(acc, multiplier, zero_point, low, high)
    scaled = acc.astype(np.float32)
    with np.errstate(over="ignore"):  # an infinite product saturates below
        np.multiply(scaled, multiplier, out=scaled)
    np.rint(scaled, out=scaled)
    np.clip(scaled, low - zero_point, high - zero_point, out=scaled)
    scaled += np.float32(zero_point)
    return scaled.astype(np.uint8)


def _shift_right_rne(value: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Round value / 2**shift half to even, int64, 0 <= value < 2**62, 0 <= shift <= 62."""
    quotient = value >> shift
    rest = value - (quotient << shift)
    half = (np.int64(1) << shift) >> 1
    up = (rest > half) | ((rest == half) & (half > 0) & (quotient & 1 == 1))
    return quotient + up


def _bit_length(value: np.ndarray) -> np.ndarray:
    """Return the number of significant bits, int64, of 0 <= value < 2**50 (exact in float64)."""
    return np.frexp(value.astype(np.float64))[1].astype(np.int64)


def requantize_integer(
    acc: npt.NDArray[np.int32],
    multiplier: npt.NDArray[np.float32],
    zero_point: int,
    low: int = 0,
    high: int = 255,
) -> npt.NDArray[np.uint8]:
    """`requantize` in integer operations only, as in the hardware.

    The sum is rounded to a 24-bit significand. Its product with the multiplier's significand is
    rounded to 24 bits, then to an integer. Each rounding is to nearest, ties to even. Parameters,
    result and errors are those of `requantize`.

    Examples
    --------
    >>> acc = np.array([[5, 6, -7, 100000]], np.int32)
    >>> requantize_integer(acc, np.full(4, 0.5, np.float32), 10)
    array([[ 12,  13,   6, 255]], dtype=uint8)
    """
    _check(acc, multiplier, zero_point, low, high)
    bits = multiplier.view(np.uint32).astype(np.int64)
    significand = (bits & 0x7FFFFF) | 0x800000
    exponent = (bits >> 23) - 127

    magnitude = np.abs(acc.astype(np.int64))
    shift = np.maximum(_bit_length(magnitude) - _SIGNIFICAND, 0)
    narrowed = _shift_right_rne(magnitude, shift)

    product = narrowed * significand
    shift_2 = np.maximum(_bit_length(product) - _SIGNIFICAND, 0)
    rounded = _shift_right_rne(product, shift_2)

    last = 23 - exponent - shift - shift_2  # right shift that leaves an integer
    right = _shift_right_rne(rounded, np.clip(last, 0, 26))
    left = np.where(rounded > 0, rounded << np.clip(-last, 0, 10), 0)
    integer = np.minimum(np.where(last >= 0, right, left), _MAGNITUDE_LIMIT)
    signed = np.where(acc < 0, -integer, integer) + zero_point
    return np.clip(signed, low, high).astype(np.uint8)
