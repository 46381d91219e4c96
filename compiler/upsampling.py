"""Drafts of a nearest upsampling.

A scan of single cells copies a tile into the output scratchpad, once per column of the result, so
that its lines lie there complete. They are then stored once per row of the result, in long bursts.
The bus is the bottleneck: what is written is `factors[0]` times what is scanned and twice what is
loaded or more, so nothing but the result's bytes costs time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from ..golden.graph import Upsample
from ..spec.isa import Mode
from ..spec.parameters import Parameters
from .builder import Builder, View

__all__ = ["UpsamplePlan", "upsample_plan"]

_OPEN = 70  # cycles to load the first tile and store the last one
_COMMAND = 8  # cycles between two COMPUTEs
_PARTS = 4  # tiles in flight
_NO_WEIGHTS = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True, eq=False)
class UpsamplePlan:
    """Tiling of an upsampling.

    Parameters
    ----------
    operation : Upsample
    height, width, channels : int
        Size of the largest tile, of the input.
    estimate : int
        Estimated cycles.
    """

    operation: Upsample
    height: int
    width: int
    channels: int
    estimate: int

    @property
    def stream(self) -> npt.NDArray[np.uint8]:
        """No weights."""
        return _NO_WEIGHTS

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the operation's drafts."""
        del weights
        (source,) = sources
        pixels, channels = 0, 0
        for tile in self._tiles(source):
            if (tile.width, tile.channels) != (pixels, channels):
                pixels, channels = tile.width, tile.channels
                builder.setup(_setup(builder.parameters, pixels, channels))
            size = tile.height * tile.width * tile.channels
            buffer = builder.activation_buffer(size)
            _load(builder, source, tile, buffer)
            base = builder.output_buffer(self.operation.factors[1] * size)
            self._repeat(builder, tile, buffer, base)
            self._store(builder, target, tile, base)

    def _tiles(self, source: View) -> Iterator[_Tile]:
        """Tiles of all images, one slice of the channels after the other."""
        edges = (
            range(0, source.channels, self.channels),
            range(source.images),
            range(0, source.height, self.height),
            range(0, source.width, self.width),
        )
        for channel, image, y, x in product(*edges):
            yield _Tile(
                *(image, y, x, channel, min(self.height, source.height - y)),
                *(min(self.width, source.width - x), min(self.channels, source.channels - channel)),
            )

    def _repeat(self, builder: Builder, tile: _Tile, buffer: int, base: int) -> None:
        """Copy a tile's pixels, each to all of its columns."""
        across, cols = self.operation.factors[1], builder.parameters.cols
        size = tile.height * tile.width * tile.channels
        for column, channel in product(range(across), range(0, tile.channels, cols)):
            fields = {
                "activation": buffer + channel,
                "weight": 0,
                "passes": 1,
                "columns": min(cols, tile.channels - channel),
                "width": tile.width,
                "height": tile.height,
                "accumulator": 0,
                "output": base + column * tile.channels + channel,
                "output_pitch": across * tile.channels,
                "first": 1,
                "last": 1,
            }
            builder.compute(fields, (buffer, buffer + size), (base, base + across * size))

    def _store(self, builder: Builder, target: View, tile: _Tile, base: int) -> None:
        """Store a tile's lines, each to all of its rows."""
        down, across = self.operation.factors
        line = across * tile.width * tile.channels
        for row in range(down):
            memory = target.offset(tile.image, tile.y * down + row, tile.x * across, tile.channel)
            pitch = down * target.width * target.pitch
            if tile.channels == target.pitch:
                builder.store(memory, pitch, base, line, tile.height, line)
                continue
            for y in range(tile.height):
                builder.store(
                    *(memory + y * pitch, target.pitch, base + y * line, tile.channels),
                    *(across * tile.width, tile.channels),
                )


@dataclass(frozen=True)
class _Tile:
    image: int
    y: int
    x: int
    channel: int
    height: int
    width: int
    channels: int


def _setup(parameters: Parameters, width: int, channels: int) -> dict[str, int]:
    """Geometry of a scan of single cells."""
    unused = ("tap_pitch", "line_pitch", "pack_taps", "pack_lines", "zero_point")
    ones = ("taps", "lines", "window_height", "window_width", "stride_y", "stride_x")
    return {
        "run": parameters.rows,
        **dict.fromkeys(unused, 0),
        **dict.fromkeys(ones, 1),
        "step_x": channels,
        "step_y": width * channels,
        "low": -128,
        "high": 127,
        "mode": Mode.MAX,
    }


def _load(builder: Builder, source: View, tile: _Tile, buffer: int) -> None:
    """Load a tile, line by line only if it has to be."""
    memory = source.offset(tile.image, tile.y, tile.x, tile.channel)
    line, pitch = tile.width * tile.channels, source.width * source.pitch
    if tile.channels == source.pitch:
        builder.load(memory, pitch, buffer, line, tile.height, line)
    elif tile.width == source.width:
        pixels = tile.height * tile.width
        builder.load(memory, source.pitch, buffer, tile.channels, pixels, tile.channels)
    else:
        for y in range(tile.height):
            builder.load(
                *(memory + y * pitch, source.pitch, buffer + y * line, tile.channels),
                *(tile.width, tile.channels),
            )


def upsample_plan(
    operation: Upsample, shape: tuple[int, ...], parameters: Parameters
) -> UpsamplePlan:
    """Tile an upsampling so that several tiles fit the scratchpads.

    Parameters
    ----------
    operation : Upsample
    shape : (images, height, width, channels)
        Of the input.
    parameters : Parameters

    Raises
    ------
    ValueError
        If not even one pixel of one column tile fits.
    """
    images, height, width, total = shape
    down, across = operation.factors
    room = min(parameters.activation_bytes, parameters.output_bytes // across)
    channels = total
    while channels > room // _PARTS and channels > parameters.cols:
        channels = -(-channels // (2 * parameters.cols)) * parameters.cols
    if channels > room:
        raise ValueError(
            f"output_bytes must be at least {across * channels} to hold one pixel of "
            f"{operation.name}, got {parameters.output_bytes}"
        )
    pixels = max(room // _PARTS // channels, 1)
    wide = min(width, pixels, parameters.line_cells)
    high = min(max(pixels // wide, 1), height)
    tiles = images * -(-total // channels) * -(-height // high) * -(-width // wide)
    cells, axi = high * wide, parameters.axi_bytes
    scanned = across * -(-channels // parameters.cols) * (cells + _COMMAND)
    stored = down * high * across * wide * channels / axi
    if channels < total:
        stored = down * high * across * wide * (-(-channels // axi) + 1)
    cycles = tiles * max(scanned, stored + 2 * down, cells * channels / axi)
    return UpsamplePlan(operation, high, wide, channels, round(cycles + _OPEN))
