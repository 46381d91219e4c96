"""Reads the program from memory, ahead of its execution."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.isa import INSTRUCTION_BYTES
from ..golden.parameters import Parameters
from .bursts import burst_layout
from .layouts import header_layout
from .queue import Queue

__all__ = ["FETCH_BYTES", "Fetch", "fetched_layout"]

FETCH_BYTES = 256  # a burst of program; programs start at a multiple


def fetched_layout() -> data.StructLayout:
    """An instruction, and whether memory answered with an error."""
    return data.StructLayout({"instruction": header_layout(), "fault": 1})


class Fetch(wiring.Component):
    """Asks for bursts of `FETCH_BYTES` from `program` on and cuts them into instructions.

    Runs ahead by up to two bursts, beyond the program's end too: what comes after `stop` is
    dropped, errors included.

    Members
    -------
    start : begins at `program`, a byte offset whose low bits are ignored
    stop : asks for nothing more and drops what arrives
    read_request, read_data, read_fault : AXI read bursts; beats and their response
    o : instructions in order
    busy : may still ask, or asked-for beats have not all arrived
    awaiting : asked-for beats have not all arrived
    """

    read_request: stream.Interface
    read_data: stream.Interface
    o: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        self._axi_bytes = parameters.axi_bytes
        self._burst = FETCH_BYTES // parameters.axi_bytes
        super().__init__(
            {
                "start": In(1),
                "program": In(32),
                "stop": In(1),
                "read_request": Out(stream.Signature(burst_layout())),
                "read_data": In(stream.Signature(8 * self._axi_bytes)),
                "read_fault": In(1),
                "o": Out(stream.Signature(fetched_layout())),
                "busy": Out(1),
                "awaiting": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = 2 * self._burst
        beat = data.StructLayout({"data": 8 * self._axi_bytes, "fault": 1})
        m.submodules.beats = beats = Queue(beat, depth=depth)
        running, stopped = Signal(), Signal()
        address = Signal(32)
        awaited = Signal(range(depth + 1))  # beats asked for and not arrived
        reserved = Signal(range(depth + 1))  # and those in the buffer, too
        asked, arrived, left = Signal(), Signal(), Signal()
        m.d.comb += [
            self.read_request.valid.eq(running & (reserved <= depth - self._burst)),
            self.read_request.payload.address.eq(address),
            self.read_request.payload.length.eq(self._burst - 1),
            asked.eq(self.read_request.valid & self.read_request.ready),
            self.read_data.ready.eq(1),
            arrived.eq(self.read_data.valid),
            beats.i.valid.eq(arrived & ~stopped),
            beats.i.payload.data.eq(self.read_data.payload),
            beats.i.payload.fault.eq(self.read_fault),
            left.eq((beats.o.valid & beats.o.ready) | (arrived & stopped)),
            self.awaiting.eq(awaited != 0),
            self.busy.eq(running | self.awaiting),
        ]
        m.d.sync += [
            awaited.eq(awaited + Mux(asked, self._burst, 0) - arrived),
            reserved.eq(reserved + Mux(asked, self._burst, 0) - left),
        ]
        with m.If(asked):
            m.d.sync += address.eq(address + FETCH_BYTES)
        # A request once shown must stay until it is taken.
        with m.If(self.stop & (~self.read_request.valid | asked)):
            m.d.sync += running.eq(0)
        with m.If(self.stop):
            m.d.sync += stopped.eq(1)
        with m.If(self.start):
            m.d.sync += [
                running.eq(1),
                stopped.eq(0),
                address.eq(Cat(Const(0, 8), self.program[8:])),
            ]
        self._unpack(m, beats)
        return m

    def _unpack(self, m: Module, beats: Queue) -> None:
        """Gather beats into an instruction, or cut a beat into several."""
        o, beat = self.o.payload, beats.o.payload
        if self._axi_bytes <= INSTRUCTION_BYTES:
            count = INSTRUCTION_BYTES // self._axi_bytes
            earlier = Signal(8 * INSTRUCTION_BYTES)
            faults = Signal()
            index = Signal(range(max(count, 2)))
            full = index == count - 1
            m.d.comb += [
                o.instruction.as_value().eq(Cat(earlier, beat.data)[8 * self._axi_bytes :]),
                o.fault.eq(faults | beat.fault),
                self.o.valid.eq(beats.o.valid & full),
                beats.o.ready.eq(~full | self.o.ready),
            ]
            with m.If(beats.o.valid & beats.o.ready):
                m.d.sync += [
                    earlier.eq(o.instruction.as_value()),
                    index.eq(Mux(full, 0, index + 1)),
                    faults.eq(Mux(full, 0, o.fault)),
                ]
        else:
            count = self._axi_bytes // INSTRUCTION_BYTES
            index = Signal(range(count))
            m.d.comb += [
                o.instruction.as_value().eq(beat.data.word_select(index, 8 * INSTRUCTION_BYTES)),
                o.fault.eq(beat.fault),
                self.o.valid.eq(beats.o.valid),
                beats.o.ready.eq(self.o.ready & (index == count - 1)),
            ]
            with m.If(self.o.valid & self.o.ready):
                m.d.sync += index.eq(index + 1)
