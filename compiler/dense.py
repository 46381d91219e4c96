"""Drafts of a convolution or linear layer on the whole array: tiles of pixels by columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..spec.isa import Mode
from ..spec.weight_widths import WIDTH_CODES
from .builder import Builder, View
from .drafts import Draft
from .problem import ColumnTile, Problem
from .tiling import Tile, Tiling, tile_bytes
from .weight_stream import Chunk, WeightPlan, WeightStream, chunks

__all__ = ["Clamp", "dense"]

# Memory answers in request order, so the first data to be computed on must be requested first.
_HELD = 2  # chunks of weights that do not wait for the first tile's load
_OPENS = 3  # the second tile's load waits for this chunk
_SPLIT = 4096  # bytes of the first tile from which on it is loaded by parts of its channels


_Transfer = tuple[int, int, int, int, int, int]


@dataclass(frozen=True)
class Clamp:
    """Output zero point and bounds, and the padding's value, in int8 (code - 128)."""

    zero_point: int
    low: int
    high: int
    padding: int


def dense(
    builder: Builder,
    work: Problem,
    tiling: Tiling,
    stream: WeightStream,
    plan: WeightPlan,
    clamp: Clamp,
    source: View,
    weights: int,
    target: View,
) -> None:
    """Append a layer's drafts.

    Parameters
    ----------
    builder : Builder
    work : Problem
    tiling : Tiling
    stream : WeightStream
    plan : WeightPlan
    clamp : Clamp
    source, target : View
        Input and output in memory.
    weights : int
        Byte offset of the stream in memory.
    """
    _Dense(builder, work, tiling, stream, plan, clamp, source, weights, target).run()


