"""Weight unit that also fills tiles with a tensor's bytes: WEIGHT and GATHER."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.parameters import Parameters
from ...spec.registers import UnitState
from ..layouts import unit_port, weight_layout
from ..parts.delay import delay
from .bursts import burst_layout
from .loader import Loader
from .tile_buffer import TileBuffer

__all__ = ["TileGatherer"]

_INSIDE = 23  # bit of an address: of the tile buffer, not of the scratchpad
#: Keeps that bit set: a beat's first byte may lie before the tile's.
_MARGIN = 1 << 22


class TileGatherer(wiring.Component):
    """Executes WEIGHT as `Loader` does, and GATHER by way of a `TileBuffer`.

    A tile's rows are loaded like any rows of bytes, into one square of the buffer while the other
    one is copied to the scratchpad, by rows or columns. GATHER's tokens are given one cycle after
    its last write; the next command starts then.

    Parameters
    ----------
    parameters : Parameters

    Members
    -------
    i : commands with their token masks
    halt, held, take, give, read_request, read_data, range_error, state : as of `Loader`
    write_enable, write_address, write_data : scratchpad write port, whole beats
    """

    i: stream.Interface
    read_request: stream.Interface
    read_data: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        width = parameters.axi_bytes
        super().__init__(
            unit_port(weight_layout(parameters))
            | {
                "read_request": Out(stream.Signature(burst_layout())),
                "read_data": In(stream.Signature(8 * width)),
                "write_enable": Out(width),
                "write_address": Out(24),
                "write_data": Out(8 * width),
                "range_error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self._parameters
        m.submodules.loader = self._loader = loader = Loader(p, size=1 << 25, fills=False)
        m.submodules.buffer = self._buffer = buffer = TileBuffer(p)
        wiring.connect(m, loader.read_request, wiring.flipped(self.read_request))
        wiring.connect(m, wiring.flipped(self.read_data), loader.read_data)
        inside, marked = Signal(), Signal()  # what was written; a tile has arrived
        m.d.sync += inside.eq(loader.write_address[_INSIDE])
        m.d.comb += [
            loader.halt.eq(self.halt),
            loader.held.eq(self.held),
            self.take.eq(loader.take),
            self.range_error.eq(loader.range_error),
            marked.eq(loader.give.any() & inside),
            buffer.write_enable.eq(Mux(loader.write_address[_INSIDE], loader.write_enable, 0)),
            buffer.write_address.eq(loader.write_address),
            buffer.write_data.eq(loader.write_data),
        ]
        copied = Signal()  # with a tile's last write
        done = self._request(m, copied)
        self._copy(m, marked, copied)
        gives = Signal.like(self.give)
        m.d.sync += gives.eq(Mux(done, self.i.payload.signal, 0))
        m.d.comb += self.give.eq(gives | Mux(inside, 0, loader.give))
        return m

    def _request(self, m: Module, copied: Signal) -> Value:
        """Request a GATHER's tiles while a square is free; return whether all are copied."""
        loader, buffer, command = self._loader, self._buffer, self.i.payload
        fields, rows = command.fields.gather, loader.i.payload.fields
        active, first, second = Signal(), Signal(), Signal()
        memory = Signal(32, reset_less=True)  # of the next tile
        left = Signal(len(fields.tiles), reset_less=True)
        held = Signal(range(3))  # tiles requested and not copied
        asks, asked, done = Signal(), Signal(), Signal()
        m.d.comb += [
            asks.eq(active & left.any() & ~held[1]),
            asked.eq(asks & loader.i.ready),
            done.eq(active & ~left.any() & ~held.any()),
            loader.i.valid.eq(Mux(command.gather, asks, self.i.valid)),
            self.i.ready.eq(Mux(command.gather, done, loader.i.ready)),
            self.state.eq(Mux(held.any(), UnitState.RUNNING, loader.state)),
            loader.i.payload.wait.eq(Mux(command.gather & ~first, 0, command.wait)),
            loader.i.payload.signal.eq(Mux(command.gather, 1, command.signal)),
            rows.eq(command.fields.weight),
        ]
        with m.If(command.gather):
            base = (1 << _INSIDE) + _MARGIN
            m.d.comb += [
                rows.memory.eq(memory),
                rows.memory_pitch.eq(fields.memory_pitch),
                rows.buffer.eq(Mux(second, base + buffer.square, base)),
                rows.buffer_pitch.eq(buffer.row),
                rows.rows.eq(fields.rows),
                rows.row_bytes.eq(fields.row_bytes),
            ]
        m.d.sync += [
            active.eq((active | (self.i.valid & command.gather & ~self.halt)) & ~done),
            held.eq(held + asked - copied),
        ]
        with m.If(~active):
            m.d.sync += [memory.eq(fields.memory), left.eq(fields.tiles), first.eq(1)]
        with m.Elif(asked):
            m.d.sync += [memory.eq(memory + fields.tile_pitch), left.eq(left - 1), first.eq(0)]
        with m.If(asked):
            m.d.sync += second.eq(~second)
        return done

    def _copy(self, m: Module, marked: Value, copied: Signal) -> None:
        """Copy tiles that have arrived to the scratchpad, as many bytes a cycle as fit a beat."""
        p, buffer, fields = self._parameters, self._buffer, self.i.payload.fields.gather
        piece = min(p.axi_bytes, p.weight_row_bytes)
        parts, pieces = p.weight_row_bytes // piece, p.axi_bytes // piece  # of a row, of a beat
        running, second, ends = Signal(), Signal(), Signal()
        arrived = Signal(range(3))
        step = Signal(range(p.rows * parts))
        major = Mux(fields.transposed, fields.row_bytes, fields.rows)
        minor = Mux(fields.transposed, fields.rows, fields.row_bytes)
        bits = (parts - 1).bit_length()
        row, part = step[bits:], step[:bits]
        m.d.comb += [
            ends.eq(running & (step == p.rows * parts - 1)),
            buffer.read_enable.eq(running),
            buffer.second.eq(second),
            buffer.index.eq(row),
            buffer.transposed.eq(fields.transposed),
        ]
        m.d.sync += [
            running.eq(Mux(running, ~ends, arrived.any())),
            arrived.eq(arrived + marked - ends),
        ]
        with m.If(running):
            m.d.sync += step.eq(Mux(ends, 0, step + 1))
        with m.If(ends):
            m.d.sync += second.eq(~second)
        fills = Signal()
        last = step[: (pieces - 1).bit_length()] == pieces - 1 if pieces > 1 else 1
        control = Cat(running & last, ends)
        m.d.comb += fills.eq(row < major)
        cycles = buffer.LATENCY
        valid = delay(m, "piece", running, cycles, reset_less=False)
        full, final = delay(m, "control", control, cycles, reset_less=False)
        filled = delay(m, "fills", fills, cycles)
        kept = Cat((index < minor) & filled for index in range(p.weight_row_bytes))
        bytes_ = [
            buffer.read_data.word_select(index, 8) & kept[index].replicate(8)
            for index in range(p.weight_row_bytes)
        ]
        word: Value = Cat(bytes_)
        if bits:
            word = word.word_select(delay(m, "part", part, cycles), 8 * piece)
        self._write(m, valid, Cat(full, final), word, copied)

    def _write(self, m: Module, valid: Value, ends: Value, word: Value, copied: Signal) -> None:
        """Collect a beat's pieces and write it; the loader's own writes are at other times."""
        loader = self._loader
        beat = Signal.like(self.write_data, reset_less=True)
        place = Signal(24, reset_less=True)
        writes = Signal()
        m.d.sync += [writes.eq(ends[0]), copied.eq(ends[1])]
        with m.If(valid):
            m.d.sync += beat.eq(Cat(beat, word)[len(word) :])
        with m.If(writes):
            m.d.sync += place.eq(place + self._parameters.axi_bytes)
        with m.If(~self.i.valid | self.i.ready):
            m.d.sync += place.eq(0)
        lanes = Mux(loader.write_address[_INSIDE], 0, loader.write_enable)
        m.d.comb += [
            self.write_enable.eq(lanes | writes.replicate(len(lanes))),
            self.write_address.eq(
                Mux(writes, self.i.payload.fields.gather.buffer + place, loader.write_address)
            ),
            self.write_data.eq(Mux(writes, beat, loader.write_data)),
        ]
