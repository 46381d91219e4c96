"""Softmax of rows of codes, as `maccord.golden.row.softmax`."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring

from ...spec.isa_row import TERM_BITS, TERMS
from ..family.ram import Ram
from ..parts.delay import delay
from ..parts.stages import activity, stages
from .ports import row_ports
from .quotient import QUOTIENT_STAGES, quotient
from .row_buffer import RowBuffer
from .tree import levels, tree

__all__ = ["Softmax"]

SUM_BITS = 32


class Softmax(wiring.Component):
    """Takes a row of codes and gives its softmax; then the next row.

    Rows pass three times: their maximum is found as they come, their exponentials are added up,
    and then divided.

    Parameters
    ----------
    lanes, longest : int
        As `row_buffer.check_shape`.
    family : str
        One of `maccord.spec.parameters.FAMILIES`.

    Members
    -------
    write_*, elements, i, o : as in `row_ports`; the table holds the exponentials
    """

    i: stream.Interface
    o: stream.Interface

    #: Cycles from a term's code to its exponential, and from there to its quotient.
    TERM_LATENCY = 1 + Ram.LATENCY

    def __init__(self, *, lanes: int, longest: int, family: str = "generic") -> None:
        self._lanes = lanes
        self._longest = longest
        self._family = family
        super().__init__(
            row_ports(lanes=lanes, longest=longest, entries=TERMS, entry_bits=TERM_BITS)
        )

    def cycles(self, elements: int) -> int:
        """Cycles from a row to the next, in a sequence of rows whose vectors never wait."""
        vectors = -(-elements // self._lanes)
        tree = levels(self._lanes)
        # The second pass waits for the maximum, and for the quotients of the row before
        return 2 * vectors + tree + max(vectors + tree + 9, 22)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = {"lanes": self._lanes, "longest": self._longest, "family": self._family}
        m.submodules.row = row = RowBuffer(**size)
        m.d.comb += row.elements.eq(self.elements)
        wiring.connect(m, wiring.flipped(self.i), row.i)
        peak, peaked = self._peak(m, row)
        terms = self._terms(m, row, peak)
        dividing = Signal()
        passed = delay(
            m,
            "passed",
            Cat(row.replayed.valid, row.replayed.valid & row.replayed.last),
            self.TERM_LATENCY,
            reset_less=False,
        )
        total, summed = self._sum(m, terms, passed[0] & ~dividing, passed[1] & ~dividing)
        divisor, waiting = Signal(SUM_BITS, reset_less=True), Signal()
        codes, done = self._quotients(m, terms, divisor, passed[0] & dividing, passed[1] & dividing)
        with m.If(peaked):
            m.d.sync += waiting.eq(1)
        with m.FSM():
            with m.State("take"), m.If(waiting):
                m.d.sync += waiting.eq(0)
                m.d.comb += row.replay.eq(1)
                m.next = "sum"
            with m.State("sum"), m.If(summed):
                m.d.comb += [row.replay.eq(1), row.final.eq(1)]
                m.d.sync += [divisor.eq(total), dividing.eq(1)]
                m.next = "divide"
            with m.State("divide"), m.If(done):
                m.d.sync += dividing.eq(0)
                m.next = "take"
        m.d.comb += self.o.payload.eq(codes)
        return m

    def _peak(self, m: Module, row: RowBuffer) -> tuple[Value, Value]:
        """Return the largest code of the row taken, and when it is known."""
        codes = [
            Mux(row.taken.mask[lane], _code(row.taken, lane), 0) for lane in range(self._lanes)
        ]
        largest = tree(m, "largest", codes, lambda a, b: Mux(a < b, b, a))
        known = Cat(row.taken.valid, row.taken.valid & row.taken.last)
        valid, last = delay(m, "known", known, levels(self._lanes), reset_less=False)
        peak, peaked, first = Signal(8, reset_less=True), Signal(), Signal(init=1)
        m.d.sync += peaked.eq(last)
        with m.If(valid):
            m.d.sync += [peak.eq(Mux(first | (peak < largest), largest, peak)), first.eq(last)]
        return peak, peaked

    def _terms(self, m: Module, row: RowBuffer, peak: Value) -> list[Value]:
        """Return the lanes' exponentials, 0 where there is no element."""
        enable, place = Signal(), Signal(8, reset_less=True)
        entry = Signal(TERM_BITS, reset_less=True)
        m.d.sync += [
            enable.eq(self.write_enable),
            place.eq(self.write_address),
            entry.eq(self.write_data),
        ]
        masks = delay(m, "masks", row.replayed.mask, self.TERM_LATENCY)
        reading = delay(m, "reading", row.replayed.valid, 1, reset_less=False)
        terms: list[Value] = []
        for lane in range(self._lanes):
            table = Ram(width=TERM_BITS, depth=TERMS, family=self._family)
            m.submodules[f"table{lane}"] = table
            # Cycle 1: 255 - peak + code
            index = Signal(8, name=f"index{lane}", reset_less=True)
            m.d.sync += index.eq(_code(row.replayed, lane) + ~peak)
            # Cycles 2 and 3: the table
            m.d.comb += [
                table.write_enable.eq(enable),
                table.write_address.eq(place),
                table.write_data.eq(entry),
                table.read_enable.eq(reading),
                table.read_address.eq(index),
            ]
            terms.append(Mux(masks[lane], table.read_data, 0))
        return terms

    def _sum(self, m: Module, terms: list[Value], valid: Value, last: Value) -> tuple[Value, Value]:
        """Return the sum of a row's terms, and when it is known."""
        part = tree(m, "part", terms, lambda a, b: a + b)
        late = delay(m, "summing", Cat(valid, last), levels(self._lanes), reset_less=False)
        total, summed, first = Signal(SUM_BITS, reset_less=True), Signal(), Signal(init=1)
        m.d.sync += summed.eq(late[1])
        with m.If(late[0]):
            m.d.sync += [total.eq(part + Mux(first, 0, total)), first.eq(late[1])]
        return total, summed

    def _quotients(
        self, m: Module, terms: list[Value], divisor: Value, valid: Value, last: Value
    ) -> tuple[Value, Value]:
        """Return the results minus 128, and when a row's last ones are there."""
        enables = activity(m, valid, QUOTIENT_STAGES)
        found = [
            quotient(term, divisor, stages(m, enables, suffix=f"_{lane}"))
            for lane, term in enumerate(terms)
        ]
        leaving = delay(m, "leaving", Cat(valid, last), QUOTIENT_STAGES, reset_less=False)
        m.d.comb += self.o.valid.eq(leaving[0])
        return Cat(code ^ 0x80 for code in found), leaving[1]


def _code(vector: data.View, lane: int) -> Value:
    """Return a lane's code as it is without 128 taken off."""
    return vector.codes.word_select(lane, 8) ^ 0x80
