"""The accumulator memory below one column of the array."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..golden.parameters import Parameters
from .ram import Ram

__all__ = ["Accumulator"]


class Accumulator(wiring.Component):
    """Adds one column's partial sums over the passes of a tile, from its bias on.

    One vector per cycle, in four: the entry is read, comes out of the memory's register, the
    partial sum is added to it, the sum written back, or taken from `acc` when it is the tile's
    last. The same address must not come again within the next three cycles. Whoever controls
    several columns shifts one line of control past them; the members say in which of the four
    cycles each is due.

    The 64-bit shadow of the column's parameters is loaded by 8 consecutive cycles of `param`, the
    bias's bytes first, then the multiplier's, low byte first.

    Parameters
    ----------
    parameters : Parameters
        Uses `accumulators`, `partial_sum_bits` and `family`.

    Members
    -------
    read, read_address : 1, unsigned
        Cycle 0: read an entry.
    load_bias : 1
        Cycle 1: from this vector on, the bias is the one in the shadow.
    add, partial_sum : 1, signed(partial_sum_bits)
        Cycle 2: the partial sum.
    first : 1
        Cycle 2: the sum begins at the bias and not at the entry.
    load_multiplier : 1
        Cycle 2: from this vector on, the multiplier is the one in the shadow.
    write, write_address : 1, unsigned
        Cycle 3: write the entry.
    acc, multiplier : signed(32), 31
        Cycle 3: the sum, which wraps as int32 does, and the bits of its fp32 multiplier, which
        is positive, but for the sign.
    param, weight : 1, signed(8)
        A byte of parameters, in any cycle.
    """

    #: Cycles from a vector's `read` to its `acc`.
    LATENCY = Ram.LATENCY + 1
    #: Fewest cycles between two vectors of one address.
    ADDRESS_GAP = LATENCY + 1
    #: Bytes of parameters per column.
    PARAM_ROWS = 8

    def __init__(self, parameters: Parameters):
        self._depth = parameters.accumulators
        self._family = parameters.family
        super().__init__(
            {
                "read": In(1),
                "read_address": In(range(self._depth)),
                "load_bias": In(1),
                "add": In(1),
                "partial_sum": In(signed(parameters.partial_sum_bits)),
                "first": In(1),
                "load_multiplier": In(1),
                "write": In(1),
                "write_address": In(range(self._depth)),
                "acc": Out(signed(32)),
                "multiplier": Out(31),
                "param": In(1),
                "weight": In(signed(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shadow = Signal(8 * self.PARAM_ROWS, reset_less=True)
        bias = Signal(signed(32), reset_less=True)
        multiplier = Signal(31, reset_less=True)
        acc = Signal(signed(32), reset_less=True)
        with m.If(self.param):
            m.d.sync += shadow.eq(Cat(shadow[8:], self.weight))
        with m.If(self.load_bias):
            m.d.sync += bias.eq(shadow[:32].as_signed())
        with m.If(self.load_multiplier):
            m.d.sync += multiplier.eq(shadow[32:63])
        m.submodules.memory = memory = Ram(width=32, depth=self._depth, family=self._family)
        # Cycles 0 and 1: read
        m.d.comb += [
            memory.read_enable.eq(self.read),
            memory.read_address.eq(self.read_address),
        ]
        # Cycle 2: add
        entry = Mux(self.first, bias, memory.read_data.as_signed())
        with m.If(self.add):
            m.d.sync += acc.eq(entry + self.partial_sum)
        # Cycle 3: write, or hand over
        m.d.comb += [
            memory.write_enable.eq(self.write),
            memory.write_address.eq(self.write_address),
            memory.write_data.eq(acc),
            self.acc.eq(acc),
            self.multiplier.eq(multiplier),
        ]
        return m
