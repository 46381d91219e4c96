"""Proof, from a layer's actual weights, that no input can overflow its arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .array.requantize import check_multiplier
from .graph import Layer
from .kernels.gemm import fold_bias

__all__ = ["bounds", "verify"]

_INT32 = np.iinfo(np.int32)


def bounds(layer: Layer) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Smallest and largest accumulator per output channel over all inputs, bias included.

    Returns
    -------
    low, high : ndarray of shape (channels,), int64
        Tight bounds of ``bias_q + sum (x_q - zero_point) * w`` over codes in 0..255.
    """
    weight = layer.weight.reshape(layer.weight.shape[0], -1)
    positive = np.maximum(weight, 0).sum(axis=1, dtype=np.int64)
    negative = np.minimum(weight, 0).sum(axis=1, dtype=np.int64)
    zero_point = layer.input.zero_point
    bias = layer.bias_q.astype(np.int64)
    high = bias + positive * (255 - zero_point) - negative * zero_point
    low = bias + negative * (255 - zero_point) - positive * zero_point
    return low, high


def _fits(values: np.ndarray) -> np.ndarray:
    return (values >= _INT32.min) & (values <= _INT32.max)


def verify(layer: Layer) -> None:
    """Raise ValueError if a layer's arithmetic can overflow.

    Raises
    ------
    ValueError
        If an int32 accumulator can wrap, if the bias with the folded zero point leaves int32, if
        a scaled accumulator can reach 2**31 in magnitude (where x86 and ARM kernels differ), or if
        a multiplier is not a normal positive fp32 number. The message names layer and channel.
    """
    try:
        check_multiplier(layer.multiplier)
    except ValueError as error:
        raise ValueError(f"{layer.name}: {error}") from None
    low, high = bounds(layer)
    folded = fold_bias(layer.weight, layer.bias_q, layer.input.zero_point)
    for values, what in ((low, "accumulator"), (high, "accumulator"), (folded, "folded bias")):
        if not _fits(values).all():
            channel = int(np.argmin(_fits(values)))
            raise ValueError(
                f"{layer.name}: {what} must fit int32 for every input, "
                f"got {values[channel]} in channel {channel}"
            )
    largest = np.maximum(np.abs(low), np.abs(high)) * layer.multiplier.astype(np.float64)
    if not (largest < 2.0**31 * (1 - 2.0**-22)).all():
        channel = int(np.argmax(largest))
        raise ValueError(
            f"{layer.name}: accumulator times multiplier must stay below 2**31, "
            f"got up to {largest[channel]:g} in channel {channel}"
        )
