"""Convolutions and linear layers of the exact integer network, on codes minus 128 in int8."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ..golden.graph import Conv2d, Layer, Linear
from ..golden.kernels.gemm import OFFSET, fold_bias
from .products import FloatProducts, float_sums_fit, products

__all__ = ["Convolution", "Dense", "Depthwise", "layer_of"]

_CACHE = {"cpu": 1 << 20}  # bytes of a block's patches and sums, to fit a core's cache
_MEMORY = 1 << 28  # the same on other devices, to fit their memory
_ROWS = 256  # minimum rows of a product, to amortize reading the weights


class _Requantize:
    """Converts sums without bias to codes minus 128: `golden.requantize.requantize` in torch."""

    def __init__(self, layer: Layer, device: torch.device) -> None:
        folded = fold_bias(layer.weight, layer.bias_q, layer.input.zero_point)
        self._exact = float_sums_fit(layer.weight, folded)
        self._floats = torch.from_numpy(folded.astype(np.float32)).to(device)
        self._integers = torch.from_numpy(folded.astype(np.int32)).to(device)
        self._multiplier = torch.from_numpy(np.array(layer.multiplier)).to(device)
        zero_point = layer.output.zero_point
        low, high = layer.bounds
        self._bounds = (float(low - zero_point), float(high - zero_point))
        self._zero = float(zero_point - OFFSET)

    def __call__(self, sums: torch.Tensor, out: torch.Tensor) -> None:
        """Requantize; overwrite `sums` where they are float32 or int32."""
        if sums.dtype == torch.float32 and self._exact:
            scaled = sums.add_(self._floats)
        else:
            # rounded to float32 once, after adding the bias
            integers = sums if sums.dtype != torch.float32 else sums.to(torch.int32)
            scaled = integers.add_(self._integers).to(torch.float32)
        scaled.mul_(self._multiplier).round_()
        out.copy_(scaled.clamp_(*self._bounds).add_(self._zero))


class Dense:
    """A linear layer.

    Parameters
    ----------
    layer : Linear
    device : torch.device
    kind : "int8", "float32" or None
        As in `products.products`.
    """

    def __init__(self, layer: Linear, device: torch.device, kind: str | None) -> None:
        self._products = products(layer.weight, device, kind)
        self._requantize = _Requantize(layer, device)
        self._outputs = len(layer.weight)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Map codes minus 128, int8 of shape (N, I), to the output's, of shape (N, O)."""
        out = torch.empty((len(x), self._outputs), dtype=torch.int8, device=x.device)
        self._requantize(self._products(x.to(self._products.dtype)), out)
        return out


