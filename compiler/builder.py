"""Collects a program's drafts and allocates scratchpad buffers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..spec.isa import PARAMETER_ROWS, RECORD_BYTES, TABLE_BYTES, Mode, Opcode
from ..spec.isa_names import RowFunction
from ..spec.isa_row import NORM_ENTRY, SOFTMAX_ENTRY
from ..spec.parameters import Parameters
from ..spec.weight_widths import WIDTHS, packed_rows
from .drafts import Draft, Region, Space

__all__ = ["Builder", "View"]

_REMEMBERED = 16  # buffers
_ALIGNMENT = 64  # bytes; no two buffers share a grain of `ordering`


@dataclass(frozen=True)
class View:
    """Pixels of a tensor in memory; in an input of a concatenation, `pitch` exceeds `channels`.

    Parameters
    ----------
    base : int
        Byte offset of the first pixel's first channel.
    images, height, width, channels : int
        A tensor of shape (N, K) is N images of one pixel each.
    pitch : int
        Bytes from one pixel to the next.
    line_pitch, image_pitch : int
        Bytes from one line, or image, to the next; 0 where they follow each other.
    """

    base: int
    images: int
    height: int
    width: int
    channels: int
    pitch: int
    line_pitch: int = 0
    image_pitch: int = 0

    @property
    def line(self) -> int:
        """Bytes from one line to the next."""
        return self.line_pitch or self.width * self.pitch

    @property
    def even(self) -> bool:
        """Whether all pixels follow each other at the same pitch."""
        return not (self.line_pitch or self.image_pitch)

    @property
    def pixels(self) -> int:
        """Number of pixels in all images."""
        return self.images * self.height * self.width

    @property
    def dense(self) -> bool:
        """Whether pixels are contiguous."""
        return self.pitch == self.channels and self.even

    def offset(self, image: int, y: int = 0, x: int = 0, channel: int = 0) -> int:
        """Byte offset of an element."""
        line = image * (self.image_pitch or self.height * self.line) + y * self.line
        return self.base + line + x * self.pitch + channel


class _Room:
    """Allocates buffers in a scratchpad, always reusing the oldest place."""

    def __init__(self, size: int, alignment: int) -> None:
        self._size, self._alignment = size, alignment
        self._taken: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)  # newest first

    def take(self, size: int) -> int:
        """Address of the next buffer; it overwrites older buffers."""
        most = (self._size - size) // self._alignment * self._alignment
        places = [0, most]  # large buffers alternate between the two ends
        if size <= self._size // 3:
            ends = [-(-end // self._alignment) * self._alignment for _, end in self._taken]
            places = [end for end in ends if end <= most] + places
        address = max(places, key=lambda place: self._age(place, size))
        self._taken.appendleft((address, address + size))
        return address

    def take_several(self, size: int, most: int) -> list[int]:
        """Addresses of adjacent buffers; they overwrite older buffers."""
        whole = -(-size // self._alignment) * self._alignment
        count = max(min(most, (self._size - size) // whole + 1), 1)
        age = {start: self._age(start, size) for start in range(0, self._size - size + 1, whole)}
        base = self.take((count - 1) * whole + size)
        return sorted((base + i * whole for i in range(count)), key=lambda a: -age.get(a, 0))

    def _age(self, address: int, size: int) -> int:
        """Count the buffers newer than the newest one that would be overwritten."""
        for age, (start, end) in enumerate(self._taken):
            if start < address + size and address < end:
                return age
        return len(self._taken)


@dataclass
class Builder:
    """Appends drafts in an order that is correct when executed sequentially.

    Parameters
    ----------
    parameters : Parameters
    scratch : int
        Byte offset of memory in which an operation may keep what its own passes hand on.
    drafts : list of Draft
    table : int, optional
        Memory offset of the table behind the operation being appended, None if it has none.
    """

    parameters: Parameters
    scratch: int = 0
    drafts: list[Draft] = field(default_factory=list[Draft])
    table: int | None = None

    def __post_init__(self) -> None:
        p = self.parameters
        alignment = max(_ALIGNMENT, p.activation_banks)
        self._activation = _Room(p.activation_bytes, alignment)
        self._output = _Room(p.output_bytes, _ALIGNMENT)
        self._weight = 0
        self._row_setup: dict[str, int] = {}
        self._row_tables: dict[RowFunction, int] = {}  # memory offset of each function's table
        self._mode = Mode.DENSE
        self._tile_rows = p.rows  # of the weight scratchpad

    def activation_buffer(self, size: int) -> int:
        """Address of a buffer in the activation scratchpad."""
        return self._activation.take(size)

    def activation_buffers(self, size: int, most: int) -> list[int]:
        """Addresses of up to `most` adjacent buffers of one size, in the oldest place."""
        return self._activation.take_several(size, most)

    def output_buffer(self, size: int) -> int:
        """Address of a buffer in the output scratchpad."""
        return self._output.take(size)

    def load(
        self, memory: int, pitch: int, buffer: int, buffer_pitch: int, rows: int, row_bytes: int
    ) -> Draft:
        """Load rows of bytes into the activation scratchpad."""
        fields = _transfer(memory, pitch, buffer, buffer_pitch, rows, row_bytes)
        source = _rows(Space.MEMORY, memory, pitch, rows, row_bytes)
        target = _rows(Space.ACTIVATION, buffer, buffer_pitch, rows, row_bytes)
        return self._add(Opcode.LOAD, fields, (source,), (target,))

    def fill(self, buffer: int, pitch: int, rows: int, row_bytes: int, value: int) -> None:
        """Fill rows of bytes in the activation scratchpad; no draft if there are none."""
        if rows and row_bytes:
            fields = _transfer(0, 0, buffer, pitch, rows, row_bytes) | {"value": value}
            target = Region(Space.ACTIVATION, buffer, buffer + (rows - 1) * pitch + row_bytes)
            self._add(Opcode.FILL, fields, (), (target,))

    def weight_buffer(self, size: int) -> int:
        """Address of a buffer in the weight scratchpad; it may wrap at the end."""
        p, buffer = self.parameters, self._weight
        alignment = max(p.axi_bytes, p.weight_row_bytes)
        self._weight = (buffer + -(-size // alignment) * alignment) % p.weight_bytes
        return buffer

    def weights(
        self, memory: int, buffer: int, size: int, *, after: tuple[Draft, ...] = ()
    ) -> Draft:
        """Load bytes of a weight stream, a multiple of the bus width, into a buffer."""
        fields = _transfer(memory, 0, buffer, 0, 1, size)
        draft = self._add(Opcode.WEIGHT, fields, (), self._weight_regions(buffer, size))
        draft.after = after
        return draft

    def gather(
        self,
        memory: int,
        pitch: int,
        buffer: int,
        shape: tuple[int, int],
        tiles: int,
        tile_pitch: int,
        *,
        transposed: bool,
    ) -> None:
        """Fill weight tiles with a tensor's bytes; `shape` is a tile's rows and their bytes."""
        p, (rows, row_bytes) = self.parameters, shape
        fields = {"memory": memory, "memory_pitch": pitch, "buffer": buffer}
        fields |= {"rows": rows, "row_bytes": row_bytes, "tiles": tiles}
        fields |= {"tile_pitch": tile_pitch, "transposed": int(transposed)}
        sources = tuple(
            _rows(Space.MEMORY, memory + tile * tile_pitch, pitch, rows, row_bytes)
            for tile in range(tiles)
        )
        size = tiles * p.rows * p.weight_row_bytes
        self._add(Opcode.GATHER, fields, sources, self._weight_regions(buffer, size))

    def setup(self, fields: dict[str, int]) -> None:
        """Pass a layer's geometry to the compute unit."""
        self._mode = Mode(fields.get("mode", Mode.DENSE))
        bits = WIDTHS[fields.get("weight_width", 0)]
        self._tile_rows = packed_rows(self.parameters.rows, bits)
        self._add(Opcode.SETUP, fields)
        self._load_table()

    def setup_add(self, fields: dict[str, int]) -> None:
        """Pass the factors of an addition to the compute unit."""
        self._mode = Mode.ADD
        self._add(Opcode.SETUP_ADD, fields)
        self._load_table()

    def setup_mul(self, fields: dict[str, int]) -> None:
        """Pass the multiplier of a product to the compute unit."""
        self._mode = Mode.MUL
        self._add(Opcode.SETUP_MUL, fields)
        self._load_table()

    def _load_table(self) -> None:
        """Bring the operation's table to the array; every setup makes it forget the last one."""
        if self.table is None:
            return
        buffer = self.activation_buffer(TABLE_BYTES)
        self.load(self.table, 0, buffer, 0, 1, TABLE_BYTES)
        region = Region(Space.ACTIVATION, buffer, buffer + TABLE_BYTES)
        self._add(Opcode.TABLE, {"activation": buffer}, (region,))

    def compute(
        self, fields: dict[str, int], reads: tuple[int, ...], writes: tuple[int, int]
    ) -> Draft:
        """Compute a tile.

        Parameters
        ----------
        fields : dict of str to int
        reads, writes : (int, int)
            Start and end (exclusive) of its buffers in the activation and the output
            scratchpad; what is read may have a pitch and a length of rows, as a `Region`.
        """
        regions: tuple[Region, ...] = (Region(Space.ACTIVATION, *reads),)
        if self._mode in (Mode.DENSE, Mode.DEPTHWISE):
            row = self.parameters.weight_row_bytes
            opens = fields["first"] and not fields.get("kept")
            rows = fields["passes"] * self._tile_rows + PARAMETER_ROWS * opens
            regions += self._weight_regions(fields["weight"] * row, rows * row)
        target = (Region(Space.OUTPUT, *writes),) if fields["last"] else ()
        return self._add(Opcode.COMPUTE, fields, regions, target)

    def row_table(
        self, fields: dict[str, int], memory: int, size: int, copy: Callable[..., None]
    ) -> tuple[Region, ...]:
        """Set up a function of rows, with its table in memory, unless both are there.

        The compute unit must copy, which `copy` makes it do. The table's place in the output
        scratchpad, which is returned, is free when the next store has completed.
        """
        function = RowFunction(fields["function"])
        if self._row_setup != fields:
            self._add(Opcode.SETUP_ROW, fields)
            self._row_setup = fields
        if self._row_tables.get(function) == memory:
            return ()
        self._row_tables[function] = memory
        buffer, base = self.activation_buffer(size), self.output_buffer(size)
        self.load(memory, 0, buffer, 0, 1, size)
        copy(self, buffer, base, size)
        entry = SOFTMAX_ENTRY if function == RowFunction.SOFTMAX else NORM_ENTRY
        region = Region(Space.OUTPUT, base, base + size)
        self._add(Opcode.ROW_TABLE, {"buffer": base, "entries": size // entry}, (region,))
        return (region,)

    def rows(self, buffer: int, rows: int, elements: int) -> None:
        """Replace adjacent rows in the output scratchpad by the function of rows."""
        fields = {"buffer": buffer, "buffer_pitch": elements, "rows": rows, "elements": elements}
        region = Region(Space.OUTPUT, buffer, buffer + rows * elements)
        self._add(Opcode.ROWS, fields, (region,), (region,))

    def store(
        self,
        memory: int,
        pitch: int,
        buffer: int,
        buffer_pitch: int,
        rows: int,
        row_bytes: int,
        *,
        frees: tuple[Region, ...] = (),
    ) -> None:
        """Write rows of bytes from the output scratchpad to memory.

        Its token also stands for the unit's earlier accesses to `frees`, which have none.
        """
        fields = _transfer(memory, pitch, buffer, buffer_pitch, rows, row_bytes)
        source = Region(Space.OUTPUT, buffer, buffer + (rows - 1) * buffer_pitch + row_bytes)
        target = _rows(Space.MEMORY, memory, pitch, rows, row_bytes)
        self._add(Opcode.STORE, fields, (source, *frees), (target,))

    def record(self, memory: int, *, interrupt: bool) -> None:
        """Write the counters to memory when all earlier stores have completed."""
        fields = _transfer(memory, 0, 0, 0, 1, RECORD_BYTES) | {"value": int(interrupt)}
        region = Region(Space.MEMORY, memory, memory + RECORD_BYTES)
        self._add(Opcode.RECORD, fields, (), (region,))

    def _add(
        self,
        opcode: Opcode,
        fields: dict[str, int],
        reads: tuple[Region, ...] = (),
        writes: tuple[Region, ...] = (),
    ) -> Draft:
        self.drafts.append(Draft(opcode, fields, reads, writes))
        return self.drafts[-1]

    def _weight_regions(self, start: int, size: int) -> tuple[Region, ...]:
        """Return a range of the weight scratchpad, split in two if it wraps."""
        limit = self.parameters.weight_bytes
        if start + size <= limit:
            return (Region(Space.WEIGHT, start, start + size),)
        return (
            Region(Space.WEIGHT, start, limit),
            Region(Space.WEIGHT, 0, start + size - limit),
        )


def _rows(space: Space, start: int, pitch: int, rows: int, row_bytes: int) -> Region:
    end = start + (rows - 1) * pitch + row_bytes
    if rows == 1 or pitch <= row_bytes:
        return Region(space, start, end)
    return Region(space, start, end, pitch, row_bytes)


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
