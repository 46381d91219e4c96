"""Drafts of a channel shuffle: a dense pass with a permutation for weights.

A column tile's outputs come from as many channels of each group, which are adjacent: with two
groups and 16 columns from two runs of 8 bytes. So one small matrix of zeros and ones serves all
column tiles, each of which begins some bytes further, and a tile of pixels takes one or a few
passes. Sums of one code, with multiplier 1, are the codes themselves.

Vectors go on from one run to the next if the runs lie in other banks. The groups of a tile are
loaded apart from each other for that, unless whole pixels, in more passes, take less time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from ..golden.feed.reduction import Reduction, reduction
from ..golden.feed.unpack import pack
from ..golden.graph import Conv2d, Shuffle
from ..spec.isa import PARAMETER_ROWS, Mode
from ..spec.parameters import Parameters
from .builder import Builder, View
from .ordering import link
from .timing import estimate_cycles

__all__ = ["ShufflePlan", "shuffle_layer", "shuffle_plan"]

_MOST = (1 << 16) - 1  # rows of a transfer
_PARTS = 4  # tiles in flight
_PAGE = 4096


@dataclass(frozen=True, eq=False)
class ShufflePlan:
    """Tiling of a shuffle.

    Parameters
    ----------
    operation : Shuffle
    channels : int
    pixels : int
        Of the largest tile.
    columns : int
        Outputs of a column tile, a multiple of the groups.
    apart : int
        Bytes from a group to the next in the scratchpad, where groups are loaded one by one; 0
        where pixels are loaded whole.
    stream : ndarray of shape (bytes,), uint8
        Parameters and the permutation.
    estimate : int
        Estimated cycles.
    """

    operation: Shuffle
    channels: int
    pixels: int
    columns: int
    apart: int
    stream: npt.NDArray[np.uint8]
    estimate: int = 0

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the operation's drafts."""
        (source,) = sources
        weight = builder.weight_buffer(self.stream.size)
        builder.weights(weights, weight, self.stream.size)
        builder.setup(self._setup(builder.parameters))
        for start in range(0, source.pixels, self.pixels):
            count = min(self.pixels, source.pixels - start)
            self._tile(builder, source, target, weight, start, count)

    def geometry(self, parameters: Parameters) -> Reduction:
        """Return the runs of a column tile, one in each group."""
        groups = self.operation.groups
        pitch = self.apart or self.channels // groups
        run = self.columns // groups
        packs = (pitch - run) % parameters.activation_banks == 0
        return Reduction(run, groups, pitch, 1, 0, pack_taps=packs, pack_lines=False)

    def _setup(self, parameters: Parameters) -> dict[str, int]:
        geometry = self.geometry(parameters)
        unused = ("window_height", "window_width", "stride_y", "stride_x", "step_y")
        return {
            "run": geometry.run,
            "taps": geometry.taps,
            "tap_pitch": geometry.tap_pitch,
            "lines": 1,
            "line_pitch": 0,
            "pack_taps": int(geometry.pack_taps),
            "pack_lines": 0,
            "step_x": self._pixel,
            "zero_point": self.operation.output.zero_point - 128,
            "low": -128,
            "high": 127,
            "mode": Mode.DENSE,
            "weight_width": parameters.widest_code,
            **dict.fromkeys(unused, 0),
        }

    @property
    def _pixel(self) -> int:
        """Bytes of a pixel, or of a group's part of it, in the scratchpad."""
        return self.channels // self.operation.groups if self.apart else self.channels

    def _tile(
        self, builder: Builder, source: View, target: View, weight: int, start: int, count: int
    ) -> None:
        """Load, permute and store some pixels."""
        parts = self.operation.groups if self.apart else 1
        size = (parts - 1) * self.apart + (count * self._pixel) + self.columns
        buffer = builder.activation_buffer(size)
        for part in range(parts):
            memory = source.base + start * source.pitch + part * self._pixel
            place = buffer + part * self.apart
            if self._pixel == source.pitch:
                builder.load(memory, 0, place, 0, 1, count * self._pixel)
            else:
                builder.load(memory, source.pitch, place, self._pixel, count, self._pixel)
        base = builder.output_buffer(count * self.channels)
        row = weight // builder.parameters.weight_row_bytes
        passes = len(list(reduction(self.geometry(builder.parameters), builder.parameters.rows)))
        for channel in range(0, self.channels, self.columns):
            fields = {
                "activation": buffer + channel // self.operation.groups,
                "weight": row,
                "passes": passes,
                "columns": min(self.columns, self.channels - channel),
                "width": count,
                "height": 1,
                "accumulator": 0,
                "output": base + channel,
                "output_pitch": self.channels,
                "first": 1,
                "last": 1,
            }
            ends = (buffer, buffer + size), (base, base + count * self.channels)
            builder.compute(fields, *ends)
        memory = target.base + start * target.pitch
        if target.dense:
            builder.store(memory, 0, base, 0, 1, count * self.channels)
        else:
            builder.store(memory, target.pitch, base, self.channels, count, self.channels)


