"""Drafts of windowed operations: depthwise convolutions, pools, clamps, copies.

Each column of the array processes one channel. Channels are split into slices, which are
contiguous in the activation scratchpad, and a slice's pixels into tiles. The lines of a tile are
scanned cell by cell, once per kernel pass and column tile.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from functools import cache
from math import prod

import numpy as np
import numpy.typing as npt

from ..golden.graph import Conv2d
from ..spec.isa import WINDOW
from ..spec.parameters import Parameters
from ..spec.weight_widths import WIDTH_CODES
from .builder import Builder, View
from .drafts import Draft
from .ordering import link
from .timing import estimate_cycles
from .window_stream import Window, passes, stream_bytes, window_stream
from .window_tiling import WindowTiling, window_tilings

__all__ = ["MAX_STRIDE", "WindowPlan", "window_plan"]

MAX_STRIDE = 15

_FINALISTS = 8  # tilings to time with the cycle model
_BUFFERS = 4  # tiles in flight
_PARTS = 4  # of the weight scratchpad; one takes the weights that are fetched together
_PAGE = 4096
_NO_WEIGHTS = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True, eq=False)
class WindowPlan:
    """A windowed operation tiled for one accelerator.

    Parameters
    ----------
    tiling : WindowTiling
    stream : ndarray of shape (column tiles, bytes), uint8
        One column tile may be shared by all; empty without weights.
    estimate : int
        Estimated cycles.
    """

    tiling: WindowTiling
    stream: npt.NDArray[np.uint8]
    estimate: int

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the operation's drafts."""
        _Scan(self.tiling, self.stream, builder, sources[0], weights, target).run()


def window_plan(
    window: Window,
    shape: tuple[int, int, int, int],
    layer: Conv2d | None,
    parameters: Parameters,
    *,
    alone: bool = True,
) -> WindowPlan:
    """Choose slices, tiles and passes by a lower bound on cycles, then by the cycle model.

    Parameters
    ----------
    window : Window
    shape : (images, height, width, channels)
        Shape of the input.
    layer : Conv2d, optional
        A depthwise convolution, whose weights the passes multiply by.
    parameters : Parameters
    alone : bool
        Whether the program has no other operation, whose cycles would hide its first loads and
        last stores.

    Raises
    ------
    ValueError
        If the window of a single pixel or a column tile's weights do not fit the scratchpads, or
        the hardware does not support the stride.
    """
    if max(window.stride) > MAX_STRIDE:
        raise ValueError(f"stride must be at most {MAX_STRIDE}, got {max(window.stride)}")
    need = min(stream_bytes(window, pieces, parameters) for pieces in passes(window, parameters))
    if need > parameters.weight_bytes:
        raise ValueError(
            f"weight_bytes must be at least {need} to hold the weights of one column tile, got "
            f"{parameters.weight_bytes}"
        )
    plan = _best(window, tuple(shape), parameters, alone)
    if plan is None:
        need = window.kernel[0] * window.kernel[1] * min(parameters.cols, shape[3])
        raise ValueError(
            f"activation_bytes must be at least {need} to hold the window of one output pixel, "
            f"got {parameters.activation_bytes}"
        )
    if layer is None:
        return plan
    return replace(plan, stream=window_stream(layer, plan.tiling.pieces, parameters))


