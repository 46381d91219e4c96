"""From a tiling to instructions: the order of the program, tokens and buffers.

Program order is one that could run sequentially, with each unit's instructions placed early
enough to overlap: loads of the next tile before the computing of a tile, weights some chunks
ahead of their use, and never so many for one unit that its queue holds up the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .isa import Instruction, Opcode, Unit
from .parameters import Parameters
from .problem import Problem
from .tiling import Tile, Tiling
from .weight_stream import Chunk, WeightPlan, WeightStream, chunks

__all__ = ["Clamp", "MemoryMap", "emit"]

_AHEAD = 6  # instructions given to a unit ahead of the others; its queue holds 8
# Memory answers in the order of requests: what computing starts with has to be asked for first.
_HELD = 2  # chunks of weights that do not wait for the first tile's load
_OPENS = 3  # the second tile's load waits for this chunk
_LOAD, _WEIGHT, _COMPUTE, _STORE = (1 << unit for unit in Unit)


@dataclass(frozen=True)
class MemoryMap:
    """Byte offsets and sizes of a layer's areas in memory, from the base address."""

    input: int
    input_bytes: int
    weights: int
    weights_bytes: int
    output: int
    output_bytes: int
    program: int
    program_bytes: int
    size: int


@dataclass(frozen=True)
class Clamp:
    """Output zero point and bounds, and the padding's value, in int8 (code - 128)."""

    zero_point: int
    low: int
    high: int
    padding: int


@dataclass(frozen=True)
class _Step:
    """One COMPUTE: a chunk of passes of a column tile on a tile of pixels."""

    tile: int
    column_tile: int
    passes: int
    first: bool
    last: bool
    row: int  # of the weight scratchpad
    chunk: Chunk | None  # what has to arrive for this step
    buffer: int  # where it goes


def emit(
    work: Problem,
    tiling: Tiling,
    stream: WeightStream,
    plan: WeightPlan,
    clamp: Clamp,
    memory: MemoryMap,
    parameters: Parameters,
) -> list[Instruction]:
    """Write the program of a layer, `END` included."""
    return _Emitter(work, tiling, stream, plan, clamp, memory, parameters).run()


