"""Weights and requantization parameters in the order in which the array consumes them.

For each column tile the stream holds `PARAMETER_ROWS` rows of parameters (byte i of every
column's int32 bias, then of its fp32 multiplier) and one weight tile of `rows` rows per pass, or
of fewer where weights of 4 or 2 bits are packed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..golden.feed.reduction import Reduction, reduction
from ..golden.feed.unpack import pack
from ..golden.graph import Conv2d, Layer
from ..golden.kernels.gemm import fold_bias
from ..spec.isa import PARAMETER_ROWS
from ..spec.parameters import Parameters
from ..spec.weight_widths import packed_rows
from .problem import ColumnTile, Problem

__all__ = ["Chunk", "WeightPlan", "WeightStream", "chunks", "stream_bytes"]
__all__ += ["weight_plan", "weight_stream"]


_PARTS, _LEAST = 8, 8  # chunks of the first column tile; passes in each


@dataclass(frozen=True)
class WeightStream:
    """Layout of a weight stream.

    Parameters
    ----------
    tiles : int
        Column tiles.
    tile_bytes : int
        Bytes from one column tile to the next, a multiple of the bus width.
    passes : int
        Weight tiles in each column tile.
    rows : int
        Rows of the weight scratchpad that a weight tile takes.
    """

    tiles: int
    tile_bytes: int
    passes: int
    rows: int

    @property
    def size(self) -> int:
        """Bytes of the stream."""
        return self.tiles * self.tile_bytes


@dataclass(frozen=True)
class Chunk:
    """Passes `start` to `end` of a column tile, fetched together.

    `memory` and `size` are the aligned range of the stream to fetch; its first `skip` bytes
    belong to earlier passes.
    """

    column_tile: int
    start: int
    end: int
    memory: int
    size: int
    skip: int


def weight_stream(work: Problem, geometry: Reduction, parameters: Parameters) -> WeightStream:
    """Compute the layout of a layer's stream for a reduction order."""
    passes = sum(1 for _ in reduction(geometry, parameters.rows))
    rows = packed_rows(parameters.rows, work.weight_bits)
    used = (PARAMETER_ROWS + passes * rows) * parameters.weight_row_bytes
    tile_bytes = -(-used // parameters.axi_bytes) * parameters.axi_bytes
    return WeightStream(len(work.column_tiles), tile_bytes, passes, rows)


def stream_bytes(
    layer: Layer, work: Problem, geometry: Reduction, parameters: Parameters
) -> npt.NDArray[np.uint8]:
    """Lay out a layer's weights and parameters in reduction order.

    Returns
    -------
    ndarray of shape (bytes,), uint8
        Of the size given by `weight_stream`.
    """
    rows, pitch = parameters.rows, parameters.weight_row_bytes
    walk = list(reduction(geometry, rows))
    lanes = np.concatenate([i * rows + np.arange(p.used) for i, p in enumerate(walk)])
    stream = weight_stream(work, geometry, parameters)
    used = (PARAMETER_ROWS + stream.passes * stream.rows) * pitch
    data = np.zeros((stream.tiles, stream.tile_bytes), np.uint8)
    folded = fold_bias(layer.weight, layer.bias_q, layer.input.zero_point)
    bias = folded.astype("<i4").view(np.uint8).reshape(-1, 4)
    scale = layer.multiplier.astype("<f4").view(np.uint8).reshape(-1, 4)
    for out, tile in zip(data, work.column_tiles, strict=True):
        channels = slice(tile.start, tile.start + tile.count)
        block = out[:used].reshape(-1, pitch)
        block[:4, : tile.count] = bias[channels].T
        block[4:PARAMETER_ROWS, : tile.count] = scale[channels].T
        matrix = np.zeros((stream.passes * rows, tile.count), np.int8)
        matrix[lanes] = _matrix(layer, work, tile)
        packed = pack(matrix.reshape(stream.passes, rows, -1), work.weight_bits)
        block[PARAMETER_ROWS:, : tile.count] = packed.reshape(-1, tile.count)
    return data.reshape(-1)


def _matrix(layer: Layer, work: Problem, tile: ColumnTile) -> npt.NDArray[np.int8]:
    """Weights of a column tile in flattened reduction order, shape (K, columns)."""
    weight = layer.weight[tile.start : tile.start + tile.count]
    if not isinstance(layer, Conv2d):
        return np.ascontiguousarray(weight.T)
    kernel = weight.transpose(2, 3, 1, 0)
    if layer.groups == 1:
        return np.ascontiguousarray(kernel).reshape(-1, tile.count)
    per_group = len(layer.weight) // layer.groups
    inputs = weight.shape[1]
    dense = np.zeros((*kernel.shape[:2], work.block, tile.count), np.int8)
    for column in range(tile.count):
        first = (tile.start + column) // per_group * inputs - tile.channel
        dense[:, :, first : first + inputs, column] = kernel[:, :, :, column]
    return dense.reshape(-1, tile.count)


def chunks(
    stream: WeightStream, column_tile: int, sizes: tuple[int, ...], parameters: Parameters
) -> list[Chunk]:
    """Split a column tile's passes into chunks of the given sizes."""
    tile = stream.rows * parameters.weight_row_bytes
    align = parameters.axi_bytes
    result: list[Chunk] = []
    start = 0
    for size in sizes:
        end = start + size
        low = PARAMETER_ROWS * parameters.weight_row_bytes + start * tile if start else 0
        high = PARAMETER_ROWS * parameters.weight_row_bytes + end * tile
        base = low // align * align
        span = -(-high // align) * align - base
        memory = column_tile * stream.tile_bytes + base
        result.append(Chunk(column_tile, start, end, memory, span, low - base))
        start = end
    return result


@dataclass(frozen=True)
class WeightPlan:
    """Allocation of stream chunks to the weight scratchpad.

    Parameters
    ----------
    sizes : tuple of int
        Passes in each chunk of a column tile.
    first_sizes : tuple of int
        The same for the first column tile: small chunks first, so that computing starts early.
    resident : bool
        Whether the whole stream stays in the scratchpad, fetched once for all pixel tiles.
    """

    sizes: tuple[int, ...]
    first_sizes: tuple[int, ...]
    resident: bool


def weight_plan(stream: WeightStream, parameters: Parameters) -> WeightPlan:
    """Keep all weights resident if they fit, else stream them in chunks.

    Raises
    ------
    ValueError
        If the weight scratchpad cannot hold two chunks of one pass.
    """
    tile = stream.rows * parameters.weight_row_bytes
    header = PARAMETER_ROWS * parameters.weight_row_bytes
    align = max(parameters.axi_bytes, parameters.weight_row_bytes)
    aligned = tile % align == 0 and header % align == 0
    passes = stream.passes
    if stream.size <= parameters.weight_bytes:
        first = _growing(passes, _most(passes)) if aligned else [passes]
        return WeightPlan((passes,), tuple(first), True)
    slack = 0 if aligned else 2 * align
    for parts in (4, 3, 2):
        most = (parameters.weight_bytes // parts // align * align - slack - header) // tile
        if most >= 1:
            break
    else:
        raise ValueError(
            f"weight_bytes must be at least {2 * (header + tile + slack)} to hold two weight "
            f"tiles of this layer, got {parameters.weight_bytes}"
        )
    count = -(-passes // most)
    sizes = [(i + 1) * passes // count - i * passes // count for i in range(count)]
    return WeightPlan(tuple(sizes), tuple(_growing(passes, min(max(sizes), _most(passes)))), False)


def _most(passes: int) -> int:
    """Return the most passes of a chunk whose inputs may be loaded with it."""
    return max(passes // _PARTS, _LEAST)


def _growing(total: int, limit: int) -> list[int]:
    """Sizes that double from 2 up to `limit` and add up to `total`."""
    sizes: list[int] = []
    size = 2
    while total:
        sizes.append(min(size, limit, total))
        total -= sizes[-1]
        size *= 2
    return sizes
