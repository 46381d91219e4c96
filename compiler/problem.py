"""A convolution or linear layer in the compiler's terms: axes and column tiles.

Output channels are split into column tiles of the array's width. A linear layer or 1 x 1
convolution becomes a single line of pixels, including the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

from ..golden.graph import Conv2d, Layer
from ..spec.parameters import Parameters

__all__ = ["Axis", "ColumnTile", "Problem", "problem"]


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a convolution; a buffer holds one cell per `step` inputs.

    Parameters
    ----------
    size, out : int
        Inputs and outputs along the axis.
    kernel, stride, padding, dilation : int
    step : int
        Inputs from one buffered cell to the next: the stride if the kernel has one element, so
        that the inputs in between are not read; else 1.
    """

    size: int
    out: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    step: int = 1

    @property
    def window_step(self) -> int:
        """Cells between the windows of neighbouring outputs."""
        return self.stride // self.step

    def cells(self, outputs: int) -> int:
        """Cells that `outputs` neighbouring outputs read."""
        return (outputs - 1) * self.window_step + self.dilation * (self.kernel - 1) + 1

    def real(self, start: int, outputs: int) -> tuple[int, int, int]:
        """Cells read by outputs from `start`: leading padding, cells of the input, first input."""
        first = start * self.stride - self.padding
        cells = self.cells(outputs)
        before = min(max(ceil(-first / self.step), 0), cells)
        end = min(max(ceil((self.size - first) / self.step), before), cells)
        return before, end - before, first + before * self.step


@dataclass(frozen=True)
class ColumnTile:
    """Output channels `start` to `start + count`, which read input channels from `channel`."""

    start: int
    count: int
    channel: int


@dataclass(frozen=True)
class Problem:
    """A convolution in the compiler's terms; a linear layer is a 1 x 1 convolution.

    Parameters
    ----------
    images, channels, out_channels : int
    vertical, horizontal : Axis
    column_tiles : tuple of ColumnTile
    block : int
        Input channels that each column tile reads: all, or the union of its groups.
    weight_bits : int
        Width of the weights as stored.
    """

    images: int
    channels: int
    out_channels: int
    vertical: Axis
    horizontal: Axis
    column_tiles: tuple[ColumnTile, ...]
    block: int
    weight_bits: int = 8


def problem(
    layer: Layer, input_shape: tuple[int, ...], parameters: Parameters, *, even: bool = True
) -> Problem:
    """Describe a layer for an input of shape (N, H, W, I), or (N, I) for a linear layer.

    Without `even`, the output's lines do not follow each other in memory, and stay lines.

    Raises
    ------
    ValueError
        If the input's shape does not fit the layer.
    """
    groups = layer.groups if isinstance(layer, Conv2d) else 1
    channels = layer.weight.shape[1] * groups
    dimensions = 4 if isinstance(layer, Conv2d) else 2
    if len(input_shape) != dimensions or input_shape[-1] != channels or min(input_shape) < 1:
        raise ValueError(
            f"input of {layer.name} must have {dimensions} dimensions, {channels} channels and "
            f"at least one element, got shape {tuple(input_shape)}"
        )
    out_channels = layer.weight.shape[0]
    tiles, block = _column_tiles(channels, out_channels, groups, parameters.cols)
    images, vertical, horizontal = _axes(layer, input_shape, channels, parameters, even)
    if min(vertical.out, horizontal.out) < 1:
        raise ValueError(
            f"input of {layer.name} must be at least as large as the kernel, "
            f"got {vertical.size} x {horizontal.size}"
        )
    axes = vertical, horizontal
    return Problem(images, channels, out_channels, *axes, tiles, block, layer.weight_bits)


def _axes(
    layer: Layer, shape: tuple[int, ...], channels: int, parameters: Parameters, even: bool
) -> tuple[int, Axis, Axis]:
    one = Axis(1, 1, 1, 1, 0, 1)
    if not isinstance(layer, Conv2d):
        return 1, one, Axis(shape[0], shape[0], 1, 1, 0, 1)
    kernel = layer.weight.shape[2:]
    if even and kernel == (1, 1) and layer.stride == (1, 1) and not any(map(any, layer.pads)):
        pixels = prod(shape[:3])  # pixels are independent: the batch becomes one line
        return 1, one, Axis(pixels, pixels, 1, 1, 0, 1)
    out = layer.output_shape(shape)
    axes: list[Axis] = []
    for i in (0, 1):
        stride = layer.stride[i]
        # Skipping lines is free; skipping pixels makes each pixel a separate row of the transfer.
        skip = kernel[i] == 1 and (i == 0 or channels >= 8 * parameters.axi_bytes)
        axes.append(
            Axis(
                *(shape[1 + i], out[1 + i], kernel[i], stride),
                *(layer.padding[i], layer.dilation[i], stride if skip else 1),
            )
        )
    return shape[0], axes[0], axes[1]


def _column_tiles(
    channels: int, out_channels: int, groups: int, cols: int
) -> tuple[tuple[ColumnTile, ...], int]:
    """Split the output channels; return the tiles and the input channels that each one reads."""
    inputs, outputs = channels // groups, out_channels // groups
    spans: list[tuple[int, int, int, int]] = []
    for start in range(0, out_channels, cols):
        end = min(start + cols, out_channels)
        spans.append((start, end, start // outputs * inputs, -(-end // outputs) * inputs))
    block = max(high - low for _, _, low, high in spans)
    tiles = [ColumnTile(s, e - s, min(low, channels - block)) for s, e, low, _ in spans]
    return tuple(tiles), block
