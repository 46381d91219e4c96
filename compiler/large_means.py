"""Average pools whose windows or ones do not fit the scratchpads, as of 112 x 112 pixels.

A window is read part by part, and its sums stay in the accumulators. All parts have one size and
take one block of ones, so that few weights serve any window: the walk over the parts does not move
(its pitch from line to line is 0), and each COMPUTE names its part's buffer. What a part has beyond
the window holds the zero point and counts as nothing.

In depthwise mode a part is `WINDOW` lines, in passes of `WINDOW` x `WINDOW` cells. Hardware without
depthwise windows adds up pixels in dense mode, with ones at each channel's own column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil, prod

import numpy as np
import numpy.typing as npt

from ..golden.feed.unpack import pack
from ..golden.graph import AvgPool2d
from ..golden.kernels.avg_pool2d import mean_multiplier
from ..spec.isa import PARAMETER_ROWS, WINDOW, Mode
from ..spec.parameters import Parameters
from .builder import Builder, View
from .ordering import link
from .timing import estimate_cycles

__all__ = ["LargeMeanPlan", "large_mean_plan"]

_MOST = 255  # lines of a walk, taps of a line
_BUFFERS = (4, 2)  # parts in flight
_PAGE = 4096


@dataclass(frozen=True, eq=False)
class LargeMeanPlan:
    """An average pool in parts of its window.

    Parameters
    ----------
    operation : AvgPool2d
    shape : (images, height, width, channels)
        Of the input.
    part : (lines, cells)
    passes : int
        Of a part.
    stream : ndarray of shape (bytes,), uint8
        Parameters, then the ones of a part.
    estimate : int
        Estimated cycles.
    """

    operation: AvgPool2d
    shape: tuple[int, int, int, int]
    part: tuple[int, int]
    passes: int
    stream: npt.NDArray[np.uint8]
    estimate: int = 0

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the operation's drafts."""
        (source,) = sources
        p, cols = builder.parameters, builder.parameters.cols
        buffer = builder.weight_buffer(self.stream.size)
        builder.weights(weights, buffer, self.stream.size)
        row = buffer // p.weight_row_bytes
        builder.setup(self._setup(p))
        for channel in range(0, target.channels, cols):
            columns = min(cols, target.channels - channel)
            for image, y, x in product(*map(range, (target.images, target.height, target.width))):
                base = builder.output_buffer(columns)
                self._window(builder, source, (image, y, x, channel), columns, row, base)
                builder.store(target.offset(image, y, x, channel), 0, base, 0, 1, columns)

    def _setup(self, parameters: Parameters) -> dict[str, int]:
        fields = dict.fromkeys(("pack_taps", "pack_lines", "line_pitch", "tap_pitch"), 0)
        fields |= {"zero_point": self.operation.output.zero_point - 128, "low": -128, "high": 127}
        lines, cells = self.part
        parts, pixel = prod(self._parts), _pixel(self.shape, parameters)
        if parameters.depthwise:
            window = dict.fromkeys(("window_height", "window_width"), WINDOW)
            return {
                **fields,
                **window,
                **dict.fromkeys(("stride_y", "stride_x"), 1),
                "run": parameters.rows,
                "taps": cells // WINDOW,
                "tap_pitch": WINDOW * pixel,
                "lines": parts,
                "step_x": pixel,
                "step_y": cells * pixel,
                "mode": Mode.DEPTHWISE,
                "weight_width": parameters.widest_code,
            }
        unused = ("window_height", "window_width", "stride_y", "stride_x", "step_x", "step_y")
        return {
            **fields,
            **dict.fromkeys(unused, 0),
            "run": lines * cells * pixel,
            "taps": ceil(parts / _MOST),
            "lines": min(parts, _MOST),
            "mode": Mode.DENSE,
            "weight_width": parameters.widest_code,
        }

    @property
    def _parts(self) -> tuple[int, int]:
        """Parts of a window, down and across."""
        down, across = zip(self.operation.kernel, self.part, strict=True)
        return ceil(down[0] / down[1]), ceil(across[0] / across[1])

    def _window(
        self,
        builder: Builder,
        source: View,
        at: tuple[int, int, int, int],
        columns: int,
        row: int,
        base: int,
    ) -> None:
        """Add up the parts of a window; `at`: output image, line, pixel and channel."""
        image, out_y, out_x, channel = at
        operation = self.operation
        y = out_y * operation.stride[0] - operation.padding[0]
        x = out_x * operation.stride[1] - operation.padding[1]
        size = prod(self.part) * _pixel(self.shape, builder.parameters)
        count = prod(self._parts)
        for number, (down, across) in enumerate(product(*map(range, self._parts))):
            buffer = builder.activation_buffer(size)
            first = y + down * self.part[0], x + across * self.part[1]
            limits = y + operation.kernel[0], x + operation.kernel[1]
            self._load(builder, source, (image, *first, channel), limits, columns, buffer)
            fields = {
                "activation": buffer,
                "weight": row if number == 0 else self._ones(builder.parameters, row),
                "passes": self.passes,
                "columns": columns,
                "width": 1,
                "height": 1,
                "accumulator": 0,
                "output": base,
                "output_pitch": columns,
                "first": int(number == 0),
                "last": int(number == count - 1),
            }
            builder.compute(fields, (buffer, buffer + size), (base, base + columns))

    def _ones(self, parameters: Parameters, row: int) -> int:
        return (row + PARAMETER_ROWS) % parameters.weight_rows

    def _load(
        self,
        builder: Builder,
        source: View,
        at: tuple[int, int, int, int],
        limits: tuple[int, int],
        columns: int,
        buffer: int,
    ) -> None:
        """Load the part that begins at `at`, up to the window's `limits` and the image's."""
        image, y, x, channel = at
        lines, cells = self.part
        top, left = max(-y, 0), max(-x, 0)
        high = min(limits[0], source.height, y + lines) - y - top
        wide = min(limits[1], source.width, x + cells) - x - left
        pixel = _pixel(self.shape, builder.parameters)
        pitch = cells * pixel
        if (top, left, high, wide) != (0, 0, lines, cells):
            value = self.operation.input.zero_point - 128
            builder.fill(buffer, pitch, lines, pitch, value)
        if high <= 0 or wide <= 0:
            return
        body = buffer + top * pitch + left * pixel
        for line in range(high):
            memory = source.offset(image, y + top + line, x + left, channel)
            place = body + line * pitch
            if columns == source.pitch:
                builder.load(memory, 0, place, 0, 1, wide * columns)
            else:
                builder.load(memory, source.pitch, place, pixel, wide, columns)


