"""The accumulator memory below one column of the array."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.parameters import Parameters
from ..family.ram import Ram

__all__ = ["Accumulator"]


class Accumulator(wiring.Component):
    """Accumulates one column's partial sums over the passes of a tile, starting from its bias.

    Throughput is one vector per cycle; the pipeline has five stages. Cycle 0 reads the entry.
    Cycle 1 registers it and adds the bias to a first partial sum. Cycle 2 adds the partial sum to
    the entry. Cycle 3 writes the sum back. Cycle 4 outputs the tile's final sum at `acc`. An
    address must not recur within the next three cycles. Several columns share one control shift
    register; Members gives the cycle of each signal.

    Eight consecutive cycles of `param` load the 64-bit shadow register of the column's parameters:
    first the bias, then the multiplier, low byte first.

    Parameters
    ----------
    parameters : Parameters
        Uses `accumulators`, `partial_sum_bits`, `family` and `gather`.

    Members
    -------
    read, read_address : 1, unsigned
        Cycle 0: read an entry.
    load_bias : 1
        Cycle 0: from this vector on, the bias is the one in the shadow.
    add, partial_sum : 1, signed(partial_sum_bits)
        Cycle 1: the partial sum.
    first : 1
        Cycle 1: the sum starts from the bias instead of the entry.
    load_multiplier : 1
        Cycle 3: from this vector on, the multiplier is the one in the shadow.
    write, write_address : 1, unsigned
        Cycle 3: write the entry.
    acc, multiplier : signed(32), 31
        Cycle 4: the sum, with int32 wrap-around, and its positive fp32 multiplier without the
        sign bit.
    param, weight : 1, signed(8)
        A byte of parameters, in any cycle.
    keep : 2, if the parameters have `gather`
        Cycle 3: the sum becomes the bias, 1 as it is, 2 twice.
    """

    #: Cycles from a vector's `read` to its `acc`.
    LATENCY = Ram.LATENCY + 2
    #: Minimum number of cycles between two vectors of one address.
    ADDRESS_GAP = Ram.LATENCY + 2
    #: Bytes of parameters per column.
    PARAM_ROWS = 8

    def __init__(self, parameters: Parameters) -> None:
        self._depth = parameters.accumulators
        self._family = parameters.family
        self._keeps = parameters.gather
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
            | ({"keep": In(2)} if self._keeps else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shadow = Signal(8 * self.PARAM_ROWS, reset_less=True)
        bias = Signal(signed(32), reset_less=True)
        multiplier = Signal(31, reset_less=True)
        acc = Signal(signed(32), reset_less=True)
        opens = Signal(reset_less=True)
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
        # Cycle 1: start from the bias. The bias adder stays off the path from memory to sum.
        addend = Signal(signed(32), reset_less=True)
        added = Signal(reset_less=True)
        m.d.sync += added.eq(self.add)
        with m.If(self.add):
            m.d.sync += [
                addend.eq(self.partial_sum + Mux(self.first, bias, 0)),
                opens.eq(self.first),
            ]
        # Cycle 2: add
        total, opening = (Signal(signed(32), reset_less=True, name=n) for n in ("total", "opening"))
        opened = Signal(reset_less=True)
        with m.If(added):
            m.d.sync += [
                total.eq(memory.read_data.as_signed() + addend),
                opening.eq(addend),
                opened.eq(opens),
            ]
        # Cycle 3: write back, or output
        chosen = Mux(opened, opening, total)
        m.d.comb += [
            memory.write_enable.eq(self.write),
            memory.write_address.eq(self.write_address),
            memory.write_data.eq(chosen),
            self.acc.eq(acc),
            self.multiplier.eq(multiplier),
        ]
        summed = Signal(reset_less=True)
        m.d.sync += summed.eq(added)
        with m.If(summed):
            m.d.sync += acc.eq(chosen)
        if self._keeps:
            with m.If(self.keep.any()):
                m.d.sync += bias.eq(Mux(self.keep[1], chosen << 1, chosen))
        return m
