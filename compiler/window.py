"""Tasks of windowed operations: depthwise convolutions, pools, clamps, copies.

Each column of the array processes one channel. Channels are split into slices, which are
contiguous in the activation scratchpad, and a slice's pixels into tiles. The lines of a tile are
scanned cell by cell, once per kernel pass and column tile.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..spec.isa import WINDOW, Mode
from ..spec.parameters import Parameters
from .builder import Builder, View
from .window_stream import Window

__all__ = ["MAX_STRIDE", "WindowPlan", "window_plan"]

MAX_STRIDE = 15

_OPEN = 34  # cycles until the first tile is requested
_COMMAND = 8  # cycles between two COMPUTEs
_HIDDEN = 56  # cycles of a scan; hides loading the next column tile's parameters and weights
_BUFFERS = 4  # tiles in flight
_TAPER = 4  # divisor of the tile height where transfers are not overlapped


@dataclass(frozen=True, eq=False)
class WindowPlan:
    """Tiling of a windowed operation.

    Parameters
    ----------
    window : Window
    shape : (images, height, width, channels)
        Shape of the input.
    slice : int
        Channels per slice in the scratchpad.
    height, width : int
        Size of the largest tile, pixels.
    stream : ndarray of shape (column tiles, bytes), uint8
        One column tile may be shared by all; empty without weights.
    estimate : int
        Estimated cycles.
    """

    window: Window
    shape: tuple[int, int, int, int]
    slice: int
    height: int
    width: int
    stream: npt.NDArray[np.uint8]
    estimate: int

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the operation's tasks."""
        _Scan(self, builder, sources[0], weights, target).run()


def window_plan(
    window: Window,
    shape: tuple[int, int, int, int],
    stream: npt.NDArray[np.uint8],
    parameters: Parameters,
) -> WindowPlan:
    """Choose slices and tiles by a lower bound on cycles.

    Raises
    ------
    ValueError
        If the window of a single pixel or a column tile's weights do not fit the scratchpads, or
        the hardware does not support the stride.
    """
    if max(window.stride) > MAX_STRIDE:
        raise ValueError(f"stride must be at most {MAX_STRIDE}, got {max(window.stride)}")
    if stream.shape[1] > parameters.weight_bytes:
        raise ValueError(
            f"weight_bytes must be at least {stream.shape[1]} to hold the weights of one column "
            f"tile, got {parameters.weight_bytes}"
        )
    candidates = _candidates(window, shape, stream, parameters)
    best = min(candidates, key=lambda plan: plan.estimate, default=None)
    if best is None:
        need = window.kernel[0] * window.kernel[1] * min(parameters.cols, shape[3])
        raise ValueError(
            f"activation_bytes must be at least {need} to hold the window of one output pixel, "
            f"got {parameters.activation_bytes}"
        )
    return best


