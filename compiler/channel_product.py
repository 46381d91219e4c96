"""Drafts of a product with one value per channel: pixels of a slice of channels by one vector."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..golden.graph import Mul
from ..golden.kernels.mul import check_mul
from ..spec.parameters import Parameters
from .builder import Builder, View
from .sums import product_fields

__all__ = ["ChannelProductPlan", "channel_product_plan"]

_OPEN = 70  # cycles to load the first tile and store the last one
_COMMAND = 8  # cycles between two COMPUTEs
_BUFFERS = 4  # tiles in flight
_MOST = (1 << 16) - 1  # maximum rows per transfer and pixels per COMPUTE


@dataclass(frozen=True)
class ChannelProductPlan:
    """Tiling of a product with one value per image and channel.

    Parameters
    ----------
    operation : Mul
    slice, pixels : int
        Channels and pixels per tile.
    estimate : int
        Estimated cycles.
    """

    operation: Mul
    slice: int
    pixels: int
    estimate: int

    @property
    def stream(self) -> npt.NDArray[np.uint8]:
        """No weights."""
        return np.zeros(0, np.uint8)

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the product's drafts; a buffer keeps its vector of values from tile to tile."""
        del weights
        source, values = sources
        operand = _aligned(self.pixels * self.slice, builder.parameters)
        buffers: deque[int] = deque()
        held: dict[int, tuple[int, int]] = {}  # image and first channel of the values, by buffer
        step = 0
        for image, first, start in self._tiles(target):
            channels = min(self.slice, target.channels - first)
            count = min(self.pixels, target.height * target.width - start)
            if step != channels:
                step = channels
                geometry = {"operand_pitch": operand, "step_x": step, "step_y": 0, "broadcast": 1}
                builder.setup_mul(product_fields(self.operation) | geometry)
                # A table that comes with the setup may take the place of earlier buffers
                buffers = deque(builder.activation_buffers(operand + self.slice, _BUFFERS))
                held = {}
            buffer = buffers[0]
            buffers.rotate(-1)
            if held.get(buffer) != (image, first):
                held[buffer] = (image, first)
                where = values.offset(image, channel=first)
                builder.load(where, 0, buffer + operand, 0, 1, channels)
            memory = source.offset(image, 0, start, first)
            if channels == source.pitch:
                builder.load(memory, 0, buffer, 0, 1, count * channels)
            else:
                builder.load(memory, source.pitch, buffer, channels, count, channels)
            base = self._compute(builder, buffer, operand, count, channels)
            memory = target.offset(image, 0, start, first)
            if channels == target.pitch:
                builder.store(memory, 0, base, 0, 1, count * channels)
            else:
                builder.store(memory, target.pitch, base, channels, count, channels)

    def _tiles(self, target: View) -> Iterator[tuple[int, int, int]]:
        """Image, first channel and first pixel of each tile."""
        for image in range(target.images):
            for first in range(0, target.channels, self.slice):
                for start in range(0, target.height * target.width, self.pixels):
                    yield image, first, start

    def _compute(
        self, builder: Builder, buffer: int, operand: int, count: int, channels: int
    ) -> int:
        """Append a tile's COMPUTEs; return the address of its outputs."""
        cols = builder.parameters.cols
        base = builder.output_buffer(count * channels)
        for first in range(0, channels, cols):
            fields = {
                "activation": buffer + first,
                "weight": 0,
                "passes": 1,
                "columns": min(cols, channels - first),
                "width": count,
                "height": 1,
                "accumulator": 0,
                "output": base + first,
                "output_pitch": channels,
                "first": 1,
                "last": 1,
            }
            reads = (buffer, buffer + operand + channels)
            builder.compute(fields, reads, (base, base + count * channels))
        return base


def channel_product_plan(
    operation: Mul, shape: tuple[int, ...], parameters: Parameters
) -> ChannelProductPlan:
    """Choose slices and tiles by a lower bound on cycles.

    Parameters
    ----------
    operation : Mul
    shape : (N, H, W, C)
        Of its first input.
    parameters : Parameters

    Raises
    ------
    ValueError
        If the scales are out of range.
    """
    check_mul(operation)
    images, height, width, channels = shape
    candidates = [
        (_bound(slice_, pixels, (images, height * width, channels), parameters), slice_, pixels)
        for slice_ in _parts(channels, parameters.cols)
        for pixels in _parts(height * width, 1)
        if _fits(slice_, pixels, parameters)
    ]
    cycles, slice_, pixels = min(candidates)
    return ChannelProductPlan(operation, slice_, pixels, cycles)


def _parts(size: int, unit: int) -> list[int]:
    """Sizes in multiples of a unit that split a size evenly, up to the whole."""
    units = -(-size // unit)
    return sorted({min(-(-units // n) * unit, size) for n in range(1, units + 1)})


def _aligned(size: int, parameters: Parameters) -> int:
    """Bytes to the second operand behind `size` bytes of the first."""
    align = max(64, parameters.activation_banks)
    return -(-size // align) * align


def _fits(slice_: int, pixels: int, parameters: Parameters) -> bool:
    tile = slice_ * pixels
    needed = _aligned(tile, parameters) + slice_
    most = parameters.activation_bytes
    return pixels <= _MOST and needed <= most and tile <= parameters.output_bytes


def _bound(slice_: int, pixels: int, size: tuple[int, int, int], parameters: Parameters) -> int:
    """Lower bound on cycles: the slowest of load, product and store, plus start and end."""
    images, total, channels = size
    p, tile = parameters, slice_ * pixels
    slices, tiles = -(-channels // slice_), -(-total // pixels)
    load = store = tile / p.axi_bytes + 2
    if slices > 1:
        beat = max(-(-slice_ // p.axi_bytes), 2)
        load, store = pixels * beat + 3, pixels * beat + 2
    compute = -(-slice_ // p.cols) * (pixels * p.columns_per_lane + 1 + _COMMAND)
    crowded = 2 * _aligned(tile + slice_, p) > p.activation_bytes or 2 * tile > p.output_bytes
    slowest = load + compute + store if crowded else max(load, compute, store)
    ends = 0 if crowded else load + compute + store - slowest
    return round(images * slices * tiles * slowest + ends + _OPEN)