@dataclass
class _Dense:
    builder: Builder
    work: Problem
    tiling: Tiling
    stream: WeightStream
    plan: WeightPlan
    clamp: Clamp
    source: View
    weights: int
    target: View
    first_load: Draft | None = None
    last_part: Draft | None = None  # of the first tile's load
    second: Draft | None = None  # fetches the first weights of the second column tile
    begun: Draft | None = None  # the first command of the tile before
    paced: bool = False  # the first tile was loaded by parts
    split: bool = False  # the first tile is loaded by parts, in the order of its passes
    fetched: list[Draft] = field(default_factory=list[Draft])
    kept: list[list[tuple[Chunk, int]]] = field(  # by column tile
        default_factory=list[list[tuple[Chunk, int]]]
    )

    def run(self) -> None:
        opening = not self.builder.drafts
        self._setup()
        tiles = self.tiling.tiles
        if self.plan.resident:
            self._keep()
        for number, tile in enumerate(tiles):
            after = self._earlier(number, opening)
            size = tile_bytes(self.work, self.tiling.cut.pitch, tile.height, tile.width)
            buffer = self.builder.activation_buffer(size)
            self.split = number == 0 and self._splits(tile)
            loads = self._rectangle(tile, buffer, after)
            if opening and number == 0 and not self.split:
                self.first_load = loads
            if self.split or (len(tiles) == 1 and not opening):
                self.last_part, self.paced = loads, self.split
            self.begun = None
            for members in self._groups():
                self._group(number, tile, members, (buffer, buffer + size))

    def _earlier(self, number: int, opening: bool) -> tuple[Draft, ...]:
        """Drafts that a tile's load waits for.

        Loads are requested far ahead of their data: without a wait, the bus brings all tiles
        before the weights that the first one needs.
        """
        after: list[Draft] = []
        if opening and number == 1 and len(self.fetched) > _OPENS:
            after.append(self.fetched[_OPENS])
        if self.paced and number == 1 and self.second:
            after.append(self.second)
        if self.paced and number > 1 and self.begun:
            after.append(self.begun)
        return tuple(after)

    def _setup(self) -> None:
        geometry, clamp = self.tiling.cut.geometry, self.clamp
        fields = {
            "run": geometry.run,
            "taps": geometry.taps,
            "tap_pitch": geometry.tap_pitch,
            "lines": geometry.lines,
            "line_pitch": geometry.line_pitch,
            "pack_taps": int(geometry.pack_taps),
            "pack_lines": int(geometry.pack_lines),
            "step_x": self.work.horizontal.window_step * self.work.channels,
            "step_y": self.work.vertical.window_step * self.tiling.cut.pitch,
            "zero_point": clamp.zero_point,
            "low": clamp.low,
            "high": clamp.high,
            "mode": Mode.DENSE,
            "weight_width": WIDTH_CODES[self.work.weight_bits],
        }
        unused = dict.fromkeys(("window_height", "window_width", "stride_y", "stride_x"), 0)
        self.builder.setup(fields | unused)

    def _groups(self) -> Iterator[list[tuple[int, ColumnTile]]]:
        """Column tiles that share an output buffer, with their numbers."""
        columns, size = list(enumerate(self.work.column_tiles)), self.tiling.cut.group
        for start in range(0, len(columns), size):
            yield columns[start : start + size]

    def _group(
        self,
        number: int,
        tile: Tile,
        members: list[tuple[int, ColumnTile]],
        reads: tuple[int, int],
    ) -> None:
        """Compute a group of column tiles on a tile of pixels and store the result."""
        first, last = members[0][1].start, members[-1][1].start + members[-1][1].count
        size = tile.pixels * (last - first)
        base = self.builder.output_buffer(size)
        for index, column in members:
            for chunk, row in self._chunks(number, index):
                taken = reads
                if self.split and index == 0:
                    taken = self._channels(chunk, tile, reads[0])
                fields = {
                    "activation": reads[0] + column.channel,
                    "weight": row,
                    "passes": chunk.end - chunk.start,
                    "columns": column.count,
                    "width": tile.width,
                    "height": tile.height,
                    "accumulator": 0,
                    "output": base + column.start - first,
                    "output_pitch": last - first,
                    "first": int(chunk.start == 0),
                    "last": int(chunk.end == self.stream.passes),
                }
                draft = self.builder.compute(fields, taken, (base, base + size))
                self.begun = self.begun or draft
        self._store(tile, base, first, last)

    def _splits(self, tile: Tile) -> bool:
        """Whether a first tile's passes take channel after channel, and it takes long to load.

        The array can start on the first channels then while the others are loaded, or are still
        computed by the layer before.
        """
        geometry, channels = self.tiling.cut.geometry, self.work.channels
        one = geometry.lines == geometry.taps == tile.height == 1 and geometry.run == channels
        return one and tile.width * channels >= _SPLIT and len(self.plan.first_sizes) > 1

    def _channels(self, chunk: Chunk, tile: Tile, buffer: int) -> tuple[int, int, int, int]:
        """Bytes that a chunk's passes read in each pixel of a tile: start, end, pitch, length."""
        rows, channels = self.builder.parameters.rows, self.work.channels
        low, high = rows * chunk.start, min(rows * chunk.end, channels)
        last = buffer + (tile.width - 1) * channels
        return buffer + low, last + high, channels, high - low

    def _keep(self) -> None:
        """Reserve space for the whole stream; its chunks are fetched with the first tile."""
        base = self.builder.weight_buffer(self.stream.size)
        for index in range(len(self.work.column_tiles)):
            sizes = self.plan.sizes if index else self.plan.first_sizes
            cut = chunks(self.stream, index, sizes, self.builder.parameters)
            self.kept.append([(chunk, base + chunk.memory) for chunk in cut])

    def _chunks(self, number: int, index: int) -> Iterator[tuple[Chunk, int]]:
        """Fetch a column tile's chunks; yield them with their rows in the scratchpad."""
        p = self.builder.parameters
        if self.kept and number:
            chunk = chunks(self.stream, index, self.plan.sizes, p)[0]
            yield chunk, self.kept[index][0][1] % p.weight_bytes // p.weight_row_bytes
            return
        if self.kept:
            placed = self.kept[index]
        else:
            sizes = self.plan.sizes if number or index else self.plan.first_sizes
            cut = chunks(self.stream, index, sizes, p)
            placed = [(chunk, self.builder.weight_buffer(chunk.size)) for chunk in cut]
        for chunk, buffer in placed:
            after = ()
            if self.first_load and len(self.fetched) == _HELD:
                after = (self.first_load,)
            second = index == 1 and self.last_part is not None
            if self.last_part and second:
                after, self.last_part = (*after, self.last_part), None
            memory = self.weights + chunk.memory
            wrapped = buffer % p.weight_bytes
            self.fetched.append(self.builder.weights(memory, wrapped, chunk.size, after=after))
            if second:
                self.second = self.fetched[-1]
            yield chunk, (wrapped + chunk.skip) % p.weight_bytes // p.weight_row_bytes

    def _rectangle(self, tile: Tile, buffer: int, after: tuple[Draft, ...]) -> Draft | None:
        """Load a tile's input and fill its padding; return the last transfer from memory."""
        vertical, horizontal = self.work.vertical, self.work.horizontal
        channels, pitch = self.work.channels, self.tiling.cut.pitch
        fill, value = self.builder.fill, self.clamp.padding
        top, rows, y = vertical.real(tile.y, tile.height)
        left, columns, x = horizontal.real(tile.x, tile.width)
        line = horizontal.cells(tile.width) * channels
        right = line - (left + columns) * channels
        bottom = vertical.cells(tile.height) - top - rows
        fill(buffer, pitch, top, line, value)
        body = buffer + top * pitch
        if columns == 0:
            fill(body, pitch, rows, line, value)
        else:
            fill(body, pitch, rows, left * channels, value)
            fill(body + line - right, pitch, rows, right, value)
        fill(body + rows * pitch, pitch, bottom, line, value)
        if not rows or not columns:
            return None
        load = None
        loads = self._loads((tile.image, y, x), (rows, columns), body + left * channels)
        if self.split:
            loads = (part for line in loads for part in self._parts(line, columns))
        for source, line_pitch, target, target_pitch, count, size in loads:
            load = self.builder.load(source, line_pitch, target, target_pitch, count, size)
            load.after, after = after, ()
        return load

    def _parts(self, transfer: _Transfer, columns: int) -> Iterator[_Transfer]:
        """Split the transfer of a line of pixels by the channels of the first chunks."""
        source, _, target, *_ = transfer
        rows, channels = self.builder.parameters.rows, self.work.channels
        pitch = self.work.horizontal.step * self.source.pitch
        start = 0
        for passes in self.plan.first_sizes:
            size = min(rows * passes, channels - start)
            yield source + start, pitch, target + start, channels, columns, size
            start += size

    def _loads(
        self, origin: tuple[int, int, int], size: tuple[int, int], body: int
    ) -> Iterator[_Transfer]:
        """Transfers of a tile's `rows` x `columns` input cells."""
        vertical, horizontal = self.work.vertical, self.work.horizontal
        channels, pitch = self.work.channels, self.tiling.cut.pitch
        (image, y, x), (rows, columns) = origin, size
        pixel = (image * vertical.size + y) * horizontal.size + x
        source = self.source.base + pixel * self.source.pitch
        line = vertical.step * horizontal.size * self.source.pitch
        if horizontal.step > 1 or not self.source.dense:  # one row per pixel
            step = horizontal.step * self.source.pitch
            for row in range(rows):
                yield source + row * line, step, body + row * pitch, channels, columns, channels
            return
        count = columns * channels
        if count == pitch == line:  # lines are contiguous in both source and buffer
            rows, count = 1, rows * count
        yield source, line, body, pitch, rows, count

    def _store(self, tile: Tile, base: int, first: int, last: int) -> None:
        height, width = self.work.vertical.out, self.work.horizontal.out
        count, pitch = last - first, self.target.pitch
        if not self.target.even:
            self._store_lines(tile, base, first, count)
            return
        pixel = (tile.image * height + tile.y) * width + tile.x
        target = self.target.base + pixel * pitch + first
        store, line = self.builder.store, tile.width * count
        whole = tile.width == width or tile.height == 1
        if count == pitch and whole:
            store(target, 0, base, 0, 1, tile.pixels * count)
        elif count == pitch:
            store(target, width * pitch, base, line, tile.height, line)
        elif whole:
            store(target, pitch, base, count, tile.pixels, count)
        else:
            for y in range(tile.height):
                store(target + y * width * pitch, pitch, base + y * line, count, tile.width, count)

    def _store_lines(self, tile: Tile, base: int, first: int, count: int) -> None:
        """Store a tile whose lines do not follow each other in memory."""
        for y in range(tile.height):
            memory = self.target.offset(tile.image, tile.y + y, tile.x, first)
            line = base + y * tile.width * count
            self.builder.store(memory, self.target.pitch, line, count, tile.width, count)
