"""Fully connected layers on uint8 codes, byte-equal to PyTorch's qnnpack kernels.

As in `conv2d`, after ATen's ``quantized/cpu/qlinear.cpp``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from ..array.requantize import requantize
from ..graph import Linear
from .gemm import OFFSET, exact_slices, fold_bias

__all__ = ["PackedLinear", "accumulate", "linear"]

_BLOCK = 1 << 20  # weights converted to float32 at a time
_Slices = list[tuple[slice, npt.NDArray[np.float32]]]


def _blocks(layer: Linear) -> Iterator[tuple[slice, _Slices]]:
    """Yield (output channels, [(inputs, weights in float32)]); each slice sums exactly."""
    outputs, depth = layer.weight.shape
    size = max(1, _BLOCK // depth)
    for start in range(0, outputs, size):
        rows = slice(start, min(start + size, outputs))
        block = layer.weight[rows].astype(np.float32)
        yield rows, [(part, block[:, part]) for part in exact_slices(block)]


class PackedLinear:
    """A linear layer with its weights converted once, for repeated use.

    Parameters
    ----------
    layer : Linear
    """

    def __init__(self, layer: Linear) -> None:
        self.layer = layer
        self._bias = fold_bias(layer.weight, layer.bias_q, layer.input.zero_point)
        self._kept = list(_blocks(layer))

    def accumulate(self, x_q: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
        """Return sums with the bias, int32 of shape (N, O), for x_q as in `linear`."""
        return _accumulate(x_q, self.layer, self._kept, self._bias)

    def __call__(self, x_q: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Output codes, as `linear`."""
        return _requantize(self.accumulate(x_q), self.layer)


def _accumulate(
    x_q: npt.NDArray[np.uint8],
    layer: Linear,
    blocks: Iterable[tuple[slice, _Slices]],
    bias: npt.NDArray[np.int64],
) -> npt.NDArray[np.int32]:
    if x_q.dtype != np.uint8:
        raise ValueError(f"x_q must be uint8, got {x_q.dtype}")
    outputs, depth = layer.weight.shape
    if x_q.ndim != 2 or x_q.shape[1] != depth:
        raise ValueError(f"x_q must have shape (N, {depth}) for {layer.name}, got {x_q.shape}")
    x = x_q.astype(np.float32) - np.float32(OFFSET)
    sums = np.empty((len(x), outputs), np.int64)
    sums[:] = bias
    for rows, slices in blocks:
        for part, weight in slices:
            np.add(sums[:, rows], x[:, part] @ weight.T, out=sums[:, rows], casting="unsafe")
    return sums.astype(np.int32)


def _requantize(acc: npt.NDArray[np.int32], layer: Linear) -> npt.NDArray[np.uint8]:
    return requantize(acc, layer.multiplier, layer.output.zero_point, *layer.bounds)


def accumulate(x_q: npt.NDArray[np.uint8], layer: Linear) -> npt.NDArray[np.int32]:
    """Accumulators of a linear layer, bias included.

    Parameters
    ----------
    x_q : ndarray of shape (N, I), uint8
    layer : Linear
        Passed `overflow.verify`.

    Returns
    -------
    ndarray of shape (N, O), int32

    Raises
    ------
    ValueError
        If x_q has another dtype or shape.
    """
    bias = fold_bias(layer.weight, layer.bias_q, layer.input.zero_point)
    return _accumulate(x_q, layer, _blocks(layer), bias)


def linear(x_q: npt.NDArray[np.uint8], layer: Linear) -> npt.NDArray[np.uint8]:
    """Output codes of a linear layer.

    Parameters
    ----------
    x_q : ndarray of shape (N, I), uint8
    layer : Linear
        Passed `overflow.verify`.

    Returns
    -------
    ndarray of shape (N, O), uint8

    Raises
    ------
    ValueError
        If x_q has another dtype or shape.
    """
    return _requantize(accumulate(x_q, layer), layer)