@dataclass
class _Emitter:
    work: Problem
    tiling: Tiling
    stream: WeightStream
    plan: WeightPlan
    clamp: Clamp
    memory: MemoryMap
    parameters: Parameters
    held: bool = False  # fetch `_HELD` waits for the first tile's load
    opens: int = -1  # the fetch that the second tile's load waits for
    program: list[Instruction] = field(default_factory=list)
    loads: deque[tuple[int, Instruction]] = field(default_factory=deque)
    stores: deque[tuple[int, Instruction]] = field(default_factory=deque)

    def run(self) -> list[Instruction]:
        steps = list(self._steps())
        fetches = [step for step in steps if step.chunk]
        # A slot's last user must come before the fetch that overwrites it.
        ahead = min(_AHEAD, self.plan.slots - 1) if self.plan.slots else _AHEAD
        fetched = computed = 0
        buffers = self.tiling.activation_buffers
        self.held = len(fetches) > _HELD
        if buffers > 1 and len(self.tiling.tiles) > 1:
            self.opens = min(_OPENS, ahead, len(fetches) - 1)
        self.loads.extend(self._loads(0))
        for index, step in enumerate(steps):
            begins = index == 0 or steps[index - 1].tile != step.tile
            ends = index + 1 == len(steps) or steps[index + 1].tile != step.tile
            if index == 0:
                self._fetch(fetches[0], 0)
                self._flush(self.loads, 0)
                self._setup()
                fetched = 1
            while fetched < min(computed + ahead + 1, len(fetches)):
                self._fetch(fetches[fetched], fetched)
                fetched += 1
            if begins and 0 < step.tile + buffers - 1 < len(self.tiling.tiles):
                self.loads.extend(self._loads(step.tile + buffers - 1))
            self._flush(self.loads, step.tile, _AHEAD if begins else _AHEAD // 2)
            computed += step.chunk is not None
            releases = 0 < self.plan.slots <= len(fetches) - computed
            self._compute(step, begins, ends, releases)
            self._flush(self.stores, -1, _AHEAD)
        self._flush(self.stores, len(steps))
        self.program.append(Instruction(Opcode.END, {}))
        return self.program

    def _flush(self, queue: deque[tuple[int, Instruction]], until: int, extra: int = 0) -> None:
        """Emit what is queued for tiles (or groups) up to `until`, and up to `extra` more."""
        while queue and (queue[0][0] <= until or extra > 0):
            extra -= queue[0][0] > until
            self.program.append(queue.popleft()[1])

    def _steps(self) -> Iterator[_Step]:
        pitch, plan = self.parameters.weight_row_bytes, self.plan
        fetched = 0
        for tile in range(len(self.tiling.tiles)):
            for column_tile in range(len(self.work.column_tiles)):
                if plan.slots == 0 and tile:
                    row = column_tile * self.stream.tile_bytes // pitch
                    passes = self.stream.passes
                    yield _Step(tile, column_tile, passes, True, True, row, None, 0)
                    continue
                sizes = plan.sizes if tile or column_tile else plan.first_sizes
                for chunk in chunks(self.stream, column_tile, sizes, self.parameters):
                    buffer = fetched % plan.slots * plan.slot_bytes if plan.slots else chunk.memory
                    row = (buffer + chunk.skip) // pitch
                    last = chunk.end == self.stream.passes
                    passes = chunk.end - chunk.start
                    yield _Step(
                        *(tile, column_tile, passes, chunk.start == 0, last, row, chunk, buffer)
                    )
                    fetched += 1

    def _setup(self) -> None:
        geometry, clamp = self.tiling.cut.geometry, self.clamp
        step_y = self.work.vertical.window_step * self.tiling.cut.pitch
        fields = {
            "run": geometry.run,
            "taps": geometry.taps,
            "tap_pitch": geometry.tap_pitch,
            "lines": geometry.lines,
            "line_pitch": geometry.line_pitch,
            "pack_taps": int(geometry.pack_taps),
            "pack_lines": int(geometry.pack_lines),
            "step_x": self.work.horizontal.window_step * self.work.channels,
            "step_y": step_y,
            "zero_point": clamp.zero_point,
            "low": clamp.low,
            "high": clamp.high,
        }
        self.program.append(Instruction(Opcode.SETUP, fields))

    def _fetch(self, step: _Step, index: int) -> None:
        chunk = step.chunk
        assert chunk is not None
        fields = _transfer(self.memory.weights + chunk.memory, 0, step.buffer, 0, 1, chunk.size)
        wait = _COMPUTE if 0 < self.plan.slots <= index else 0
        wait |= _LOAD if self.held and index == _HELD else 0
        signal = _COMPUTE | (_LOAD if index == self.opens else 0)
        self.program.append(Instruction(Opcode.WEIGHT, fields, wait, signal))

    def _compute(self, step: _Step, begins: bool, ends: bool, releases: bool) -> None:
        tile = self.tiling.tiles[step.tile]
        column = self.work.column_tiles[step.column_tile]
        group, base, first, end = self._output(step.tile, step.column_tile)
        wait = _WEIGHT if step.chunk else 0
        signal = _WEIGHT if releases else 0
        if begins:
            wait |= _LOAD
        if ends and step.tile + self.tiling.activation_buffers < len(self.tiling.tiles):
            signal |= _LOAD
        if step.last and column.start == first and group >= self.tiling.output_buffers:
            self._flush(self.stores, group - self.tiling.output_buffers)
            wait |= _STORE
        closes = step.last and column.start + column.count == end
        if closes:
            signal |= _STORE
        fields = {
            "activation": self._buffer(step.tile) + column.channel,
            "weight": step.row,
            "passes": step.passes,
            "columns": column.count,
            "width": tile.width,
            "height": tile.height,
            "accumulator": 0,
            "output": base + column.start - first,
            "output_pitch": end - first,
            "first": int(step.first),
            "last": int(step.last),
        }
        self.program.append(Instruction(Opcode.COMPUTE, fields, wait, signal))
        if closes:
            self.stores.extend(self._stores(step.tile, group, base, first, end))

    def _buffer(self, tile: int) -> int:
        """Address of a tile's activation buffer."""
        buffers = self.tiling.activation_buffers
        return tile % buffers * (self.parameters.activation_bytes // buffers)

    def _output(self, tile: int, column_tile: int) -> tuple[int, int, int, int]:
        """Group number, buffer address, and first and last-plus-one channel of a column tile."""
        columns, size = self.work.column_tiles, self.tiling.cut.group
        group = tile * -(-len(columns) // size) + column_tile // size
        buffers = self.tiling.output_buffers
        base = group % buffers * (self.parameters.output_bytes // buffers)
        members = columns[column_tile // size * size :][:size]
        return group, base, members[0].start, members[-1].start + members[-1].count

    def _loads(self, number: int) -> Iterator[tuple[int, Instruction]]:
        tile = self.tiling.tiles[number]
        transfers = list(self._rectangle(tile, self._buffer(number)))
        if number >= self.tiling.activation_buffers:
            transfers[0] = replace(transfers[0], wait=_COMPUTE)
        elif number and self.opens >= 0:
            transfers[0] = replace(transfers[0], wait=_WEIGHT)
        signal = _COMPUTE | (_WEIGHT if number == 0 and self.held else 0)
        transfers[-1] = replace(transfers[-1], signal=signal)
        return ((number, transfer) for transfer in transfers)

    def _rectangle(self, tile: Tile, buffer: int) -> Iterator[Instruction]:
        """Padding and input under a tile."""
        vertical, horizontal = self.work.vertical, self.work.horizontal
        channels, pitch = self.work.channels, self.tiling.cut.pitch
        top, rows, y = vertical.real(tile.y, tile.height)
        left, columns, x = horizontal.real(tile.x, tile.width)
        line = horizontal.cells(tile.width) * channels
        right = line - (left + columns) * channels
        bottom = vertical.cells(tile.height) - top - rows
        body = buffer + top * pitch
        yield from self._fill(buffer, top, line)
        if columns == 0:
            yield from self._fill(body, rows, line)
        else:
            yield from self._fill(body, rows, left * channels)
            yield from self._fill(body + line - right, rows, right)
        yield from self._fill(body + rows * pitch, bottom, line)
        if not rows or not columns:
            return
        source_line = horizontal.size * channels
        source = self.memory.input + (tile.image * vertical.size + y) * source_line + x * channels
        body += left * channels
        if horizontal.step > 1:  # every pixel is a row, for each line anew
            step = horizontal.step * channels
            for row in range(rows):
                origin = source + row * vertical.step * source_line
                fields = _transfer(origin, step, body + row * pitch, channels, columns, channels)
                yield Instruction(Opcode.LOAD, fields)
            return
        memory_pitch, size = vertical.step * source_line, columns * channels
        if size == pitch == memory_pitch:  # the lines touch on both sides
            rows, size = 1, rows * size
        yield Instruction(Opcode.LOAD, _transfer(source, memory_pitch, body, pitch, rows, size))

    def _fill(self, buffer: int, rows: int, row_bytes: int) -> Iterator[Instruction]:
        if rows and row_bytes:
            fields = _transfer(0, 0, buffer, self.tiling.cut.pitch, rows, row_bytes)
            yield Instruction(Opcode.FILL, {**fields, "value": self.clamp.padding})

    def _stores(
        self, number: int, group: int, base: int, first: int, end: int
    ) -> Iterator[tuple[int, Instruction]]:
        tile, channels = self.tiling.tiles[number], self.work.out_channels
        width, count = self.work.horizontal.out, end - first
        pixel = (tile.image * self.work.vertical.out + tile.y) * width + tile.x
        target = self.memory.output + pixel * channels + first
        whole = tile.width == width or tile.height == 1
        if count == channels and whole:
            rows = [_transfer(target, 0, base, 0, 1, tile.pixels * count)]
        elif count == channels:
            size = tile.width * count
            rows = [_transfer(target, width * channels, base, size, tile.height, size)]
        elif whole:
            rows = [_transfer(target, channels, base, count, tile.pixels, count)]
        else:
            rows = [
                _transfer(
                    *(target + y * width * channels, channels),
                    *(base + y * tile.width * count, count, tile.width, count),
                )
                for y in range(tile.height)
            ]
        for index, fields in enumerate(rows):
            wait = _COMPUTE if index == 0 else 0
            more = group + self.tiling.output_buffers < self._groups()
            signal = _COMPUTE if index == len(rows) - 1 and more else 0
            yield group, Instruction(Opcode.STORE, fields, wait, signal)

    def _groups(self) -> int:
        return len(self.tiling.tiles) * -(-len(self.work.column_tiles) // self.tiling.cut.group)


def _transfer(
    memory: int, memory_pitch: int, buffer: int, buffer_pitch: int, rows: int, row_bytes: int
) -> dict[str, int]:
    return {
        "memory": memory,
        "memory_pitch": memory_pitch,
        "buffer": buffer,
        "buffer_pitch": buffer_pitch,
        "rows": rows,
        "row_bytes": row_bytes,
        "value": 0,
    }