def shuffle_plan(
    operation: Shuffle, shape: tuple[int, ...], parameters: Parameters
) -> ShufflePlan | None:
    """Tile a shuffle; None if the groups are more than the array's columns, or a pixel too large.

    Parameters
    ----------
    operation : Shuffle
    shape : (images, height, width, channels)
    parameters : Parameters
    """
    channels, groups = shape[3], operation.groups
    columns = min(parameters.cols // groups * groups, channels)
    if columns == 0:
        return None
    banks, per = parameters.activation_banks, channels // groups
    limits = (parameters.accumulators, parameters.output_bytes // channels, _MOST)
    pixels = min(*limits, prod(shape[:3]))
    room = parameters.activation_bytes - groups * (columns + 2 * banks)
    pixels = min(pixels, room // channels)
    if pixels > _PARTS * parameters.rows:
        pixels = -(-pixels // _PARTS)
    if pixels < 1:
        return None
    spread = -(-pixels * per // banks) * banks + banks + columns // groups
    found: list[ShufflePlan] = []
    for apart in (0, spread):
        plan = ShufflePlan(operation, channels, pixels, columns, apart, np.zeros(0, np.uint8))
        plan = replace(plan, stream=_stream(plan, parameters))
        builder = Builder(parameters)
        whole = View(0, shape[0], shape[1], shape[2], channels, channels)
        behind = replace(whole, base=-(-prod(shape) // _PAGE) * _PAGE)
        plan.emit(builder, (whole,), 0, behind)
        cycles = estimate_cycles(link(builder.drafts, parameters.axi_bytes), parameters)
        found.append(replace(plan, estimate=cycles))
    return min(found, key=lambda plan: plan.estimate)


def _stream(plan: ShufflePlan, parameters: Parameters) -> npt.NDArray[np.uint8]:
    """Parameters and permutation of a column tile."""
    rows, pitch, groups = parameters.rows, parameters.weight_row_bytes, plan.operation.groups
    walk = list(reduction(plan.geometry(parameters), rows))
    used = (PARAMETER_ROWS + len(walk) * parameters.tile_rows) * pitch
    data = np.zeros(-(-used // parameters.axi_bytes) * parameters.axi_bytes, np.uint8)
    block = data[:used].reshape(-1, pitch)
    bias = np.array([128 - plan.operation.input.zero_point], "<i4")
    block[:4, : plan.columns] = bias.view(np.uint8)[:, None]
    block[4:PARAMETER_ROWS, : plan.columns] = np.ones(1, "<f4").view(np.uint8)[:, None]
    places = np.concatenate([i * rows + np.arange(p.used) for i, p in enumerate(walk)])
    group, place = np.divmod(np.arange(plan.columns), plan.columns // groups)
    permutation = np.zeros((len(walk) * rows, pitch), np.int8)
    permutation[places, place * groups + group] = 1
    packed = pack(permutation.reshape(-1, rows, pitch), parameters.weight_bits)
    block[PARAMETER_ROWS:] = packed.reshape(-1, pitch)
    return data


def shuffle_layer(operation: Shuffle, channels: int) -> Conv2d:
    """Express a shuffle as a 1 x 1 convolution that copies codes."""
    weight = np.zeros((channels, channels, 1, 1), np.int8)
    weight[np.arange(channels), operation.sources(channels)] = 1
    return Conv2d(
        name=operation.name,
        weight=weight,
        bias=np.zeros(channels, np.float32),
        bias_q=np.zeros(channels, np.int32),
        weight_scale=np.ones(channels),
        multiplier=np.ones(channels, np.float32),
        input=operation.input,
        output=operation.output,
    )
