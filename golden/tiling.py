"""How a layer is cut to fit the scratchpads: output tiles, buffer layout, groups of columns.

A convolution's output is cut into tiles of pixels; the input rectangle under a tile lies in the
activation scratchpad with a line pitch that lets vectors of the reduction cross from one kernel
line into the next (see `maccord.golden.reduction`). Output channels are cut into column tiles of
the array's width, and column tiles that share an output buffer form a group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, prod

from .graph import Conv2d, Layer
from .parameters import Parameters
from .reduction import Reduction, reduction

__all__ = ["Axis", "ColumnTile", "Problem", "Tile", "Tiling", "candidates", "problem"]

_MAX_ROWS = (1 << 16) - 1


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a convolution; a buffer holds one cell for every `step` inputs.

    Parameters
    ----------
    size, out : int
        Inputs and outputs along the axis.
    kernel, stride, padding, dilation : int
    step : int
        Inputs from one buffered cell to the next: the stride where a kernel of one element
        leaves the inputs between unread, else 1.
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
        """Cells from an output's window to the next output's."""
        return self.stride // self.step

    def cells(self, outputs: int) -> int:
        """Cells that `outputs` neighbouring outputs read."""
        return (outputs - 1) * self.window_step + self.dilation * (self.kernel - 1) + 1

    def real(self, start: int, outputs: int) -> tuple[int, int, int]:
        """Cells under outputs from `start` on: padding before, cells of the input, first input."""
        first = start * self.stride - self.padding
        cells = self.cells(outputs)
        before = min(max(ceil(-first / self.step), 0), cells)
        end = min(max(ceil((self.size - first) / self.step), before), cells)
        return before, end - before, first + before * self.step


@dataclass(frozen=True)
class ColumnTile:
    """Output channels `start` to `start + count`, reading input channels from `channel` on."""

    start: int
    count: int
    channel: int


@dataclass(frozen=True)
class Problem:
    """A convolution as the scheduler sees it; a linear layer is one of 1 x 1.

    Parameters
    ----------
    images, channels, out_channels : int
    vertical, horizontal : Axis
    column_tiles : tuple of ColumnTile
    block : int
        Input channels that each column tile reads: all, or the union of its groups.
    """

    images: int
    channels: int
    out_channels: int
    vertical: Axis
    horizontal: Axis
    column_tiles: tuple[ColumnTile, ...]
    block: int


@dataclass(frozen=True)
class Tile:
    """Output pixels of one image: top left corner and size."""

    image: int
    y: int
    x: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Output pixels of the tile."""
        return self.height * self.width


@dataclass(frozen=True)
class Tiling:
    """A choice of tiles and buffers for a problem.

    Parameters
    ----------
    tiles : tuple of Tile
    pitch : int
        Bytes from line to line in an activation buffer.
    geometry : Reduction
    group : int
        Column tiles that share an output buffer.
    activation_buffers, output_buffers : int
        2 where loads and stores overlap with computing, else 1.
    """

    tiles: tuple[Tile, ...]
    pitch: int
    geometry: Reduction
    group: int
    activation_buffers: int
    output_buffers: int