def _pixel(shape: tuple[int, ...], parameters: Parameters) -> int:
    """Bytes of a pixel in the scratchpad: a column tile's channels."""
    return min(parameters.cols, shape[3])


def large_mean_plan(
    operation: AvgPool2d, shape: tuple[int, int, int, int], parameters: Parameters
) -> LargeMeanPlan:
    """Divide the windows of an average pool into parts that fit.

    Parameters
    ----------
    operation : AvgPool2d
    shape : (images, height, width, channels)
        Of the input.
    parameters : Parameters

    Raises
    ------
    ValueError
        If no part fits, or the input is smaller than the window.
    """
    outputs = operation.output_shape(shape)
    if min(outputs) < 1:
        raise ValueError(
            f"input of {operation.name} must be at least as large as the window, "
            f"got {shape[1]} x {shape[2]}"
        )
    columns = _pixel(shape, parameters)
    found: list[LargeMeanPlan] = []
    for part in _candidates(operation, columns, parameters):
        passes = _passes(part, columns, parameters)
        stream = _stream(operation, part, passes, columns, parameters)
        plan = LargeMeanPlan(operation, shape, part, passes, stream)
        if stream.size <= parameters.weight_bytes:
            found.append(plan)
    if not found:
        raise ValueError(
            f"activation_bytes and weight_bytes must be larger to hold one of {_MOST} parts "
            f"of the window of {operation.name}, got {parameters.activation_bytes} and "
            f"{parameters.weight_bytes}"
        )
    chosen = found[0]
    builder = Builder(parameters)
    source = View(0, *shape, shape[3])
    behind = -(-prod(shape) // _PAGE) * _PAGE
    one = View(behind, 1, 1, 1, columns, columns)
    chosen.emit(builder, (source,), 0, one)
    cycles = estimate_cycles(link(builder.drafts, parameters.axi_bytes), parameters)
    times = prod(outputs[:3]) * ceil(shape[3] / columns)
    return LargeMeanPlan(
        *(operation, shape, chosen.part, chosen.passes, chosen.stream, cycles * times)
    )


def _candidates(
    operation: AvgPool2d, pixel: int, parameters: Parameters
) -> Iterator[tuple[int, int]]:
    """Sizes of parts, the widest first."""
    height, width = operation.kernel
    lines, unit, most = (WINDOW, WINDOW, _MOST) if parameters.depthwise else (1, 1, _MOST**2)
    widths = {ceil(ceil(width / across) / unit) * unit for across in range(1, width + 1)}
    for buffers, cells in product(_BUFFERS, sorted(widths, reverse=True)):
        parts = ceil(height / lines) * ceil(width / cells)
        room = buffers * lines * cells * pixel <= parameters.activation_bytes
        if room and parts <= most and cells // unit <= _MOST:
            yield lines, cells


def _passes(part: tuple[int, int], columns: int, parameters: Parameters) -> int:
    if parameters.depthwise:
        return part[1] // WINDOW
    return ceil(prod(part) * columns / parameters.rows)


def _stream(
    operation: AvgPool2d, part: tuple[int, int], passes: int, columns: int, parameters: Parameters
) -> npt.NDArray[np.uint8]:
    """Parameters and ones of a part, for every column tile."""
    rows, pitch = parameters.rows, parameters.weight_row_bytes
    used = (PARAMETER_ROWS + passes * parameters.tile_rows) * pitch
    data = np.zeros(-(-used // parameters.axi_bytes) * parameters.axi_bytes, np.uint8)
    block = data[:used].reshape(-1, pitch)
    height, width = operation.kernel
    cells = ceil(height / part[0]) * ceil(width / part[1]) * prod(part)
    bias = np.array([-(operation.input.zero_point - 128) * cells], "<i4")
    factor = np.array([mean_multiplier(operation)], "<f4")
    block[:4, :columns] = bias.view(np.uint8)[:, None]
    block[4:PARAMETER_ROWS, :columns] = factor.view(np.uint8)[:, None]
    ones = np.zeros((passes, rows, pitch), np.int8)
    if parameters.depthwise:
        ones[:, : WINDOW**2, :columns] = 1
    else:
        index = np.arange(prod(part) * columns)
        ones.reshape(-1, pitch)[index, index % columns] = 1
    block[PARAMETER_ROWS:] = pack(ones, parameters.weight_bits).reshape(-1, pitch)
    return data
