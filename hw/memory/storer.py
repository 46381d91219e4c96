"""Store unit: writes rows of the output scratchpad, and counters, to memory."""

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

_BURST_BITS = 24  # width of a command's burst count
_AHEAD_BITS = 12  # width of the difference in bursts between the address and data channels


def write_layout(axi_bytes: int) -> data.StructLayout:
    """Return a beat on AXI's write data channel."""
    return data.StructLayout({"data": 8 * axi_bytes, "strobe": axi_bytes, "last": 1})


class Storer(wiring.Component):
    """Executes STORE and RECORD, one beat per cycle.

    A command completes when memory has acknowledged all of its bursts. Its tokens are given
    `ANSWER` cycles later, or later still if the previous command completed just before. Up to
    `OUTSTANDING` commands may await acknowledgement while the next one's rows are sent. A RECORD
    starts when no command is outstanding; it is one row of `RECORD_BYTES`, aligned to the bus.

    Members
    -------
    i : commands with their token masks
    halt : starts no further command, from the next cycle on; bursts started on either channel are
        completed with strobes deasserted, and no others are started
    owed : bursts are unbalanced between the channels or not acknowledged, one cycle late
    held, take, give : tokens, masks of units
    read_enable, read_address, read_data : output scratchpad read port, any alignment
    counters : counters that a RECORD copies: the low halves `COPY` cycles after it takes its
        tokens, the high halves one cycle later
    recorded : one-cycle pulse when a RECORD that requests the interrupt completes
    write_request : AXI write bursts
    write_data : their beats
    acknowledged : a burst is acknowledged, in request order
    range_error : high with the first read of a row that exceeds the scratchpad
    state : state of the unit, one cycle late
    """

    COPY = 1
    ANSWER = 3
    BUFFERED = 16  # beats between scratchpad and bus
    OUTSTANDING = 4  # commands sent but not acknowledged
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
        asked, begun, walked = Signal(), Signal(), Signal()  # all bursts, all beats issued
        counted, burst_ends = Signal(), Signal()  # one cycle late
        bursts = Signal(_BURST_BITS)  # of this command so far
        for walk in (cutter.i, walker.i):
            for name in walk.payload.shape().members:
                m.d.comb += walk.payload[name].eq(command.fields[name])
        begins, may_begin = Signal(), Signal(init=1)
        # Held until the reset at the next start: the core's own reset clears `halt` earlier
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
        """Track acknowledgements; return whether one more command may wait and whether any does."""
        layout = {"bursts": _BURST_BITS, "signal": len(Unit), "interrupt": 1}
        queue = Queue(data.StructLayout(layout), depth=self.OUTSTANDING, relaxed=True)
        m.submodules.outstanding = queue
        command, oldest = self.i.payload, queue.o.payload
        # Acknowledged bursts minus those of completed commands, and of the oldest once `known`.
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
        """Forward requests, and keep the number of bursts equal on both channels.

        After a stop, the channel that is behind catches up, one burst every few cycles because the
        difference is two cycles old.
        """
        request, may_ask = self.write_request, Signal(init=1)
        ahead = Signal(signed(_AHEAD_BITS + 1))  # bursts requested minus bursts started
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
        """Buffer beats from the scratchpad or from the copied counters for the bus.

        `record` starts copying the counters. A burst starts only if it `begins`. From the first
        row that exceeds the scratchpad on, and after a halt, strobes are deasserted. Returns
        whether a beat is read, and whether all beats are sent.
        """
        m.submodules.beats = beats = Queue(write_layout(self._axi_bytes), depth=self.BUFFERED)
        beat, of_record = walker.o.payload, self.i.payload.record
        latency = Scratchpad.LATENCY + 1  # from `moves` to the data
        room, moves, moved, gone = Signal(), Signal(), Signal(), Signal()
        reserved = Signal(range(self.BUFFERED + 1))  # beats between walker and bus
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
            # The count is one cycle late: up to three beats are missing from it
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
        """Copy the counters, low halves first; `moves` shifts one beat out."""
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
