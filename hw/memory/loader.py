"""Load unit: copies rows of bytes from memory to a scratchpad."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import Opcode, Unit
from ...spec.parameters import Parameters
from ...spec.registers import UnitState
from ..layouts import command_layout, unit_port
from ..parts.queue import Queue
from ..parts.register_slice import RegisterSlice
from .beats import BeatWalker, beat_layout, placed_rows_layout
from .bursts import BurstCutter, burst_layout

__all__ = ["Loader"]


class Loader(wiring.Component):
    """Executes LOAD and FILL, or WEIGHT: one beat per cycle, with several commands in flight.

    Requests run ahead of data: the next command's bursts are requested while beats of the previous
    command still arrive. A beat is written `LATENCY` cycles after its handshake. The command's
    tokens are given one cycle after its last write.

    Parameters
    ----------
    parameters : Parameters
    size : int
        Bytes of the scratchpad; rows beyond it raise `range_error`.
    fills : bool
        Whether FILL is supported; false for WEIGHT.

    Members
    -------
    i : commands with their token masks
    halt : starts no further command, from the next cycle on
    held, take, give : tokens, masks of units
    read_request : AXI read bursts
    read_data : their beats, in order
    write_enable, write_address, write_data : scratchpad write port, one enable per byte lane
    range_error : high with the first beat of a row that exceeds the scratchpad
    state : state of the unit, two cycles late
    """

    IN_FLIGHT = 4
    LATENCY = 2
    i: stream.Interface
    read_request: stream.Interface
    read_data: stream.Interface

    def __init__(self, parameters: Parameters, *, size: int, fills: bool = True) -> None:
        self._axi_bytes = parameters.axi_bytes
        self._beats = parameters.burst_beats
        self._size = size
        self._fills = fills
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
        # Beat addresses and command kinds; the walker accepts rows before their beats arrive.
        m.submodules.places = places = Queue(
            placed_rows_layout(), depth=self.IN_FLIGHT, relaxed=True
        )
        kind = data.StructLayout({"fill": 1, "value": 8, "signal": len(Unit)})
        m.submodules.kinds = kinds = Queue(kind, depth=self.IN_FLIGHT + 1, relaxed=True)
        wiring.connect(m, places.o, walker.i)
        wiring.connect(m, cutter.o, wiring.flipped(self.read_request))
        planned = data.StructLayout({"beat": beat_layout(self._axi_bytes), "kind": kind})
        m.submodules.planned = plan = RegisterSlice(planned)
        busy = self._start(m, cutter, places, kinds)
        self._plan(m, walker, kinds, plan.i)
        waiting, writing = self._receive(m, plan.o)
        waits, works, begins = Signal(), Signal(), Signal()
        m.d.sync += [
            waits.eq(waiting),
            works.eq(busy | kinds.used | plan.o.valid | writing),
            begins.eq(self.i.valid),
        ]
        with m.If(waits):
            m.d.sync += self.state.eq(UnitState.BUS)
        with m.Elif(works):
            m.d.sync += self.state.eq(UnitState.RUNNING)
        with m.Elif(begins):
            m.d.sync += self.state.eq(UnitState.WAITING)
        with m.Else():
            m.d.sync += self.state.eq(UnitState.IDLE)
        return m

    def _start(self, m: Module, cutter: BurstCutter, places: Queue, kinds: Queue) -> Signal:
        """Start commands: take tokens, request bursts, queue the beats' destination.

        Returns whether a command is being started.
        """
        command, fields = self.i.payload, self.i.payload.fields
        busy, start, asking = Signal(), Signal(), Signal()
        rows, kind = places.i.payload, kinds.i.payload
        asked = cutter.i.valid & cutter.i.ready
        m.d.comb += [
            self.take.eq(Mux(start, command.wait, 0)),
            places.i.valid.eq(start),
            kinds.i.valid.eq(start),
            cutter.i.valid.eq(asking),
            kind.fill.eq(command.fill & self._fills),
            kind.value.eq(fields.value),
            kind.signal.eq(command.signal),
        ]
        for name in places.i.payload.shape().members:
            skewed = name in ("memory", "memory_pitch")
            m.d.comb += rows[name].eq(Mux(command.fill & skewed, 0, fields[name]))
        for name in cutter.i.payload.shape().members:
            m.d.comb += cutter.i.payload[name].eq(fields[name])
        with m.If(~busy):
            held = (command.wait & ~self.held) == 0
            ready = places.i.ready & kinds.i.ready & ~self.halt
            go = self.i.valid & held & ready
            m.d.sync += [busy.eq(go), start.eq(go), asking.eq(go & ~command.fill)]
        with m.Else():
            # The command is accepted in its last busy cycle.
            m.d.sync += [
                start.eq(0),
                asking.eq(asking & ~asked),
                self.i.ready.eq((start & command.fill) | asked),
                busy.eq(~self.i.ready),
            ]
        return busy

    def _plan(self, m: Module, walker: BeatWalker, kinds: Queue, planned: stream.Interface) -> None:
        """Combine beats with the kind of their command."""
        m.d.comb += [
            planned.payload.beat.eq(walker.o.payload),
            planned.payload.kind.eq(kinds.o.payload),
            planned.valid.eq(walker.o.valid & kinds.o.valid),
            walker.o.ready.eq(planned.ready & kinds.o.valid),
            kinds.o.ready.eq(planned.ready & walker.o.valid & walker.o.payload.end),
        ]

    def _receive(self, m: Module, planned: stream.Interface) -> tuple[Value, Value]:
        """Write beats, from memory or of a fill value, and give tokens with the last.

        Returns whether the unit waits for a beat from memory, and whether a beat is in flight.
        """
        kind = planned.payload.kind
        there, taken, written = Signal(), Signal(), Signal()
        gives = Signal.like(self.give)
        last = Signal(planned.payload.shape(), reset_less=True)
        bits = Signal.like(self.write_data, reset_less=True)
        m.d.comb += [
            there.eq(kind.fill | self.read_data.valid),
            taken.eq(planned.valid & there),
            planned.ready.eq(there),
            self.read_data.ready.eq(planned.valid & ~kind.fill),
        ]
        # Cycle 1: accept; cycle 2: routing stage to the scratchpad, which may be far away
        m.d.sync += [
            written.eq(taken),
            self.write_enable.eq(Mux(written, last.beat.lanes, 0)),
            self.range_error.eq(written & last.beat.out_of_range),
            gives.eq(Mux(written & last.beat.end, last.kind.signal, 0)),
            self.give.eq(gives),
        ]
        with m.If(planned.valid):
            m.d.sync += [last.eq(planned.payload), bits.eq(self.read_data.payload)]
        value = last.kind.value.replicate(self._axi_bytes)
        with m.If(written):
            m.d.sync += [
                self.write_address.eq(last.beat.address),
                self.write_data.eq(Mux(last.kind.fill, value, bits)),
            ]
        return planned.valid & ~there, written
