"""The accumulator memory below one column of the array."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..golden.parameters import Parameters

__all__ = ["Accumulator", "control_layout"]


def control_layout(parameters: Parameters) -> data.StructLayout:
    """What the accumulators do with one vector of partial sums.

    Parameters
    ----------
    parameters : Parameters
        Uses `accumulators`.

    Returns
    -------
    data.StructLayout
        `address` of the vector's entries; `first`: the bias is added instead of the entry;
        `last`: the sum goes out and the entry stays; `load_bias`, `load_multiplier`: from this
        vector on, the bias (the multiplier) is the one loaded last.
    """
    return data.StructLayout(
        {
            "address": range(parameters.accumulators),
            "first": 1,
            "last": 1,
            "load_bias": 1,
            "load_multiplier": 1,
        }
    )


class Accumulator(wiring.Component):
    """Adds one column's partial sums over the passes of a tile, from its bias on.

    One vector per cycle. `acc` comes two cycles after the vector's control. The memory is read,
    added to and written in three cycles: the same address must not come again within the next
    two. Passes are `rows >= 4` cycles apart or more, as their weights take as long to load.

    The 64-bit shadow of the column's parameters is loaded by 8 consecutive cycles of `param`, the
    bias's bytes first, then the multiplier's, low byte first. A vector's `load_bias` takes it over
    at the end of the vector's own cycle, `load_multiplier` one cycle later.

    Parameters
    ----------
    parameters : Parameters
        Uses `accumulators` and `partial_sum_bits`.

    Members
    -------
    valid, control : 1, control_layout(parameters)
        A vector, one cycle ahead of its partial sum.
    valid_out, control_out
        The same one cycle later, for the next column.
    partial_sum : signed(partial_sum_bits)
        One cycle behind `valid`.
    param, weight : 1, signed(8)
        A byte of parameters.
    param_out : 1
        `param` one cycle later, for the next column.
    acc_valid, acc : 1, signed(32)
        Sum of a `last` vector; wraps as int32 does.
    multiplier : 32
        Bits of the fp32 multiplier that belongs to `acc`.
    """

    #: Cycles from a vector's control to `acc`.
    LATENCY = 2
    #: Fewest cycles between two vectors of one address.
    ADDRESS_GAP = 3
    #: Bytes of parameters per column.
    PARAM_ROWS = 8

    def __init__(self, parameters: Parameters):
        self._depth = parameters.accumulators
        layout = control_layout(parameters)
        super().__init__(
            {
                "valid": In(1),
                "control": In(layout),
                "valid_out": Out(1),
                "control_out": Out(layout),
                "partial_sum": In(signed(parameters.partial_sum_bits)),
                "param": In(1),
                "param_out": Out(1),
                "weight": In(signed(8)),
                "acc_valid": Out(1),
                "acc": Out(signed(32)),
                "multiplier": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bias = Signal(signed(32), reset_less=True)
        self._parameters(m, bias)
        m.submodules.memory = memory = Memory(shape=signed(32), depth=self._depth, init=[])
        read, write = memory.read_port(), memory.write_port()
        # Cycle 0: read
        control = Signal.like(self.control, reset_less=True)
        m.d.comb += [
            read.addr.eq(self.control.address),
            read.en.eq(self.valid & ~self.control.first),
            self.control_out.eq(control),
        ]
        m.d.sync += self.valid_out.eq(self.valid)
        with m.If(self.valid):
            m.d.sync += control.eq(self.control)
        # Cycle 1: add
        acc = Signal(signed(32), reset_less=True)
        address = Signal.like(control.address, reset_less=True)
        with m.If(self.valid_out):
            m.d.sync += [
                acc.eq(Mux(control.first, bias, read.data) + self.partial_sum),
                address.eq(control.address),
            ]
        # Cycle 2: write, or hand over
        m.d.sync += [
            self.acc_valid.eq(self.valid_out & control.last),
            write.en.eq(self.valid_out & ~control.last),
        ]
        m.d.comb += [write.addr.eq(address), write.data.eq(acc), self.acc.eq(acc)]
        return m

    def _parameters(self, m: Module, bias: Signal) -> None:
        """Load the shadow from the bytes of weights and `bias` and the multiplier from it."""
        shadow = Signal(8 * self.PARAM_ROWS, reset_less=True)
        multiplier = Signal(32, reset_less=True)
        m.d.sync += self.param_out.eq(self.param)
        with m.If(self.param):
            m.d.sync += shadow.eq(Cat(shadow[8:], self.weight))
        with m.If(self.valid & self.control.load_bias):
            m.d.sync += bias.eq(shadow[:32].as_signed())
        # One cycle later than the bias: `acc` of the vector before is still at the output.
        with m.If(self.valid_out & self.control_out.load_multiplier):
            m.d.sync += multiplier.eq(shadow[32:])
        m.d.comb += self.multiplier.eq(multiplier)
