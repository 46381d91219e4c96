"""The unit that writes rows of bytes from the output scratchpad, and counters, to memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import Opcode, Unit
from ...spec.parameters import Parameters
from ...spec.registers import RECORDED, UnitState
from ..layouts import command_layout, unit_port
from ..parts.delay import delays
from ..parts.queue import Queue
from .beats import BeatWalker
from .bursts import BurstCutter, burst_layout
from .scratchpad import Scratchpad

__all__ = ["Storer", "write_layout"]

_BURST_BITS = 24  # of the number of bursts that a command takes
_AHEAD_BITS = 12  # of the number of bursts by which one channel may be ahead of the other


def write_layout(axi_bytes: int) -> data.StructLayout:
    """Return a beat on AXI's write data channel."""
    return data.StructLayout({"data": 8 * axi_bytes, "strobe": axi_bytes, "last": 1})


class Storer(wiring.Component):
    """Executes STORE and RECORD, one beat a cycle.

    A command is done when memory has acknowledged all of its bursts; its tokens are given
    `ANSWER` cycles later, later still when the command before it was done just before.
    `OUTSTANDING` may wait for that while the next one's rows leave already; a RECORD starts when
    none does. It is one row of `RECORD_BYTES` that is aligned to the bus.

    Members
    -------
    i : commands with their token masks
    halt : starts no further command, from the cycle after it on; bursts that either channel has
        begun are completed, with no strobes, and no others are begun
    owed : the two channels differ, or a burst has not been acknowledged, a cycle later
    held, take, give : tokens, masks of units
    read_enable, read_address, read_data : of the output scratchpad, any alignment
    counters : what a RECORD copies, the low halves `COPY` cycles after it takes its tokens, the
        high halves a cycle later
    recorded : one cycle, a RECORD is done that asked for the interrupt
    write_request, write_data : AXI write bursts and their beats
    acknowledged : a burst has been acknowledged, in the order of the requests
    range_error : with the first read of a row that goes beyond the scratchpad
    state : what the unit was doing a cycle ago
    """

    COPY = 1
    ANSWER = 3
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
                "owed": Out(1),
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
        running, start, leave = Signal(), Signal(), Signal()
        asked, begun, walked = Signal(), Signal(), Signal()  # bursts, beats; these have all left
        counted, burst_ends = Signal(), Signal()  # a cycle later
        bursts = Signal(_BURST_BITS)  # of this command so far
        for walk in (cutter.i, walker.i):
            for name in walk.payload.shape().members:
                m.d.comb += walk.payload[name].eq(command.fields[name])
        begins, may_begin = Signal(), Signal(init=1)
        # Stays until the reset at a start: the core's own, and with it `halt`, ends before
        self._stopped = Signal()
        self._balance(m, cutter.o, begins, may_begin)
        moves, sent = self._send(m, walker, start & command.record, begins, may_begin)
        open_, waiting = self._outstanding(m, leave, bursts)
        held = (command.wait & ~self.held) == 0
        m.d.comb += [
            leave.eq(running & asked & counted & open_),
            self.take.eq(Mux(start, command.wait, 0)),
            self.i.ready.eq(leave),
            cutter.i.valid.eq(running & ~asked),
            walker.i.valid.eq(running & ~begun),
        ]
        go = self.i.valid & ~running & held & ~self.halt & ~(command.record & waiting)
        ends = moves & walker.o.payload.end
        m.d.sync += [
            start.eq(go),
            running.eq((running | go) & ~leave),
            asked.eq((asked | (cutter.i.valid & cutter.i.ready)) & ~leave),
            begun.eq((begun | (walker.i.valid & walker.i.ready)) & ~leave),
            walked.eq((walked | ends) & ~leave),
            counted.eq(walked & ~leave),
            burst_ends.eq(moves & walker.o.payload.burst_end),
            bursts.eq(Mux(leave, 0, bursts + burst_ends)),
        ]
        with m.If((running & ~(asked & walked)) | ~sent):
            m.d.sync += self.state.eq(UnitState.RUNNING)
        with m.Elif(running | waiting):
            m.d.sync += self.state.eq(UnitState.BUS)
        with m.Elif(self.i.valid):
            m.d.sync += self.state.eq(UnitState.WAITING)
        with m.Else():
            m.d.sync += self.state.eq(UnitState.IDLE)
        return m

    def _outstanding(self, m: Module, leave: Signal, bursts: Signal) -> tuple[Value, Value]:
        """Wait for acknowledgements; whether one more command may, and whether any does."""
        layout = {"bursts": _BURST_BITS, "signal": len(Unit), "interrupt": 1}
        queue = Queue(data.StructLayout(layout), depth=self.OUTSTANDING, relaxed=True)
        m.submodules.outstanding = queue
        command, oldest = self.i.payload, queue.o.payload
        # Bursts acknowledged less those of the commands so far, the oldest one's too once `known`.
        surplus = Signal(signed(_BURST_BITS + 1))
        known, done, acknowledged = Signal(), Signal(), Signal()
        charge = queue.o.valid & ~known
        m.d.comb += [
            queue.i.valid.eq(leave),
            queue.i.payload.bursts.eq(bursts),
            queue.i.payload.signal.eq(command.signal),
            queue.i.payload.interrupt.eq(command.record & command.fields.value[0]),
            done.eq(known & (surplus >= 0)),
            queue.o.ready.eq(done),
        ]
        m.d.sync += [
            acknowledged.eq(self.acknowledged),
            surplus.eq(surplus + acknowledged - Mux(charge, oldest.bursts, 0)),
            known.eq((known | charge) & ~done),
            self.give.eq(Mux(done, oldest.signal, 0)),
            self.recorded.eq(done & oldest.interrupt),
        ]
        return queue.i.ready, queue.used

    def _balance(
        self, m: Module, bursts: stream.Interface, begins: Signal, may_begin: Signal
    ) -> None:
        """Hand requests on, and see that as many bursts are asked for as begin in the end.

        Once stopped, the channel that is behind catches up, a burst every few cycles: what is
        counted is two cycles old.
        """
        request, may_ask = self.write_request, Signal(init=1)
        ahead = Signal(signed(_AHEAD_BITS + 1))  # bursts asked for less those begun
        unanswered = Signal(_AHEAD_BITS)
        asked, begun, answered, held = (Signal() for _ in range(4))
        m.d.comb += [
            request.payload.eq(bursts.payload),
            request.valid.eq(bursts.valid & may_ask),
            bursts.ready.eq(request.ready & may_ask),
            held.eq(request.valid & ~request.ready),
        ]
        behind, leads = ahead[-1], ~ahead[-1] & ahead.any()
        few = ~(ahead[-1] & ~ahead[-2])
        m.d.sync += [
            asked.eq(request.valid & request.ready),
            begun.eq(begins),
            answered.eq(self.acknowledged),
            ahead.eq(ahead + asked - begun),
            unanswered.eq(unanswered + asked - answered),
            may_ask.eq(held | Mux(self._stopped, behind & ~may_ask & ~asked, ~unanswered[-1])),
            may_begin.eq(Mux(self._stopped, leads & ~begins & ~begun, few)),
            self.owed.eq((unanswered != 0) | (ahead != 0) | asked | begun | answered),
        ]

    def _send(
        self, m: Module, walker: BeatWalker, record: Value, begins: Signal, may_begin: Signal
    ) -> tuple[Value, Value]:
        """Put beats from the scratchpad or the counters' copy into a buffer before the bus.

        The counters are copied from `record` on. A burst `begins` when it may. From the first row
        that goes beyond the scratchpad on, and after a halt, there are no strobes. Returns whether
        a beat is read, and whether all are gone.
        """
        m.submodules.beats = beats = Queue(write_layout(self._axi_bytes), depth=self.BUFFERED)
        beat, of_record = walker.o.payload, self.i.payload.record
        latency = Scratchpad.LATENCY + 1  # from `moves` to the data
        room, moves, moved, gone = Signal(), Signal(), Signal(), Signal()
        reserved = Signal(range(self.BUFFERED + 1))  # beats that have left the walker, not yet gone
        inside, beyond, refused = Signal(), Signal(), self._stopped  # inside: of a burst
        m.d.comb += [
            walker.o.ready.eq(room & (inside | may_begin)),
            moves.eq(walker.o.valid & walker.o.ready),
            begins.eq(moves & ~inside),
            beyond.eq(beat.out_of_range & ~of_record),
        ]
        with m.If(moves):
            m.d.sync += inside.eq(~beat.burst_end)
        m.d.sync += [
            # Counted a cycle late: up to three are not in it
            moved.eq(moves),
            gone.eq(beats.o.valid & beats.o.ready),
            reserved.eq(reserved + moved - gone),
            room.eq(reserved <= self.BUFFERED - 3),
            self.read_enable.eq(moves & ~of_record),
            self.range_error.eq(moves & beyond),
            refused.eq(refused | self.halt | (moves & beyond)),
        ]
        with m.If(walker.o.valid):
            m.d.sync += self.read_address.eq(beat.address)
        valid = delays(m, "valid", moves, latency + 1, reset_less=False)
        control = Cat(of_record, beat.burst_end, Mux(refused | beyond, 0, beat.lanes))
        controls = delays(m, "control", control, latency + 1)
        copy = self._copy(m, record, valid[latency] & controls[latency][0])
        with m.If(valid[latency]):
            m.d.sync += beats.i.payload.data.eq(
                Mux(controls[latency][0], copy[: 8 * self._axi_bytes], self.read_data)
            )
        m.d.comb += [
            beats.i.valid.eq(valid[-1]),
            beats.i.payload.last.eq(controls[-1][1]),
            beats.i.payload.strobe.eq(controls[-1][2:]),
        ]
        wiring.connect(m, beats.o, wiring.flipped(self.write_data))
        return moves, ~Cat(valid[1:]).any() & ~beats.used

    def _copy(self, m: Module, record: Value, moves: Value) -> Signal:
        """Copy the counters, whose high halves follow the low ones; `moves` drops a beat."""
        copy = Signal(len(self.counters), reset_less=True)
        low, high = Signal(), Signal()
        m.d.sync += [low.eq(record), high.eq(low)]
        with m.If(moves | low | high):
            with m.If(moves):
                m.d.sync += copy.eq(copy >> 8 * self._axi_bytes)
            for part, latch in enumerate((low, high)):
                with m.If(latch):
                    m.d.sync += [
                        copy.word_select(2 * index + part, 32).eq(
                            self.counters.word_select(2 * index + part, 32)
                        )
                        for index in range(len(RECORDED))
                    ]
        return copy
