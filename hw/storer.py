"""The unit that writes rows of bytes from the output scratchpad, and counters, to memory."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.isa import Opcode, Unit
from ..golden.parameters import Parameters
from ..golden.registers import RECORDED, UnitState
from .beats import BeatWalker
from .bursts import BurstCutter, burst_layout
from .layouts import command_layout, unit_port
from .queue import Queue
from .scratchpad import Scratchpad

__all__ = ["Storer", "write_layout"]

_BURST_BITS = 24  # of the number of bursts that a command takes


def write_layout(axi_bytes: int) -> data.StructLayout:
    """A beat on AXI's write data channel."""
    return data.StructLayout({"data": 8 * axi_bytes, "strobe": axi_bytes, "last": 1})


class Storer(wiring.Component):
    """Executes STORE and RECORD, one beat a cycle.

    A command is done when memory has acknowledged all of its bursts. `OUTSTANDING` may wait for
    that while the next one's rows leave already; a RECORD starts when none does. It is one row
    of `RECORD_BYTES` that is aligned to the bus.

    Members
    -------
    i : commands with their token masks
    halt : starts no further command
    held, take, give : tokens, masks of units
    read_enable, read_address, read_data : of the output scratchpad, any alignment
    counters : what a RECORD copies when it starts
    recorded : one cycle, a RECORD is done that asked for the interrupt
    write_request, write_data : AXI write bursts and their beats
    acknowledged : a burst has been acknowledged, in the order of the requests
    state : what the unit is doing
    """

    BUFFERED = 16  # beats between scratchpad and bus
    OUTSTANDING = 4  # commands whose beats have left
    i: stream.Interface
    write_request: stream.Interface
    write_data: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        self._axi_bytes = parameters.axi_bytes
        self._beats = parameters.burst_beats
        self._size = parameters.output_bytes
        super().__init__(
            unit_port(command_layout(Opcode.STORE, record=1))
            | {
                "read_enable": Out(1),
                "read_address": Out(24),
                "read_data": In(8 * self._axi_bytes),
                "counters": In(64 * len(RECORDED)),
                "recorded": Out(1),
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
        start, leave = Signal(), Signal()
        bursts = Signal(_BURST_BITS)  # of this command so far
        for walk in (cutter.i, walker.i):
            for name in walk.payload.shape().members:
                m.d.comb += walk.payload[name].eq(command.fields[name])
        sent = self._send(m, walker, start & command.record)
        open_, waiting = self._outstanding(m, leave, bursts)
        m.d.comb += [
            start.eq(
                self.i.valid
                & ~running
                & ~self.halt
                & ((command.wait & ~self.held) == 0)
                & ~(command.record & waiting)
            ),
            leave.eq(running & asked & walked & open_),
            self.take.eq(Mux(start, command.wait, 0)),
            self.i.ready.eq(leave),
            cutter.i.valid.eq(running & ~asked),
            walker.i.valid.eq(running & ~walked),
            self.write_request.valid.eq(cutter.o.valid),
            self.write_request.payload.eq(cutter.o.payload),
            cutter.o.ready.eq(self.write_request.ready),
        ]
        m.d.sync += [
            running.eq((running | start) & ~leave),
            asked.eq((asked | (cutter.i.valid & cutter.i.ready)) & ~leave),
            walked.eq((walked | (walker.i.valid & walker.i.ready)) & ~leave),
            bursts.eq(Mux(leave, 0, bursts + (cutter.o.valid & cutter.o.ready))),
        ]
        with m.If((running & ~(asked & walked)) | ~sent):
            m.d.comb += self.state.eq(UnitState.RUNNING)
        with m.Elif(running | waiting):
            m.d.comb += self.state.eq(UnitState.BUS)
        with m.Elif(self.i.valid):
            m.d.comb += self.state.eq(UnitState.WAITING)
        return m

    def _outstanding(self, m: Module, leave: Signal, bursts: Signal) -> tuple[Value, Signal]:
        """Wait for acknowledgements; whether one more command may, and whether any does."""
        layout = {"bursts": _BURST_BITS, "signal": len(Unit), "interrupt": 1}
        queue = Queue(data.StructLayout(layout), depth=self.OUTSTANDING)
        m.submodules.outstanding = queue
        command, oldest = self.i.payload, queue.o.payload
        answered = Signal(_BURST_BITS)  # bursts of the oldest command, and of those behind it
        done, waiting = Signal(), Signal()
        m.d.comb += [
            queue.i.valid.eq(leave),
            queue.i.payload.bursts.eq(bursts),
            queue.i.payload.signal.eq(command.signal),
            queue.i.payload.interrupt.eq(command.record & command.fields.value[0]),
            done.eq(queue.o.valid & (answered >= oldest.bursts)),
            queue.o.ready.eq(done),
            self.give.eq(Mux(done, oldest.signal, 0)),
            self.recorded.eq(done & oldest.interrupt),
            waiting.eq(queue.level != 0),
        ]
        m.d.sync += answered.eq(answered + self.acknowledged - Mux(done, oldest.bursts, 0))
        return queue.i.ready, waiting

    def _send(self, m: Module, walker: BeatWalker, latch: Value) -> Signal:
        """Put beats from the scratchpad or the counters' copy into a buffer before the bus.

        The counters are copied with `latch`. Returns whether all beats are gone.
        """
        m.submodules.beats = beats = Queue(write_layout(self._axi_bytes), depth=self.BUFFERED)
        beat, record = walker.o.payload, self.i.payload.record
        latency = Scratchpad.LATENCY
        moves = Signal()
        m.d.comb += [
            walker.o.ready.eq(beats.level < self.BUFFERED - latency - 1),
            moves.eq(walker.o.valid & walker.o.ready),
            self.read_enable.eq(moves & ~record),
            self.read_address.eq(beat.address),
            self.range_error.eq(self.read_enable & beat.out_of_range),
        ]
        valid, lanes, last = moves, beat.lanes, beat.burst_end
        in_flight = 0
        for stage in range(latency):
            previous = valid, lanes, last, record
            valid = Signal(name=f"valid{stage}")
            lanes = Signal(self._axi_bytes, name=f"lanes{stage}", reset_less=True)
            last = Signal(name=f"last{stage}", reset_less=True)
            record = Signal(name=f"record{stage}", reset_less=True)
            m.d.sync += [
                new.eq(old) for new, old in zip((valid, lanes, last, record), previous, strict=True)
            ]
            in_flight |= valid
        copy = Signal(len(self.counters), reset_less=True)
        with m.If(latch):
            m.d.sync += copy.eq(self.counters)
        with m.Elif(valid & record):
            m.d.sync += copy.eq(copy >> 8 * self._axi_bytes)
        m.d.comb += [
            beats.i.valid.eq(valid),
            beats.i.payload.data.eq(Mux(record, copy[: 8 * self._axi_bytes], self.read_data)),
            beats.i.payload.strobe.eq(lanes),
            beats.i.payload.last.eq(last),
            self.write_data.valid.eq(beats.o.valid),
            self.write_data.payload.eq(beats.o.payload),
            beats.o.ready.eq(self.write_data.ready),
        ]
        sent = Signal()
        m.d.comb += sent.eq(~in_flight & (beats.level == 0))
        return sent
