"""Prefetches the program from memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import INSTRUCTION_BYTES
from ...spec.parameters import Parameters
from ..layouts import header_layout
from ..memory.bursts import burst_layout
from ..parts.queue import Queue

__all__ = ["FETCH_BYTES", "Fetch", "fetched_layout"]

FETCH_BYTES = 256  # bytes per burst; programs start at a multiple


def fetched_layout() -> data.StructLayout:
    """Return an instruction, and whether memory responded with an error."""
    return data.StructLayout({"instruction": header_layout(), "fault": 1})


class Fetch(wiring.Component):
    """Reads bursts of `FETCH_BYTES` from `program` on and splits them into instructions.

    Prefetches up to two bursts, possibly past the program's end: beats and errors that arrive
    after `stop` are dropped.

    Members
    -------
    start : starts fetching at `program`
    program : byte offset; its low bits are ignored
    stop : stops requesting, and drops beats that arrive
    read_request : AXI read bursts
    read_data, read_fault : their beats and error response
    o : instructions in order
    busy : may still request, or beats are outstanding
    awaiting : beats are outstanding, two cycles late
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
        awaited = Signal(range(depth + 1))  # beats outstanding
        reserved = Signal(range(depth + 1))  # beats outstanding or buffered
        asking, asked, noted, arrived, counted, left, gone = (Signal() for _ in range(7))
        arrival = Signal(beat, reset_less=True)
        m.d.comb += [
            self.read_request.valid.eq(asking),
            self.read_request.payload.address.eq(address),
            self.read_request.payload.length.eq(self._burst - 1),
            asked.eq(self.read_request.valid & self.read_request.ready),
            self.read_data.ready.eq(1),
            beats.i.valid.eq(arrived & ~stopped),
            beats.i.payload.eq(arrival),
            left.eq((beats.o.valid & beats.o.ready) | (arrived & stopped)),
            self.awaiting.eq((awaited != 0) | noted),
            self.busy.eq(running | asking | self.awaiting),
        ]
        m.d.sync += [
            # Beats from the bus are examined and counted one cycle late
            arrived.eq(self.read_data.valid),
            arrival.data.eq(self.read_data.payload),
            arrival.fault.eq(self.read_fault),
            noted.eq(asked),
            counted.eq(arrived),
            gone.eq(left),
            awaited.eq(awaited + Mux(noted, self._burst, 0) - counted),
            reserved.eq(reserved + Mux(noted, self._burst, 0) - gone),
            # Not in the two cycles after a request: `reserved` does not include it yet
            asking.eq(
                Mux(
                    asking,
                    ~asked,
                    running & ~noted & ~self.stop & (reserved <= depth - self._burst),
                )
            ),
        ]
        with m.If(asked):
            m.d.sync += address.eq(address + FETCH_BYTES)
        with m.If(self.stop):
            m.d.sync += [running.eq(0), stopped.eq(1)]
        with m.If(self.start):
            m.d.sync += [
                running.eq(1),
                stopped.eq(0),
                address.eq(Cat(Const(0, 8), self.program[8:])),
            ]
        self._unpack(m, beats)
        return m

    def _unpack(self, m: Module, beats: Queue) -> None:
        """Assemble beats into an instruction, or split a beat into several."""
        word = Signal(fetched_layout(), reset_less=True)
        beat = beats.o.payload
        bits = 8 * self._axi_bytes
        full = Signal()
        m.d.comb += [self.o.valid.eq(full), self.o.payload.eq(word)]
        taken = beats.o.valid & beats.o.ready
        if self._axi_bytes <= INSTRUCTION_BYTES:
            index = Signal(range(max(INSTRUCTION_BYTES // self._axi_bytes, 2)))
            last = index == INSTRUCTION_BYTES // self._axi_bytes - 1
            first = index == 0
            m.d.comb += beats.o.ready.eq(~full | self.o.ready)
            with m.If(taken):
                m.d.sync += [
                    word.instruction.as_value().eq(Cat(word.instruction, beat.data)[bits:]),
                    word.fault.eq((word.fault & ~first) | beat.fault),
                    index.eq(Mux(last, 0, index + 1)),
                ]
            m.d.sync += full.eq(Mux(taken, last, full & ~self.o.ready))
        else:
            index = Signal(range(self._axi_bytes // INSTRUCTION_BYTES))
            last = index.all()
            step = Signal()
            m.d.comb += [
                step.eq(beats.o.valid & (~full | self.o.ready)),
                beats.o.ready.eq(step & last),
            ]
            with m.If(step):
                m.d.sync += [
                    word.instruction.eq(beat.data.word_select(index, 8 * INSTRUCTION_BYTES)),
                    word.fault.eq(beat.fault),
                    index.eq(index + 1),
                ]
            m.d.sync += full.eq(step | (full & ~self.o.ready))