def problem(layer: Layer, input_shape: tuple[int, ...], parameters: Parameters) -> Problem:
    """Describe a layer for an input of shape (N, H, W, I), or (N, I) for a linear layer.

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
    images, vertical, horizontal = _axes(layer, input_shape, channels, parameters)
    if min(vertical.out, horizontal.out) < 1:
        raise ValueError(
            f"input of {layer.name} must be at least as large as the kernel, "
            f"got {vertical.size} x {horizontal.size}"
        )
    return Problem(images, channels, out_channels, vertical, horizontal, tiles, block)


def _axes(
    layer: Layer, shape: tuple[int, ...], channels: int, parameters: Parameters
) -> tuple[int, Axis, Axis]:
    one = Axis(1, 1, 1, 1, 0, 1)
    if not isinstance(layer, Conv2d):
        return 1, one, Axis(shape[0], shape[0], 1, 1, 0, 1)
    kernel = layer.weight.shape[2:]
    if kernel == (1, 1) and layer.stride == (1, 1) and layer.padding == (0, 0):
        pixels = prod(shape[:3])  # every pixel is alone: the batch is one long line
        return 1, one, Axis(pixels, pixels, 1, 1, 0, 1)
    out = layer.output_shape(shape)
    axes = []
    for i in (0, 1):
        stride = layer.stride[i]
        # Skipping lines costs nothing, skipping pixels makes every one a row of its own.
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
    """Cut the output channels; return the tiles and the input channels each one reads."""
    inputs, outputs = channels // groups, out_channels // groups
    spans = []
    for start in range(0, out_channels, cols):
        end = min(start + cols, out_channels)
        spans.append((start, end, start // outputs * inputs, -(-end // outputs) * inputs))
    block = max(high - low for _, _, low, high in spans)
    tiles = [ColumnTile(s, e - s, min(low, channels - block)) for s, e, low, _ in spans]
    return tuple(tiles), block


def _layout(work: Problem, width: int, parameters: Parameters) -> tuple[int, Reduction]:
    """Line pitch and reduction of buffers for tiles `width` outputs wide, fewest passes first."""
    banks = parameters.activation_banks
    horizontal, vertical = work.horizontal, work.vertical
    joined = work.block == work.channels and horizontal.dilation == 1
    taps = 1 if joined else horizontal.kernel
    run = work.block * (horizontal.kernel if joined else 1)
    tap_pitch = 0 if joined else horizontal.dilation * work.channels

    def geometry(pitch: int) -> Reduction:
        line_pitch = pitch * vertical.dilation
        gap = line_pitch - (taps - 1) * tap_pitch - run
        pack_taps = taps > 1 and (tap_pitch - run) % banks == 0
        pack_lines = vertical.kernel > 1 and gap % banks == 0
        return Reduction(run, taps, tap_pitch, vertical.kernel, line_pitch, pack_taps, pack_lines)

    tight = horizontal.cells(width) * work.channels
    best = geometry(tight)
    pitch, passes = tight, _passes(best, parameters)
    if not best.pack_lines and vertical.kernel > 1:
        for wider in range(tight + 1, tight + banks):
            packed = geometry(wider)
            if packed.pack_lines:
                if _passes(packed, parameters) < passes:
                    return wider, packed
                break
    return pitch, best


def _passes(geometry: Reduction, parameters: Parameters) -> int:
    return sum(1 for _ in reduction(geometry, parameters.rows))


def candidates(work: Problem, parameters: Parameters) -> Iterator[Tiling]:
    """Yield the tilings that fit the scratchpads, tiles of nearly equal size.

    Raises
    ------
    ValueError
        If not even a tile of one pixel fits; the message says what is needed.
    """
    pixels = min(parameters.accumulators, _MAX_ROWS)
    fitted = False
    for width, across in _cuts(work.horizontal.out, pixels):
        pitch, geometry = _layout(work, width, parameters)
        for height, down in _cuts(work.vertical.out, pixels // width):
            single = work.images * across * down == 1
            size = pitch * (work.vertical.cells(height) - 1)
            size += work.horizontal.cells(width) * work.channels
            if size > parameters.activation_bytes:
                continue
            fitted = True
            tiles = tuple(_tiles(work, across, down))
            buffers = 1 if single or 2 * size > parameters.activation_bytes else 2
            for group in _groups(work, width * height, single, parameters):
                alone = single and group == len(work.column_tiles)
                yield Tiling(tiles, pitch, geometry, group, buffers, 1 if alone else 2)
    if not fitted:
        vertical = work.vertical.cells(1)
        need = _layout(work, 1, parameters)[0] * (vertical - 1)
        need += work.horizontal.cells(1) * work.channels
        raise ValueError(
            f"activation_bytes must be at least {need} to hold the window of one output pixel "
            f"of this layer, got {parameters.activation_bytes}"
        )


def _cuts(out: int, limit: int) -> list[tuple[int, int]]:
    """Sizes up to `limit` into which `out` is cut evenly, each with the number of parts."""
    cuts: dict[int, int] = {}
    for parts in range(1, out + 1):
        size = -(-out // parts)
        if size <= limit:
            cuts.setdefault(size, parts)
    return list(cuts.items())


def _tiles(work: Problem, across: int, down: int) -> Iterator[Tile]:
    height, width = work.vertical.out, work.horizontal.out
    ys = [i * height // down for i in range(down + 1)]
    xs = [i * width // across for i in range(across + 1)]
    for image in range(work.images):
        for y, y_end in zip(ys[:-1], ys[1:], strict=True):
            for x, x_end in zip(xs[:-1], xs[1:], strict=True):
                yield Tile(image, y, x, y_end - y, x_end - x)


def _groups(work: Problem, pixels: int, single: bool, parameters: Parameters) -> list[int]:
    """Column tiles per output buffer worth trying: all if they fit, else the most that do."""
    count = len(work.column_tiles)
    half = parameters.output_bytes // 2
    if pixels * work.out_channels <= (2 * half if single else half):
        # One pixel's channels are contiguous whatever the group: stores can start earlier.
        return [count, -(-count // 8)] if pixels == 1 and count >= 16 else [count]
    most = half // (pixels * parameters.cols)
    return [-(-count // -(-count // most))] if most else []
