"""Convolution of uint8 codes, byte-equal to PyTorch's qnnpack kernels.

The arithmetic is that of ATen's ``quantized/cpu/qconv.cpp`` and the qnnpack micro-kernels: an
int32 sum of (x_q - zero_point) * w_q, to which padding contributes 0, then `requantize`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from ..array.requantize import requantize
from ..graph import Conv2d
from .gemm import EXACT, OFFSET, exact_slices, fold_bias, matmul

__all__ = ["PackedConv2d", "accumulate", "conv2d"]

_BLOCK = 1 << 18  # floats per block of patches, sized to a core's cache
_Block = tuple[int, slice, np.ndarray]


class PackedConv2d:
    """A convolution with prepacked weights, as in qnnpack.

    Parameters
    ----------
    layer : Conv2d

    Raises
    ------
    ValueError
        If the weights' shape and the number of groups do not fit.
    """

    def __init__(self, layer: Conv2d) -> None:
        outputs, depth, *_ = layer.weight.shape
        if outputs % layer.groups:
            raise ValueError(
                f"groups must divide the output channels ({outputs}), got {layer.groups}"
            )
        self.layer = layer
        self.channels = depth * layer.groups
        self.depthwise = depth == 1 and layer.groups > 1
        # reduction order: kernel row, kernel column, input channel
        flat = layer.weight.transpose(0, 2, 3, 1).astype(np.float32).reshape(outputs, -1)
        self._weight = flat.reshape(layer.groups, outputs // layer.groups, -1)
        self._slices = [] if self.depthwise else [exact_slices(part) for part in self._weight]
        self._bias = fold_bias(layer.weight, layer.bias_q, layer.input.zero_point)
        ones = np.ones(flat.shape[1], np.float32)
        largest = (np.abs(flat) @ ones) * np.float32(OFFSET) + np.abs(self._bias)
        self._float = bool((largest <= EXACT).all())  # sums and bias are exact in float32

    def accumulate(self, x_q: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
        """Return sums with the bias, int32 of shape (N, OH, OW, O), for x_q as in `conv2d`."""
        shape = self._check(x_q)
        out = np.empty(shape, np.int32)
        for image, rows, sums in self._sums(x_q, shape):
            out[image, rows] = sums.reshape(out[image, rows].shape)
        return out

    def __call__(self, x_q: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Output codes, as `conv2d`."""
        layer = self.layer
        shape = self._check(x_q)
        out = np.empty(shape, np.uint8)
        zero_point = layer.output.zero_point
        low, high = layer.bounds
        for image, rows, sums in self._sums(x_q, shape):
            target = out[image, rows].reshape(sums.shape)
            if self._float:
                _requantize_floats(sums, layer.multiplier, zero_point, low, high, target)
            else:
                target[:] = requantize(
                    sums.astype(np.int32), layer.multiplier, zero_point, low, high
                )
        return out

    def _check(self, x_q: np.ndarray) -> tuple[int, int, int, int]:
        if x_q.dtype != np.uint8:
            raise ValueError(f"x_q must be uint8, got {x_q.dtype}")
        if x_q.ndim != 4 or x_q.shape[3] != self.channels:
            raise ValueError(
                f"x_q must have shape (N, H, W, {self.channels}) for {self.layer.name}, "
                f"got {x_q.shape}"
            )
        shape = self.layer.output_shape(x_q.shape)
        if min(shape[1:3]) < 1:
            raise ValueError(
                f"x_q must be at least as large as the kernel of {self.layer.name}, "
                f"got {x_q.shape[1]} x {x_q.shape[2]}"
            )
        return shape

    def _sums(self, x_q: np.ndarray, shape: tuple[int, int, int, int]) -> Iterator[_Block]:
        """Yield (image, output rows, sums of shape (pixels, O)); float32 or int64 buffers."""
        n, oh, ow, outputs = shape
        depth = self._weight.shape[2]
        size = max(1, min(oh, _BLOCK // (ow * max(depth, outputs // self.layer.groups))))
        columns = np.empty((size, ow, depth), np.float32)
        buffer = np.empty((size * ow, outputs), np.float32)
        bias = self._bias.astype(np.float32) if self._float else self._bias
        for image in range(n):
            patches = _patches(_padded(x_q[image], self.layer), self.layer, shape)
            for start in range(0, oh, size):
                rows = slice(start, min(start + size, oh))
                count = (rows.stop - start) * ow
                block = patches[rows]
                if self.depthwise:
                    sums = self._taps(block, buffer[:count])
                else:
                    sums = self._products(block, columns[: rows.stop - start], buffer[:count])
                yield image, rows, np.add(sums, bias, out=sums) if self._float else sums + bias

    def _products(self, block: np.ndarray, columns: np.ndarray, buffer: np.ndarray) -> np.ndarray:
        """Matrix products of a block's patches, one per group."""
        groups = self.layer.groups
        pixels = block.shape[0] * block.shape[1]
        depth = block.shape[4] // groups
        parts: list[np.ndarray] = []
        for group in range(groups):
            part = block[..., group * depth : (group + 1) * depth]
            np.copyto(columns.reshape(part.shape), part)
            flat = columns.reshape(pixels, -1)
            out = buffer if groups == 1 else np.empty((pixels, self._weight.shape[1]), np.float32)
            parts.append(matmul(flat, self._weight[group], self._slices[group], out))
        return parts[0] if groups == 1 else np.concatenate(parts, axis=1)

    def _taps(self, block: np.ndarray, buffer: np.ndarray) -> np.ndarray:
        """Depthwise sums: no reduction over channels, one product per kernel tap."""
        rows, columns, kh, kw, channels = block.shape
        taps = self._weight.transpose(0, 2, 1)  # channel, tap, outputs of the channel
        sums = buffer.reshape(rows, columns, channels, -1)
        sums[:] = 0
        for tap in range(kh * kw):
            sums += block[:, :, tap // kw, tap % kw, :, None] * taps[:, tap]
        return buffer


def _requantize_floats(
    sums: np.ndarray, multiplier: np.ndarray, zero_point: int, low: int, high: int, out: np.ndarray
) -> None:
    """`requantize` in place on float32 sums that are exact integers."""
    np.multiply(sums, multiplier, out=sums)
    np.rint(sums, out=sums)
    np.clip(sums, np.float32(low - zero_point), np.float32(high - zero_point), out=sums)
    np.add(sums, np.float32(zero_point), out=out, casting="unsafe")


def _padded(x_q: np.ndarray, layer: Conv2d) -> npt.NDArray[np.float32]:
    """One image's codes minus 128, padded with the zero point minus 128."""
    height, width, channels = x_q.shape
    (top, bottom), (left, right) = layer.pads
    padded = np.empty((height + top + bottom, width + left + right, channels), np.float32)
    if top or left or bottom or right:
        padded[:] = layer.input.zero_point - OFFSET
    inner = padded[top : top + height, left : left + width]
    np.subtract(x_q, np.float32(OFFSET), out=inner)
    return padded


def _patches(padded: np.ndarray, layer: Conv2d, shape: tuple[int, int, int, int]) -> np.ndarray:
    """View of shape (OH, OW, kh, kw, I): the codes under the kernel, for each output pixel."""
    kh, kw = layer.weight.shape[2:]
    row, column, channel = padded.strides
    (sh, sw), (dh, dw) = layer.stride, layer.dilation
    return as_strided(
        padded,
        (shape[1], shape[2], kh, kw, padded.shape[2]),
        (sh * row, sw * column, dh * row, dw * column, channel),
        writeable=False,
    )


def accumulate(x_q: npt.NDArray[np.uint8], layer: Conv2d) -> npt.NDArray[np.int32]:
    """Accumulators of a convolution, bias included.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, I), uint8
    layer : Conv2d
        Passed `overflow.verify`.

    Returns
    -------
    ndarray of shape (N, OH, OW, O), int32

    Raises
    ------
    ValueError
        If x_q has another dtype or shape.
    """
    return PackedConv2d(layer).accumulate(x_q)


def conv2d(x_q: npt.NDArray[np.uint8], layer: Conv2d) -> npt.NDArray[np.uint8]:
    """Output codes of a convolution.

    Parameters
    ----------
    x_q : ndarray of shape (N, H, W, I), uint8
    layer : Conv2d
        Passed `overflow.verify`.

    Returns
    -------
    ndarray of shape (N, OH, OW, O), uint8

    Raises
    ------
    ValueError
        If x_q has another dtype or shape.
    """
    return PackedConv2d(layer)(x_q)
