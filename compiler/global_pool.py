"""Drafts of an average pool over whole images: dense passes that add up pixels.

A vector holds some channels of one pixel, and an identity matrix passes each on to a column. The
tile's "pixels" are the groups of channels, and each pass adds the next pixel of the image to
their sums. All passes multiply by the same matrix, so no weights of the pool are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..golden.feed.unpack import pack
from ..golden.graph import AvgPool2d
from ..golden.kernels.avg_pool2d import mean_multiplier
from ..golden.kernels.gemm import fold_bias
from ..spec.isa import PARAMETER_ROWS, Mode
from ..spec.parameters import Parameters
from .builder import Builder, View
from .ordering import link
from .timing import estimate_cycles

__all__ = ["GlobalPoolPlan", "global_pool_plan"]

_PASSES = 8  # pixels that a command adds up
_LARGEST = 255  # height and width of an image


@dataclass(frozen=True, eq=False)
class GlobalPoolPlan:
    """An average pool with one output per image and channel.

    Parameters
    ----------
    operation : AvgPool2d
    shape : (images, height, width, channels)
        Shape of the input.
    parameters : Parameters
    estimate : int
        Estimated cycles.
    """

    operation: AvgPool2d
    shape: tuple[int, int, int, int]
    parameters: Parameters
    estimate: int = 0

    @property
    def group(self) -> int:
        """Channels of a vector."""
        return min(self.parameters.rows, self.parameters.cols, self.shape[3])

    @property
    def passes(self) -> int:
        """Passes of a command, each with an identity matrix of its own in the stream."""
        pixels, p = self.shape[1] * self.shape[2], self.parameters
        return min(pixels, _PASSES, (p.weight_rows - PARAMETER_ROWS) // p.tile_rows)

    @property
    def bytes(self) -> int:
        """Bytes of an image in the scratchpad; the last vector may read on behind it."""
        return self.shape[1] * self.shape[2] * self.shape[3] + self.parameters.rows

    @property
    def stream(self) -> npt.NDArray[np.uint8]:
        """Parameters, equal in all columns, and identity matrices."""
        return self._stream

    @cached_property
    def _stream(self) -> npt.NDArray[np.uint8]:
        p, zero_point = self.parameters, self.operation.input.zero_point
        pixels = self.shape[1] * self.shape[2]
        bias = fold_bias(np.ones((1, pixels), np.int8), np.zeros(1, np.int32), zero_point)
        factor = mean_multiplier(self.operation)
        used = (PARAMETER_ROWS + self.passes * p.tile_rows) * p.weight_row_bytes
        data = np.zeros(-(-used // p.axi_bytes) * p.axi_bytes, np.uint8)
        rows = data[:used].reshape(-1, p.weight_row_bytes)
        rows[:4, : p.cols] = bias.astype("<i4").view(np.uint8)[:, None]
        rows[4:PARAMETER_ROWS, : p.cols] = np.array([factor], "<f4").view(np.uint8)[:, None]
        identity = np.eye(p.rows, p.weight_row_bytes, dtype=np.int8)
        identity[self.group :] = 0
        matrices = rows[PARAMETER_ROWS:].reshape(self.passes, p.tile_rows, -1)
        matrices[:] = pack(identity, p.weight_bits)
        return data

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the pool's drafts."""
        p, (images, height, width, channels) = self.parameters, self.shape
        zero_point = self.operation.output.zero_point - 128
        unused = dict.fromkeys(("window_height", "window_width", "stride_y", "stride_x"), 0)
        builder.setup(
            {
                "run": self.group,
                "taps": width,
                "tap_pitch": channels,
                "lines": height,
                "line_pitch": width * channels,
                "pack_taps": 0,
                "pack_lines": 0,
                "step_x": self.group,
                "step_y": 0,
                "zero_point": zero_point,
                "low": -128,
                "high": 127,
                "mode": Mode.DENSE,
                "weight_width": p.widest_code,
                **unused,
            }
        )
        fetched = builder.weight_buffer(self.stream.size)
        builder.weights(weights, fetched, self.stream.size)
        for image in range(images):
            buffer = builder.activation_buffer(self.bytes)
            base = builder.output_buffer(channels)
            self._load(builder, sources[0], image, buffer)
            whole, rest = divmod(channels, self.group)
            for start, columns, groups in ((0, self.group, whole), (whole, rest, 1)):
                if columns:
                    fields = {
                        "activation": buffer + start * self.group,
                        "weight": fetched // p.weight_row_bytes,
                        "columns": columns,
                        "width": groups,
                        "height": 1,
                        "accumulator": 0,
                        "output": base + start * self.group,
                        "output_pitch": self.group,
                    }
                    self._add(builder, fields, buffer, (base, base + channels))
            builder.store(target.offset(image), 0, base, 0, 1, channels)

    def _load(self, builder: Builder, source: View, image: int, buffer: int) -> None:
        """Load an image, the pixels of each command by themselves."""
        channels, pixels = self.shape[3], self.shape[1] * self.shape[2]
        for first in range(0, pixels, self.passes):
            count = min(self.passes, pixels - first)
            memory, place = source.offset(image) + first * source.pitch, buffer + first * channels
            if source.dense:
                builder.load(memory, 0, place, 0, 1, count * channels)
            else:
                builder.load(memory, source.pitch, place, channels, count, channels)

    def _add(
        self, builder: Builder, fields: dict[str, int], buffer: int, writes: tuple[int, int]
    ) -> None:
        """Add up the pixels of an image, some in each command."""
        channels, pixels = self.shape[3], self.shape[1] * self.shape[2]
        for first in range(0, pixels, self.passes):
            last = min(first + self.passes, pixels)
            of_pass = {
                "weight": fields["weight"] + (PARAMETER_ROWS if first else 0),
                "passes": last - first,
                "first": int(first == 0),
                "last": int(last == pixels),
            }
            reads = buffer + first * channels, buffer + last * channels
            builder.compute(fields | of_pass, reads, writes)


def global_pool_plan(
    operation: AvgPool2d, shape: tuple[int, int, int, int], parameters: Parameters
) -> GlobalPoolPlan | None:
    """Plan a pool over whole images; None if it is none, or an image does not fit the scratchpads.

    Parameters
    ----------
    operation : AvgPool2d
    shape : (images, height, width, channels)
        Shape of the input.
    parameters : Parameters
    """
    plan = GlobalPoolPlan(operation, shape, parameters)
    whole = operation.kernel == shape[1:3] and not any(operation.padding)
    fits = plan.bytes <= parameters.activation_bytes and shape[3] <= parameters.output_bytes
    groups = -(-shape[3] // plan.group)
    if not (whole and fits and groups <= parameters.accumulators and max(shape[1:3]) <= _LARGEST):
        return None
    source = View(0, *shape, shape[3])
    target = View(-(-source.offset(shape[0]) // 4096) * 4096, shape[0], 1, 1, shape[3], shape[3])
    builder = Builder(parameters)
    plan.emit(builder, (source,), 0, target)
    return replace(
        plan, estimate=estimate_cycles(link(builder.drafts, parameters.axi_bytes), parameters)
    )
