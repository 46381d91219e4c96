"""Tilings of a windowed operation: slices of channels, tiles of pixels, passes of the kernel."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..spec.isa import Mode
from ..spec.parameters import Parameters
from .window_leads import led
from .window_stream import Pieces, Window, passes, stream_bytes

__all__ = ["WindowTiling", "window_tilings"]

_OPEN = 34  # cycles until the first tile is requested
_COMMAND = 8  # cycles between two COMPUTEs
_HIDDEN = 56  # cycles of a pass; hides loading the next column tile's parameters and weights
_TAPER = 4  # divisor of the tile height where transfers are not overlapped


@dataclass(frozen=True)
class WindowTiling:
    """Tiling of a windowed operation.

    Parameters
    ----------
    window : Window
    pieces : (Pieces, Pieces)
        Passes of the kernel, vertically and horizontally.
    shape : (images, height, width, channels)
        Shape of the input.
    slice : int
        Channels per slice in the scratchpad.
    height, width : int
        Size of the largest tile, pixels.
    bound : int
        Lower bound on cycles.
    """

    window: Window
    pieces: tuple[Pieces, Pieces]
    shape: tuple[int, int, int, int]
    slice: int
    height: int
    width: int
    bound: int = 0

    @property
    def passes(self) -> int:
        """Passes of a COMPUTE."""
        return self.pieces[0].count * self.pieces[1].count

    @property
    def pitch(self) -> int:
        """Bytes from one line of a tile to the next in the scratchpad."""
        return self.cells(self.width, 1) * self.slice

    def cells(self, outputs: int, axis: int) -> int:
        """Cells of a tile's buffer for neighbouring outputs: their windows without leads."""
        return self.window.cells(outputs, axis) - self.pieces[axis].lead

    @property
    def reaches_back(self) -> bool:
        """Whether padding ends what is scanned before each tile's leads: it spans the image."""
        outputs, size = self.window.outputs, (self.height, self.width)
        return all(not self.pieces[i].lead or size[i] == outputs[i] for i in (0, 1))

    def rows(self, opens: bool, closes: bool) -> list[tuple[int, int]]:
        """First lines and heights of tiles; tiles with exposed transfers are small."""
        outputs, height = self.window.outputs[0], self.height
        if self.pieces[0].lead:
            return [(0, height)]
        edges = [*range(0, outputs, height), outputs]
        small = -(-height // _TAPER)
        if opens and small < edges[1]:
            edges.insert(1, small)
        if closes and edges[-2] < outputs - small:
            edges.insert(-1, outputs - small)
        return [(a, b - a) for a, b in itertools.pairwise(edges)]


def window_tilings(
    window: Window,
    shape: tuple[int, int, int, int],
    parameters: Parameters,
    most: int,
    *,
    alone: bool = True,
) -> list[WindowTiling]:
    """Return the `most` tilings that fit the scratchpads with the lowest bounds, best first.

    Unless the operation is `alone`, others hide its first load and last store.
    """
    candidates = _candidates(window, shape, parameters, alone)
    return heapq.nsmallest(most, candidates, key=lambda tiling: tiling.bound)


def _candidates(
    window: Window, shape: tuple[int, int, int, int], parameters: Parameters, alone: bool
) -> Iterator[WindowTiling]:
    columns = -(-shape[3] // parameters.cols)
    plain = passes(window, parameters)
    for pieces in (way for one in plain for way in led(window, shape, one, parameters)):
        if stream_bytes(window, pieces, parameters) > parameters.weight_bytes:
            continue
        for count in sorted({-(-columns // n) for n in range(1, columns + 1)}):
            channels = min(count * parameters.cols, shape[3])
            for width, height in itertools.product(*map(_sizes, reversed(window.outputs))):
                if pieces[1].scan(width) > parameters.line_cells:
                    continue
                found = WindowTiling(window, pieces, shape, channels, height, width)
                if not found.reaches_back:
                    continue
                tile = found.cells(height, 0) * found.pitch
                stored = height * width * channels
                if tile > parameters.activation_bytes or stored > parameters.output_bytes:
                    continue
                if window.mode == Mode.DEPTHWISE and height * width > parameters.accumulators:
                    continue
                yield _bounded(found, parameters, alone)


def _sizes(outputs: int) -> list[int]:
    """Tile sizes that split the outputs evenly, from all of them down to one."""
    return sorted({-(-outputs // parts) for parts in range(1, outputs + 1)}, reverse=True)


def _bounded(tiling: WindowTiling, parameters: Parameters, alone: bool) -> WindowTiling:
    """Add the bound on cycles: the slowest of load, scan and store, plus start and end."""
    window, channels = tiling.window, tiling.slice
    height, width = tiling.height, tiling.width
    images, _, _, total = tiling.shape
    axi = parameters.axi_bytes
    across = -(-window.outputs[1] // width)
    tiles = images * -(-total // channels) * -(-window.outputs[0] // height) * across
    lines = min(window.cells(height, 0), tiling.shape[1])
    cells = min(window.cells(width, 1), tiling.shape[2])
    if channels == total:
        load = lines * (cells * channels / axi + 2)
        store = height * (width * channels / axi + (2 if across > 1 else 0)) + 4
    else:
        beat = max(-(-channels // axi), 2)
        load, store = lines * (cells * beat + 3), height * (width * beat + 2)
    down, beside = tiling.pieces
    one = max(down.scan(height) * beside.scan(width), parameters.rows)
    scan = one * tiling.passes
    if window.mode == Mode.DEPTHWISE:
        scan += max(_HIDDEN - one, 0)
    compute = -(-channels // parameters.cols) * (scan + _COMMAND)
    single = tiling.cells(height, 0) * tiling.pitch
    crowded = 2 * single > parameters.activation_bytes
    crowded |= 2 * height * width * channels > parameters.output_bytes
    slowest = load + compute + store if crowded else max(load, compute, store)
    ends = 0 if crowded or not alone else (load + compute + store) / _TAPER
    bound = round(tiles * slowest + ends + 2 * _OPEN)
    return replace(tiling, bound=bound)
