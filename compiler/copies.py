"""Copies from the activation scratchpad to the output scratchpad, and plans made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..golden.operations.rearrange import Rearrange
from ..golden.operations.tokens import Tokens
from ..spec.isa import Mode
from ..spec.parameters import Parameters
from .builder import Builder, View

__all__ = ["CopyPlan", "copy", "copy_cycles", "rearrange_plan", "setup_copy", "tokens_plan"]

_OPEN = 70  # cycles to load the first tile and store the last one
_COMMAND = 8
_PARTS = 4  # tiles in flight
_ROW = 3  # cycles of a short row's transfer

Codes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


def setup_copy(builder: Builder) -> None:
    """Make the compute unit copy: a max pool of single cells, `cols` bytes apart."""
    p = builder.parameters
    fields = {"run": p.rows, "taps": 1, "tap_pitch": 0, "lines": 1, "line_pitch": 0}
    fields |= {"pack_taps": 0, "pack_lines": 0, "step_x": p.cols, "step_y": p.cols * p.line_cells}
    fields |= {"zero_point": 0, "low": -128, "high": 127, "mode": Mode.MAX, "weight_width": 0}
    one = dict.fromkeys(("window_height", "window_width", "stride_y", "stride_x"), 1)
    builder.setup(fields | one)


def copy(builder: Builder, buffer: int, base: int, size: int) -> None:
    """Copy `size` bytes from `buffer` to `base` in the output scratchpad, after `setup_copy`."""
    p, place = builder.parameters, 0
    line = p.cols * p.line_cells
    for columns, width, height in (
        (p.cols, p.line_cells, size // line),
        (p.cols, size % line // p.cols, 1),
        (size % p.cols, 1, 1),
    ):
        if not (columns and width and height):
            continue
        fields = {"activation": buffer + place, "weight": 0, "passes": 1, "columns": columns}
        fields |= {"width": width, "height": height, "accumulator": 0, "first": 1, "last": 1}
        fields |= {"output": base + place, "output_pitch": p.cols}
        builder.compute(fields, (buffer, buffer + size), (base, base + size))
        place += columns * width * height


def copy_cycles(size: int, parameters: Parameters) -> int:
    """Estimated cycles to load, copy and store bytes, the slowest of which counts."""
    return -(-size // min(parameters.cols, parameters.axi_bytes)) + 3 * _COMMAND


@dataclass(frozen=True, eq=False)
class CopyPlan:
    """Pixels taken from an image and from constants, tile by tile.

    Parameters
    ----------
    places : ndarray of shape (pixels, parts), integers
        For each pixel of a result the pixels whose channels it has one behind the other: of an
        image, or of the constants where -1 - place.
    constants : ndarray of shape (K, channels), uint8
    channels : int
        Of a pixel of the input.
    tile : int
        Pixels per tile.
    estimate : int
        Estimated cycles.
    """

    places: Places
    constants: Codes
    channels: int
    tile: int
    estimate: int

    @property
    def stream(self) -> Codes:
        """The constants, as the hardware has codes."""
        return (self.constants ^ np.uint8(0x80)).reshape(-1)

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the operation's drafts."""
        (source,) = sources
        pixels, parts = self.places.shape
        row = parts * self.channels
        setup_copy(builder)
        for image in range(source.images):
            for start in range(0, pixels, self.tile):
                count = min(self.tile, pixels - start)
                buffer = builder.activation_buffer(count * row)
                for load in self._loads(start, count, source.offset(image), source.pitch, weights):
                    memory, pitch, place, target_pitch, rows, size = load
                    builder.load(memory, pitch, buffer + place, target_pitch, rows, size)
                base = builder.output_buffer(count * row)
                copy(builder, buffer, base, count * row)
                memory = target.offset(image) + start * target.pitch
                if target.dense:
                    builder.store(memory, 0, base, 0, 1, count * row)
                else:
                    builder.store(memory, target.pitch, base, row, count, row)

    def _loads(
        self, start: int, count: int, source: int, pitch: int, weights: int
    ) -> Iterator[tuple[int, int, int, int, int, int]]:
        """Transfers of a tile's pixels: memory, pitch, place in the buffer, pitch, rows, bytes."""
        channels, parts = self.channels, self.places.shape[1]
        for part in range(parts):
            for place, first, step, rows in _runs(self.places[start : start + count, part]):
                constant = first < 0
                width = channels if constant else pitch
                memory = weights + (-1 - first) * width if constant else source + first * width
                at = (place * parts + part) * channels
                if parts == step == 1 and width == channels:
                    yield memory, 0, at, 0, 1, rows * channels
                else:
                    yield memory, step * width, at, parts * channels, rows, channels


def _runs(places: Places) -> Iterator[tuple[int, int, int, int]]:
    """Split places into evenly spaced runs: position, first place, step, length.

    The constants count downwards, so that a step is positive in both.
    """
    position, most = 0, len(places)
    while position < most:
        first, length, step = int(places[position]), 1, 1
        if position + 1 < most:
            step = _step(first, int(places[position + 1]))
        while step > 0 and position + length < most:
            last, then = int(places[position + length - 1]), int(places[position + length])
            if _step(last, then) != step:
                break
            length += 1
        yield position, first, max(step, 1), length
        position += length


def _step(first: int, then: int) -> int:
    """Distance from a place to the next; 0 from an image to the constants."""
    if (first < 0) != (then < 0):
        return 0
    return first - then if first < 0 else then - first


def _plan(
    name: str, places: Places, constants: Codes, shape: tuple[int, ...], parameters: Parameters
) -> CopyPlan:
    images, channels = shape[0], shape[-1]
    pixels, parts = places.shape
    row = parts * channels
    room = min(parameters.activation_bytes, parameters.output_bytes) // _PARTS
    if row > room:
        raise ValueError(
            f"activation_bytes and output_bytes must be at least {_PARTS * row} to hold pixels of "
            f"{name}, got {parameters.activation_bytes} and {parameters.output_bytes}"
        )
    tile = min(room // row, pixels)
    transfers = sum(1 for part in range(parts) for _ in _runs(places[:, part]))
    cycles = copy_cycles(pixels * row, parameters) + _ROW * transfers
    return CopyPlan(places, constants, channels, tile, _OPEN + images * cycles)


def tokens_plan(operation: Tokens, shape: tuple[int, ...], parameters: Parameters) -> CopyPlan:
    """Tile constant tokens and an image's pixels behind them.

    Raises
    ------
    ValueError
        If a pixel does not fit the scratchpads.
    """
    pixels = np.arange(shape[1] * shape[2])
    constants = -1 - np.arange(len(operation.first))
    places = np.concatenate([constants, pixels])[:, None]
    return _plan(operation.name, places, operation.first, shape, parameters)


def rearrange_plan(
    operation: Rearrange, shape: tuple[int, ...], parameters: Parameters
) -> CopyPlan:
    """Tile pixels taken from given places.

    Raises
    ------
    ValueError
        If a pixel does not fit the scratchpads.
    """
    places = operation.places.reshape(-1, operation.places.shape[2])
    nothing = np.zeros((0, shape[-1]), np.uint8)
    return _plan(operation.name, places, nothing, shape, parameters)
