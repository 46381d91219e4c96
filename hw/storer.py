"""The unit that writes rows of bytes from the output scratchpad to memory."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.isa import Opcode
from ..golden.parameters import Parameters
from ..golden.registers import UnitState
from .beats import BeatWalker
from .bursts import BurstCutter, burst_layout
from .layouts import command_layout, unit_port
from .queue import Queue
from .scratchpad import Scratchpad

__all__ = ["Storer", "write_layout"]


def write_layout(axi_bytes: int) -> data.StructLayout:
    """A beat on AXI's write data channel."""
    return data.StructLayout({"data": 8 * axi_bytes, "strobe": axi_bytes, "last": 1})


class Storer(wiring.Component):
    """Executes STORE, one beat a cycle; done when memory has acknowledged every burst.

    Members
    -------
    i : commands with their token masks
    halt : starts no further command
    held, take, give : tokens, masks of units
    read_enable, read_address, read_data : of the output scratchpad, any alignment
    write_request, write_data : AXI write bursts and their beats
    acknowledged : a burst has been acknowledged
    state : what the unit is doing
    """

    BUFFERED = 16  # beats between scratchpad and bus
    i: stream.Interface
    write_request: stream.Interface
    write_data: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        self._axi_bytes = parameters.axi_bytes
        self._beats = parameters.burst_beats
        self._size = parameters.output_bytes
        super().__init__(
            unit_port(command_layout(Opcode.STORE))
            | {
                "read_enable": Out(1),
                "read_address": Out(24),
                "read_data": In(8 * self._axi_bytes),
                "write_request": Out(stream.Signature(burst_layout())),
                "write_data": Out(stream.Signature(write_layout(self._axi_bytes))),
                "acknowledged": In(1),
                "range_error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.cutter = cutter = BurstCutter(axi_bytes=self._axi_bytes, beats=self._beats)
        m.submodules.walker = walker = BeatWalker(
            axi_bytes=self._axi_bytes, beats=self._beats, size=self._size
        )
        command = self.i.payload
        running, asked, walked = Signal(), Signal(), Signal()
        start, done = Signal(), Signal()
        unacknowledged = Signal(24)
        for walk in (cutter.i, walker.i):
            for name in walk.payload.shape().members:
                m.d.comb += walk.payload[name].eq(command.fields[name])
        sent = self._send(m, walker)
        m.d.comb += [
            start.eq(self.i.valid & ~running & ~self.halt & ((command.wait & ~self.held) == 0)),
            done.eq(running & asked & walked & sent & (unacknowledged == 0)),
            self.take.eq(Mux(start, command.wait, 0)),
            self.give.eq(Mux(done, command.signal, 0)),
            self.i.ready.eq(done),
            cutter.i.valid.eq(running & ~asked),
            walker.i.valid.eq(running & ~walked),
            self.write_request.valid.eq(cutter.o.valid),
            self.write_request.payload.eq(cutter.o.payload),
            cutter.o.ready.eq(self.write_request.ready),
        ]
        m.d.sync += [
            running.eq((running | start) & ~done),
            asked.eq((asked | (cutter.i.valid & cutter.i.ready)) & ~done),
            walked.eq((walked | (walker.i.valid & walker.i.ready)) & ~done),
            unacknowledged.eq(
                unacknowledged + (cutter.o.valid & cutter.o.ready) - self.acknowledged
            ),
        ]
        with m.If(running):
            m.d.comb += self.state.eq(Mux(asked & walked & sent, UnitState.BUS, UnitState.RUNNING))
        with m.Elif(self.i.valid):
            m.d.comb += self.state.eq(UnitState.WAITING)
        return m

    def _send(self, m: Module, walker: BeatWalker) -> Signal:
        """Read beats from the scratchpad into a buffer before the bus; true while all are gone."""
        m.submodules.beats = beats = Queue(write_layout(self._axi_bytes), depth=self.BUFFERED)
        beat = walker.o.payload
        latency = Scratchpad.LATENCY
        m.d.comb += [
            walker.o.ready.eq(beats.level < self.BUFFERED - latency - 1),
            self.read_enable.eq(walker.o.valid & walker.o.ready),
            self.read_address.eq(beat.address),
            self.range_error.eq(self.read_enable & beat.out_of_range),
        ]
        valid, lanes, last = self.read_enable, beat.lanes, beat.burst_end
        in_flight = 0
        for stage in range(latency):
            previous = valid, lanes, last
            valid = Signal(name=f"valid{stage}")
            lanes = Signal(self._axi_bytes, name=f"lanes{stage}", reset_less=True)
            last = Signal(name=f"last{stage}", reset_less=True)
            m.d.sync += [
                new.eq(old) for new, old in zip((valid, lanes, last), previous, strict=True)
            ]
            in_flight |= valid
        m.d.comb += [
            beats.i.valid.eq(valid),
            beats.i.payload.data.eq(self.read_data),
            beats.i.payload.strobe.eq(lanes),
            beats.i.payload.last.eq(last),
            self.write_data.valid.eq(beats.o.valid),
            self.write_data.payload.eq(beats.o.payload),
            beats.o.ready.eq(self.write_data.ready),
        ]
        sent = Signal()
        m.d.comb += sent.eq(~in_flight & (beats.level == 0))
        return sent
