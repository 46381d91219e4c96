"""Windowed operations, their passes, and the memory layout of a depthwise layer's weights."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from ..golden.feed.unpack import pack
from ..golden.graph import Conv2d
from ..golden.kernels.gemm import fold_bias
from ..spec.isa import PARAMETER_ROWS, WIDE_WINDOW, WINDOW, Mode
from ..spec.parameters import Parameters
from ..spec.weight_widths import packed_rows

__all__ = ["Pieces", "Window", "passes", "stream_bytes", "window_stream"]


@dataclass(frozen=True)
class Pieces:
    """How passes divide a kernel along one axis; each multiplies by one window's cells.

    Pass n takes elements n * `pitch`, n * `pitch` + `step` and so on, `size` of them or as many
    as the kernel has.

    Parameters
    ----------
    size : int
        Cells of a pass's window, as scanned.
    count : int
        Passes.
    pitch : int
        Cells of the input from the first cell of a pass to that of the next.
    step : int
        Cells of the input from a scanned cell to the next.
    stride : int
        Scanned cells from a window to the next.
    lead : int
        Elements before the first pass's window, which meet padding scanned before; see
        `window_leads`. The passes are that much later.
    """

    size: int
    count: int
    pitch: int
    step: int
    stride: int
    lead: int = 0

    def scan(self, outputs: int) -> int:
        """Cells that a pass scans for neighbouring outputs."""
        return (outputs - 1) * self.stride + self.size

    def place(self, element: int) -> tuple[int, int]:
        """Pass of an element of the kernel, and its place in the pass's window, from 0.

        Elements of the lead have places below 0.

        Examples
        --------
        >>> [Pieces(2, 2, 2, 1, 1, lead=1).place(element) for element in range(5)]
        [(0, -1), (0, 0), (0, 1), (1, 0), (1, 1)]
        """
        if self.step > 1:
            return element % self.step, element // self.step
        if element < self.lead:
            return 0, element - self.lead
        number = min((element - self.lead) // self.pitch, self.count - 1)
        return number, element - self.lead - number * self.pitch


@dataclass(frozen=True)
class Window:
    """A windowed operation on one tensor.

    Parameters
    ----------
    mode : Mode
        DEPTHWISE or MAX.
    kernel, stride, padding : (vertical, horizontal)
    outputs : (vertical, horizontal)
        Number of windows; they may extend beyond the padded input.
    fill : int
        Value of cells outside the input, int8.
    zero_point, low, high : int
        Zero point and bounds of the output, int8.
    weight_bits : int
        Width of the weights as stored.
    """

    mode: Mode
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    outputs: tuple[int, int]
    fill: int
    zero_point: int
    low: int
    high: int
    weight_bits: int = 8

    def cells(self, outputs: int, axis: int) -> int:
        """Cells read by neighbouring outputs."""
        return (outputs - 1) * self.stride[axis] + self.kernel[axis]


def passes(window: Window, parameters: Parameters) -> Iterator[tuple[Pieces, Pieces]]:
    """Yield the ways to divide an operation's kernel into passes, vertically and horizontally."""
    wide = parameters.wide_window and window.mode == Mode.DEPTHWISE
    sizes = [range(WINDOW + 1), [*range(WINDOW + 1), *([WIDE_WINDOW] * wide)]]
    down, across = (
        _pieces(window.kernel[axis], window.stride[axis], sizes[axis], window.mode)
        for axis in (0, 1)
    )
    yield from itertools.product(down, across)


def _pieces(kernel: int, stride: int, sizes: Sequence[int], mode: Mode) -> list[Pieces]:
    """Ways to divide a kernel along an axis into windows of one of the `sizes`, in cells.

    The windows are adjacent, or interleaved: pass n takes the cells n, n + stride and so on. Its
    windows are then neighbours among those cells, so a pass scans only one in `stride` of them.
    """
    limit = max(sizes)
    count = ceil(kernel / limit)

    def size(cells: int) -> int:
        return min(size for size in sizes if size >= cells)

    adjacent = Pieces(size(min(kernel, limit)), count, limit, 1, stride)
    if count == 1 or stride == 1 or mode != Mode.DEPTHWISE or ceil(kernel / stride) > limit:
        return [adjacent]
    return [adjacent, Pieces(size(ceil(kernel / stride)), min(kernel, stride), 1, stride, 1)]


def stream_bytes(window: Window, pieces: tuple[Pieces, Pieces], parameters: Parameters) -> int:
    """Bytes of a column tile's weights and parameters, a multiple of the bus width."""
    if window.mode != Mode.DEPTHWISE:
        return 0
    passes = pieces[0].count * pieces[1].count
    rows = packed_rows(parameters.rows, window.weight_bits)
    used = (PARAMETER_ROWS + passes * rows) * parameters.weight_row_bytes
    return -(-used // parameters.axi_bytes) * parameters.axi_bytes


def window_stream(
    layer: Conv2d, pieces: tuple[Pieces, Pieces], parameters: Parameters
) -> npt.NDArray[np.uint8]:
    """Weights and parameters of a depthwise convolution, column tile by column tile.

    Parameters
    ----------
    layer : Conv2d
        With weights of shape (C, 1, kh, kw).
    pieces : (Pieces, Pieces)
        Of the kernel, vertically and horizontally.
    parameters : Parameters

    Returns
    -------
    ndarray of shape (column tiles, bytes), uint8
        One column tile if it serves all, as an average pool's does.
    """
    channels, _, kh, kw = layer.weight.shape
    cols, rows, pitch = parameters.cols, parameters.rows, parameters.weight_row_bytes
    width = parameters.window_width
    down, across = pieces
    tiles = -(-channels // cols)
    passes, tile = down.count * across.count, packed_rows(rows, layer.weight_bits)
    used = (PARAMETER_ROWS + passes * tile) * pitch
    data = np.zeros((tiles, -(-used // parameters.axi_bytes) * parameters.axi_bytes), np.uint8)
    block = data[:, :used].reshape(tiles, -1, pitch)

    def spread(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Distribute per-channel values, shape (rows, C), over the column tiles."""
        padded = np.zeros((len(values), tiles * cols), np.uint8)
        padded[:, :channels] = values
        return padded.reshape(-1, tiles, cols).transpose(1, 0, 2)

    folded = fold_bias(layer.weight, layer.bias_q, layer.input.zero_point)
    block[:, :4, :cols] = spread(folded.astype("<i4").view(np.uint8).reshape(-1, 4).T)
    scale = layer.multiplier.astype("<f4").view(np.uint8).reshape(-1, 4).T
    block[:, 4:PARAMETER_ROWS, :cols] = spread(scale)
    weights = np.zeros((passes, rows, channels), np.int8)
    for y in range(kh):
        for x in range(kw):
            (part_y, line), (part_x, cell) = down.place(y), across.place(x)
            number = part_y * across.count + part_x
            if down.lead:  # a pass comes behind the one below it, which ends with padding
                number = part_x * down.count + part_y
            row = (WINDOW - down.size + line) * width + width - across.size + cell
            weights[number, row] = layer.weight[:, 0, y, x]
    packed = pack(weights, layer.weight_bits).reshape(-1, channels)
    block[:, PARAMETER_ROWS:, :cols] = spread(packed)
    if tiles > 1 and channels % cols == 0 and (data == data[0]).all():
        return data[:1]
    return data