class _Windows:
    """Base class of convolutions: padding, and windows of blocks of output pixels."""

    def __init__(self, layer: Conv2d, device: torch.device) -> None:
        self._layer = layer
        self._requantize = _Requantize(layer, device)
        self._zero = layer.input.zero_point - OFFSET

    def _padded(self, x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Pad images with the zero point."""
        (top, bottom), (left, right) = self._layer.pads
        if not (top or bottom or left or right):
            return x.to(dtype)
        n, height, width, channels = x.shape
        shape = (n, height + top + bottom, width + left + right, channels)
        padded = torch.full(shape, self._zero, dtype=dtype, device=x.device)
        padded[:, top : top + height, left : left + width].copy_(x)
        return padded

    def _windows(self, padded: torch.Tensor, oh: int, ow: int) -> torch.Tensor:
        """Return a view (N, OH, OW, kh, kw, I) of the input window of each output."""
        kh, kw = self._layer.weight.shape[2:]
        image, row, column, channel = padded.stride()
        (sh, sw), (dh, dw) = self._layer.stride, self._layer.dilation
        return padded.as_strided(
            (len(padded), oh, ow, kh, kw, padded.shape[3]),
            (image, sh * row, sw * column, dh * row, dw * column, channel),
        )

    def _blocks(
        self, shape: tuple[int, ...], cost: int, device: str
    ) -> Iterator[tuple[slice, ...]]:
        """Split images and output rows into blocks of limited size; `cost` in bytes per pixel."""
        n, oh, ow, _ = shape
        pixels = max(_CACHE.get(device, _MEMORY) // cost, _ROWS)
        images = max(1, pixels // (oh * ow))
        rows = oh if pixels >= oh * ow else max(1, pixels // ow)
        for image in range(0, n, images):
            for row in range(0, oh, rows):
                yield slice(image, min(image + images, n)), slice(row, min(row + rows, oh))


class Convolution(_Windows):
    """A convolution as one patch product per group; parameters as in `Dense`."""

    def __init__(self, layer: Conv2d, device: torch.device, kind: str | None) -> None:
        super().__init__(layer, device)
        outputs = len(layer.weight)
        # reduction order: kernel row, kernel column, input channel
        flat = layer.weight.transpose(0, 2, 3, 1).reshape(layer.groups, outputs // layer.groups, -1)
        self._products = [products(part, device, kind) for part in flat]
        self._dtype = self._products[0].dtype
        if len({part.dtype for part in self._products}) > 1:
            self._products = [FloatProducts(part, device) for part in flat]
            self._dtype = torch.float32
        self._pointwise = layer.weight.shape[2:] == (1, 1) and not any(map(any, layer.pads))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Map codes minus 128, int8 (N, H, W, I), to the output's, (N, OH, OW, O)."""
        shape = self._layer.output_shape(tuple(x.shape))
        out = torch.empty(shape, dtype=torch.int8, device=x.device)
        depth = self._layer.weight[0].size
        cost = depth * self._dtype.itemsize + 8 * shape[3]
        block: slice | None = None
        windows = x
        for images, rows in self._blocks(shape, cost, x.device.type):
            if images != block:
                block = images
                windows = self._windows(self._padded(x[images], self._dtype), *shape[1:3])
            sums = self._sums(windows[:, rows])
            target = out[images, rows]
            self._requantize(sums, target.view(-1, shape[3]))
        return out

    def _sums(self, block: torch.Tensor) -> torch.Tensor:
        groups = self._layer.groups
        if groups == 1:
            pixels = block.shape[0] * block.shape[1] * block.shape[2]
            return self._products[0](block.reshape(pixels, -1))
        depth = block.shape[5] // groups
        pixels = block.shape[0] * block.shape[1] * block.shape[2]
        parts = [
            product(block[..., group * depth : (group + 1) * depth].reshape(pixels, -1))
            for group, product in enumerate(self._products)
        ]
        return torch.cat(parts, 1)


class Depthwise(_Windows):
    """A convolution with one input channel per group: one float32 product per kernel tap."""

    def __init__(self, layer: Conv2d, device: torch.device) -> None:
        super().__init__(layer, device)
        outputs, _, kh, kw = layer.weight.shape
        taps = layer.weight.reshape(layer.groups, outputs // layer.groups, kh * kw)
        # every partial sum of the taps is exact, whether or not the bias fits
        if not float_sums_fit(layer.weight, np.zeros(outputs, np.int64)):
            raise ValueError(f"{layer.name}: depthwise kernels must sum below 2**24")
        self._taps = torch.from_numpy(taps.transpose(2, 0, 1).astype(np.float32)).to(device)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """As `Convolution`."""
        shape = self._layer.output_shape(tuple(x.shape))
        out = torch.empty(shape, dtype=torch.int8, device=x.device)
        kw = self._layer.weight.shape[3]
        multiple = shape[3] // x.shape[3]
        for images, rows in self._blocks(shape, 16 * shape[3], x.device.type):
            windows = self._windows(self._padded(x[images], torch.float32), *shape[1:3])[:, rows]
            sums = torch.zeros((*windows.shape[:3], x.shape[3], multiple), device=x.device)
            for tap, weight in enumerate(self._taps):
                sums.addcmul_(windows[:, :, :, tap // kw, tap % kw, :, None], weight)
            self._requantize(sums.view(-1, shape[3]), out[images, rows].view(-1, shape[3]))
        return out


def layer_of(
    layer: Layer, device: torch.device, kind: str | None
) -> Dense | Convolution | Depthwise:
    """Return the layer with packed weights; parameters as in `Dense`."""
    if isinstance(layer, Linear):
        return Dense(layer, device, kind)
    if layer.groups > 1 and layer.weight.shape[1] == 1:
        return Depthwise(layer, device)
    return Convolution(layer, device, kind)