def _candidates(
    window: Window,
    shape: tuple[int, int, int, int],
    stream: npt.NDArray[np.uint8],
    parameters: Parameters,
) -> Iterator[WindowPlan]:
    columns = -(-shape[3] // parameters.cols)
    for count in sorted({-(-columns // n) for n in range(1, columns + 1)}):
        channels = min(count * parameters.cols, shape[3])
        for across in range(1, window.outputs[1] + 1):
            width = -(-window.outputs[1] // across)
            if window.scan(width, 1) > parameters.line_cells:
                continue
            fitted = False
            for height in _heights(window.outputs[0]):
                tile = window.cells(height, 0) * window.cells(width, 1) * channels
                stored = height * width * channels
                if tile > parameters.activation_bytes or stored > parameters.output_bytes:
                    continue
                if window.mode == Mode.DEPTHWISE and height * width > parameters.accumulators:
                    continue
                fitted = True
                cycles = _bound(window, shape, channels, height, width, parameters)
                yield WindowPlan(window, shape, channels, height, width, stream, cycles)
            if fitted:
                break


def _rows(plan: WindowPlan, opens: bool, closes: bool) -> list[tuple[int, int]]:
    """First lines and heights of tiles; tiles with exposed transfers are small."""
    outputs, height = plan.window.outputs[0], plan.height
    edges = [*range(0, outputs, height), outputs]
    small = -(-height // _TAPER)
    if opens and small < edges[1]:
        edges.insert(1, small)
    if closes and edges[-2] < outputs - small:
        edges.insert(-1, outputs - small)
    return [(a, b - a) for a, b in itertools.pairwise(edges)]


def _heights(outputs: int) -> list[int]:
    """Tile heights that split the lines evenly, from all lines down to one."""
    return sorted({-(-outputs // parts) for parts in range(1, outputs + 1)}, reverse=True)


def _bound(
    window: Window,
    shape: tuple[int, int, int, int],
    channels: int,
    height: int,
    width: int,
    parameters: Parameters,
) -> int:
    """Lower bound on cycles: the slowest of load, scan and store, plus start and end."""
    images, _, _, total = shape
    axi = parameters.axi_bytes
    slices = -(-total // channels)
    tiles = images * slices * -(-window.outputs[0] // height) * -(-window.outputs[1] // width)
    lines = min(window.cells(height, 0), shape[1])
    cells = min(window.cells(width, 1), shape[2])
    touching = channels == total
    if touching:
        load, store = lines * (cells * channels / axi + 2), height * width * channels / axi + 4
    else:
        beat = max(-(-channels // axi), 2)
        load, store = lines * (cells * beat + 3), height * (width * beat + 2)
    passes = window.parts[0] * window.parts[1]
    scan = window.scan(height, 0) * window.scan(width, 1)
    one = max(scan, parameters.rows) * passes
    if window.mode == Mode.DEPTHWISE:
        one = max(one, _HIDDEN)
    compute = -(-channels // parameters.cols) * (one + _COMMAND)
    single = window.cells(height, 0) * window.cells(width, 1) * channels
    crowded = 2 * single > parameters.activation_bytes
    crowded |= 2 * height * width * channels > parameters.output_bytes
    slowest = load + compute + store if crowded else max(load, compute, store)
    ends = 0 if crowded else (load + compute + store) / _TAPER
    return round(tiles * slowest + ends + 2 * _OPEN)


@dataclass
class _Scan:
    plan: WindowPlan
    builder: Builder
    source: View
    weights: int
    target: View
    in_force: dict[str, int] = field(default_factory=dict[str, int])  # of the last SETUP
    channels: int = 0  # of the slice that the buffers are for
    buffers: deque[int] = field(default_factory=deque[int])  # the oldest one first
    filled: dict[int, tuple[int, ...]] = field(  # padding, by buffer
        default_factory=dict[int, tuple[int, ...]]
    )

    def run(self) -> None:
        total = self.plan.shape[3]
        shared = self._fetch(0) if len(self.plan.stream) == 1 else -1
        starts = range(0, total, self.plan.slice)
        for first in starts:
            channels = min(self.plan.slice, total - first)
            self._setup(channels)
            self._make_room(channels)
            for image in range(self.plan.shape[0]):
                opens = first == image == 0
                closes = first == starts[-1] and image == self.plan.shape[0] - 1
                for y, height in _rows(self.plan, opens, closes):
                    for x in range(0, self.plan.window.outputs[1], self.plan.width):
                        width = min(self.plan.width, self.plan.window.outputs[1] - x)
                        self._tile((image, y, x), (height, width), first, channels, shared)

    def _make_room(self, channels: int) -> None:
        """Allocate buffers, reused in turn by a slice's tiles, whose padding is filled once."""
        if channels == self.channels:
            return
        self.channels = channels
        size = self._size(self.plan.height, self.plan.width, channels)
        self.buffers = deque(self.builder.activation_buffers(size, _BUFFERS))
        self.filled.clear()

    def _size(self, height: int, width: int, channels: int) -> int:
        """Bytes of a tile's buffer."""
        window = self.plan.window
        pitch = window.cells(self.plan.width, 1) * channels
        return (window.cells(height, 0) - 1) * pitch + window.cells(width, 1) * channels

    def _setup(self, channels: int) -> None:
        window, parameters = self.plan.window, self.builder.parameters
        pitch = window.cells(self.plan.width, 1) * channels
        fields = {
            "run": parameters.rows,
            "taps": window.parts[1],
            "tap_pitch": WINDOW * channels,
            "lines": window.parts[0],
            "line_pitch": WINDOW * pitch,
            "pack_taps": 0,
            "pack_lines": 0,
            "step_x": channels,
            "step_y": pitch,
            "zero_point": window.zero_point,
            "low": window.low,
            "high": window.high,
            "mode": window.mode,
            "window_height": window.scanned[0],
            "window_width": window.scanned[1],
            "stride_y": window.stride[0],
            "stride_x": window.stride[1],
        }
        if fields != self.in_force:
            self.builder.setup(fields)
            self.in_force = fields

    def _fetch(self, index: int) -> int:
        """Fetch a column tile's weights; return their first row."""
        p, size = self.builder.parameters, self.plan.stream.shape[1]
        buffer = self.builder.weight_buffer(size)
        self.builder.weights(self.weights + index * size, buffer, size)
        return buffer // p.weight_row_bytes

    def _tile(
        self,
        origin: tuple[int, int, int],
        size: tuple[int, int],
        first: int,
        channels: int,
        shared: int,
    ) -> None:
        """Load, scan and store a tile; `shared`: weight row of all column tiles, or -1."""
        window, cols = self.plan.window, self.builder.parameters.cols
        pitch = window.cells(self.plan.width, 1) * channels
        lines, cells = window.cells(size[0], 0), window.cells(size[1], 1)
        taken = self._size(size[0], size[1], channels)
        buffer = self.buffers[0]
        self.buffers.rotate(-1)
        self._load(origin, (lines, cells), buffer, pitch, first, channels)
        stored = size[0] * size[1] * channels
        base = self.builder.output_buffer(stored)
        for column in range(0, channels, cols):
            index = (first + column) // cols
            rows = self._fetch(index) if self.plan.stream.size and shared < 0 else max(shared, 0)
            fields = {
                "activation": buffer + column,
                "weight": rows,
                "passes": window.parts[0] * window.parts[1],
                "columns": min(cols, channels - column),
                "width": size[1],
                "height": size[0],
                "accumulator": 0,
                "output": base + column,
                "output_pitch": channels,
                "first": 1,
                "last": 1,
            }
            self.builder.compute(fields, (buffer, buffer + taken), (base, base + stored))
        self._store(origin, size, base, first, channels)

    def _load(
        self,
        origin: tuple[int, int, int],
        size: tuple[int, int],
        buffer: int,
        pitch: int,
        first: int,
        channels: int,
    ) -> None:
        """Load a tile's input cells and fill those outside the input."""
        window, source = self.plan.window, self.source
        image, out_y, out_x = origin
        y = out_y * window.stride[0] - window.padding[0]
        x = out_x * window.stride[1] - window.padding[1]
        top, left = max(-y, 0), max(-x, 0)
        bottom = max(y + size[0] - source.height, 0)
        right = max(x + size[1] - source.width, 0)
        lines, cells = size[0] - top - bottom, size[1] - left - right
        shape = (top, bottom, left, right, *size)
        if self.filled.get(buffer) != shape:
            self._fill(shape, buffer, pitch, channels)
            self.filled[buffer] = shape
        if lines <= 0 or cells <= 0:
            return
        body = buffer + top * pitch
        memory = source.offset(image, y + top, x + left, first)
        line_memory = source.width * source.pitch
        body += left * channels
        if channels == source.pitch:
            self.builder.load(memory, line_memory, body, pitch, lines, cells * channels)
        elif cells == source.width and pitch == cells * channels:  # all lines are contiguous
            self.builder.load(memory, source.pitch, body, channels, lines * cells, channels)
        else:
            for row in range(lines):
                self.builder.load(
                    memory + row * line_memory, source.pitch,
                    body + row * pitch, channels, cells, channels,
                )  # fmt: skip

    def _fill(self, shape: tuple[int, ...], buffer: int, pitch: int, channels: int) -> None:
        """Fill the cells of a tile that lie outside the input."""
        top, bottom, left, right, height, width = shape
        lines, cells = height - top - bottom, width - left - right
        value, line = self.plan.window.fill, width * channels
        fill = self.builder.fill
        if lines <= 0 or cells <= 0:
            fill(buffer, pitch, height, line, value)
            return
        body = buffer + top * pitch
        fill(buffer, pitch, top, line, value)
        fill(body + lines * pitch, pitch, bottom, line, value)
        fill(body, pitch, lines, left * channels, value)
        fill(body + (left + cells) * channels, pitch, lines, right * channels, value)

    def _store(
        self, origin: tuple[int, int, int], size: tuple[int, int], base: int, first: int,
        channels: int,
    ) -> None:  # fmt: skip
        image, y, x = origin
        height, width = size
        target, store = self.target, self.builder.store
        memory, pitch = target.offset(image, y, x, first), target.pitch
        whole = width == target.width or height == 1
        line = width * channels
        if channels == pitch and whole:
            store(memory, 0, base, 0, 1, height * line)
        elif channels == pitch:
            store(memory, target.width * pitch, base, line, height, line)
        elif whole:
            store(memory, pitch, base, channels, height * width, channels)
        else:
            for row in range(height):
                store(
                    memory + row * target.width * pitch, pitch,
                    base + row * line, channels, width, channels,
                )  # fmt: skip
