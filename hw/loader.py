"""The unit that brings rows of bytes from memory into a scratchpad."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.isa import Opcode
from ..golden.parameters import Parameters
from ..golden.registers import UnitState
from .beats import BeatWalker, placed_rows_layout
from .bursts import BurstCutter, burst_layout
from .layouts import command_layout, unit_port
from .queue import Queue

__all__ = ["Loader"]


class Loader(wiring.Component):
    """Executes LOAD and FILL, or WEIGHT: one beat a cycle, several commands in flight.

    Requests run ahead of data: the next command's bursts are asked for while the last one's
    beats still arrive. A beat is written in the cycle in which it is taken.

    Parameters
    ----------
    parameters : Parameters
    size : int
        Bytes of the scratchpad; rows beyond it raise `range_error`.

    Members
    -------
    i : commands with their token masks
    halt : starts no further command
    held, take, give : tokens, masks of units
    read_request, read_data : AXI read bursts, and their beats in order
    write_enable, write_address, write_data : to the scratchpad, lanes of a beat
    state : what the unit is doing
    """

    IN_FLIGHT = 4
    i: stream.Interface
    read_request: stream.Interface
    read_data: stream.Interface

    def __init__(self, parameters: Parameters, *, size: int) -> None:
        self._axi_bytes = parameters.axi_bytes
        self._beats = parameters.burst_beats
        self._size = size
        super().__init__(
            unit_port(command_layout(Opcode.LOAD, fill=1))
            | {
                "read_request": Out(stream.Signature(burst_layout())),
                "read_data": In(stream.Signature(8 * self._axi_bytes)),
                "write_enable": Out(self._axi_bytes),
                "write_address": Out(24),
                "write_data": Out(8 * self._axi_bytes),
                "range_error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.cutter = cutter = BurstCutter(axi_bytes=self._axi_bytes, beats=self._beats)
        m.submodules.walker = walker = BeatWalker(
            axi_bytes=self._axi_bytes, beats=self._beats, size=self._size
        )
        place = data.StructLayout(
            {"fill": 1, "value": 8, "signal": 4, "rows": placed_rows_layout()}
        )
        m.submodules.places = places = Queue(place, depth=self.IN_FLIGHT)
        granted = self._request(m, cutter, places)
        self._receive(m, walker, places)
        waiting_bus = walker.o.valid & ~places.o.payload.fill & ~self.read_data.valid
        with m.If(waiting_bus):
            m.d.comb += self.state.eq(UnitState.BUS)
        with m.Elif(places.o.valid | granted):
            m.d.comb += self.state.eq(UnitState.RUNNING)
        with m.Elif(self.i.valid):
            m.d.comb += self.state.eq(UnitState.WAITING)
        return m

    def _request(self, m: Module, cutter: BurstCutter, places: Queue) -> Signal:
        """Start commands: take their tokens, ask for their bursts, note where beats go."""
        command, fields = self.i.payload, self.i.payload.fields
        granted, start = Signal(), Signal()
        rows = places.i.payload.rows
        m.d.comb += [
            start.eq(
                self.i.valid
                & ~granted
                & ~self.halt
                & ((command.wait & ~self.held) == 0)
                & places.i.ready
            ),
            self.take.eq(Mux(start, command.wait, 0)),
            places.i.valid.eq(start),
            places.i.payload.fill.eq(command.fill),
            places.i.payload.value.eq(fields.value),
            places.i.payload.signal.eq(command.signal),
            rows.memory.eq(Mux(command.fill, 0, fields.memory)),
            rows.memory_pitch.eq(Mux(command.fill, 0, fields.memory_pitch)),
            rows.buffer.eq(fields.buffer),
            rows.buffer_pitch.eq(fields.buffer_pitch),
            rows.rows.eq(fields.rows),
            rows.row_bytes.eq(fields.row_bytes),
            cutter.i.valid.eq(granted),
            cutter.i.payload.memory.eq(fields.memory),
            cutter.i.payload.memory_pitch.eq(fields.memory_pitch),
            cutter.i.payload.rows.eq(fields.rows),
            cutter.i.payload.row_bytes.eq(fields.row_bytes),
            self.i.ready.eq(Mux(command.fill, start, cutter.i.ready)),
        ]
        with m.If(start & ~command.fill):
            m.d.sync += granted.eq(1)
        with m.If(cutter.i.valid & cutter.i.ready):
            m.d.sync += granted.eq(0)
        m.d.comb += [
            self.read_request.valid.eq(cutter.o.valid),
            self.read_request.payload.eq(cutter.o.payload),
            cutter.o.ready.eq(self.read_request.ready),
        ]
        return granted

    def _receive(self, m: Module, walker: BeatWalker, places: Queue) -> None:
        """Write beats, from memory or of one value, and give tokens with the last."""
        place, beat = places.o.payload, walker.o.payload
        taken = Signal()
        m.d.comb += [
            walker.i.valid.eq(places.o.valid),
            walker.i.payload.eq(place.rows),
            places.o.ready.eq(walker.i.ready),
            walker.o.ready.eq(place.fill | self.read_data.valid),
            self.read_data.ready.eq(walker.o.valid & ~place.fill),
            taken.eq(walker.o.valid & walker.o.ready),
            self.write_enable.eq(Mux(taken, beat.lanes, 0)),
            self.write_address.eq(beat.address),
            self.write_data.eq(
                Mux(place.fill, place.value.replicate(self._axi_bytes), self.read_data.payload)
            ),
            self.range_error.eq(taken & beat.out_of_range),
            self.give.eq(Mux(taken & beat.end, place.signal, 0)),
        ]