@cache  # networks repeat their shapes
def _best(
    window: Window, shape: tuple[int, int, int, int], parameters: Parameters, alone: bool
) -> WindowPlan | None:
    """Time the most promising tilings, without weights; return the fastest, None if none fits."""
    found: list[WindowPlan] = []
    for tiling in window_tilings(window, shape, parameters, _FINALISTS, alone=alone):
        size = stream_bytes(window, tiling.pieces, parameters)
        tiles = -(-shape[3] // parameters.cols) if size else 0
        plan = WindowPlan(tiling, np.zeros((tiles, size), np.uint8), 0)
        cycles = _cycles(plan, parameters, 1)
        if not alone:
            cycles = _cycles(plan, parameters, 2) - cycles
        found.append(replace(plan, estimate=cycles))
    return min(found, key=lambda plan: plan.estimate, default=None)


def _cycles(plan: WindowPlan, parameters: Parameters, times: int) -> int:
    """Estimated cycles of an operation that is repeated, on its own results if they fit."""
    window, shape = plan.tiling.window, plan.tiling.shape
    sizes = (*shape, shape[3]), (shape[0], *window.outputs, shape[3], shape[3])
    pitch = -(-max(map(prod, (shape, sizes[1][:4]))) // _PAGE) * _PAGE
    builder = Builder(parameters)
    for number in range(times):
        source = View(number * pitch, *sizes[0])
        plan.emit(builder, (source,), 0, View((number + 1) * pitch, *sizes[1]))
    return estimate_cycles(link(builder.drafts, parameters.axi_bytes), parameters)


@dataclass
class _Scan:
    plan: WindowTiling
    stream: npt.NDArray[np.uint8]
    builder: Builder
    source: View
    weights: int
    target: View
    in_force: dict[str, int] = field(default_factory=dict[str, int])  # of the last SETUP
    opened: Draft | None = None  # fetches the first weights of the last tile
    most: int = 1  # column tiles whose weights are fetched together
    fetched: range = range(0)  # column tiles whose weights lie in the scratchpad,
    buffer: int = 0  # from this address on
    begun: bool = False  # cells have been scanned that the leads of a tile's windows meet
    channels: int = 0  # of the slice that the buffers are for
    buffers: deque[int] = field(default_factory=deque[int])  # the oldest one first
    filled: dict[int, tuple[int, ...]] = field(  # padding, by buffer
        default_factory=dict[int, tuple[int, ...]]
    )

    def run(self) -> None:
        total = self.plan.shape[3]
        starts, alone = range(0, total, self.plan.slice), not self.builder.drafts
        self.most = 1 if alone else self._most()
        shared = self._weights(0) if len(self.stream) == 1 else -1
        for first in starts:
            channels = min(self.plan.slice, total - first)
            self._setup(channels)
            self._make_room(channels)
            for image in range(self.plan.shape[0]):
                opens = first == image == 0 and alone
                closes = alone and first == starts[-1] and image == self.plan.shape[0] - 1
                for y, height in self.plan.rows(opens, closes):
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
        cells = self.plan.cells
        pitch = cells(self.plan.width, 1) * channels
        return (cells(height, 0) - 1) * pitch + cells(width, 1) * channels

    def _setup(self, channels: int) -> None:
        window, parameters = self.plan.window, self.builder.parameters
        pitch = self.plan.cells(self.plan.width, 1) * channels
        down, across = self.plan.pieces
        walks = [(across.count, across.pitch * channels), (down.count, down.pitch * pitch)]
        if down.lead:  # a pass comes behind the one below it, which ends with padding
            walks.reverse()
        fields = {
            "run": parameters.rows,
            "taps": walks[0][0],
            "tap_pitch": walks[0][1],
            "lines": walks[1][0],
            "line_pitch": walks[1][1],
            "pack_taps": 0,
            "pack_lines": 0,
            "step_x": across.step * channels,
            "step_y": down.step * pitch,
            "zero_point": window.zero_point,
            "low": window.low,
            "high": window.high,
            "mode": window.mode,
            "window_height": down.size,
            "window_width": across.size if across.size <= WINDOW else 0,
            "stride_y": down.stride,
            "stride_x": across.stride,
            "weight_width": WIDTH_CODES[window.weight_bits],
        }
        if fields != self.in_force:
            self.builder.setup(fields)
            self.in_force = fields

    def _most(self) -> int:
        """Column tiles whose weights are fetched together, of whole slices if they fit.

        Inside a network the bus brings them while the array works on the layer before.
        """
        p, one = self.builder.parameters, -(-self.plan.slice // self.builder.parameters.cols)
        if not self.stream.size or self.stream.shape[1] % p.weight_row_bytes:
            return 1
        most = max(p.weight_bytes // _PARTS // self.stream.shape[1], 1)
        return most // one * one if most >= one else -(-one // -(-one // most))

    def _weights(self, index: int) -> int:
        """Fetch a column tile's weights unless they are there; return their first row."""
        p, size = self.builder.parameters, self.stream.shape[1]
        if index not in self.fetched or self.most == 1:
            self.fetched = range(index, min(index + self.most, len(self.stream)))
            self.buffer = self.builder.weight_buffer(len(self.fetched) * size)
            memory = self.weights + index * size
            task = self.builder.weights(memory, self.buffer, len(self.fetched) * size)
            self.opened = self.opened or task
        start = self.buffer + (index - self.fetched.start) * size
        return start % p.weight_bytes // p.weight_row_bytes

    def _tile(
        self,
        origin: tuple[int, int, int],
        size: tuple[int, int],
        first: int,
        channels: int,
        shared: int,
    ) -> None:
        """Load, scan and store a tile; `shared`: weight row of all column tiles, or -1."""
        cols, whole = self.builder.parameters.cols, self.plan.cells
        pitch = whole(self.plan.width, 1) * channels
        lines, cells = whole(size[0], 0), whole(size[1], 1)
        taken = self._size(size[0], size[1], channels)
        buffer, loads = self.buffers[0], len(self.builder.drafts)
        self.buffers.rotate(-1)
        self._load(origin, (lines, cells), buffer, pitch, first, channels)
        before, self.opened = self.opened, None
        if before and len(self.builder.drafts) > loads:
            # Loads are requested far ahead: they would delay the weights of the tile before.
            self.builder.drafts[loads].after = (before,)
        stored = size[0] * size[1] * channels
        base = self.builder.output_buffer(stored)
        for column in range(0, channels, cols):
            index = (first + column) // cols
            rows = self._weights(index) if self.stream.size and shared < 0 else max(shared, 0)
            fields = {
                "activation": buffer + column,
                "weight": rows,
                "passes": self.plan.passes,
                "columns": min(cols, channels - column),
                "width": size[1],
                "height": size[0],
                "accumulator": 0,
                "output": base + column,
                "output_pitch": channels,
                "first": 1,
                "last": 1,
            }
            if not self.begun:
                self._begin(fields, (lines, pitch), (buffer, buffer + taken))
            self.builder.compute(fields, (buffer, buffer + taken), (base, base + stored))
        self._store(origin, size, base, first, channels)

    def _begin(self, fields: dict[str, int], tile: tuple[int, int], reads: tuple[int, int]) -> None:
        """Scan a tile's last lines, padding or at whose ends it is, before the first pass."""
        self.begun, (down, across) = True, self.plan.pieces
        if down.lead or across.lead:
            (lines, pitch), size = tile, down.size
            origin = fields["activation"] + (lines - size) * pitch
            few = {"activation": origin, "passes": 1, "height": 1, "last": 0}
            self.builder.compute(fields | few, reads, (0, 0))

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
        down, across = self.plan.pieces
        y = out_y * window.stride[0] - window.padding[0] + down.lead
        x = out_x * window.stride[1] - window.padding[1] + across.lead
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
        whole = (width == target.width and target.even) or height == 1
        line = width * channels
        if channels == pitch and whole:
            store(memory, 0, base, 0, 1, height * line)
        elif channels == pitch:
            store(memory, target.line, base, line, height, line)
        elif whole:
            store(memory, pitch, base, channels, height * width, channels)
        else:
            for row in range(height):
                store(
                    memory + row * target.line, pitch,
                    base + row * line, channels, width, channels,
                )  # fmt: skip
