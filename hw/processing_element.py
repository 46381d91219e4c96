"""One multiply-accumulate of the array, with double-buffered weights."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ProcessingElement"]


class ProcessingElement(wiring.Component):
    """Multiplies an activation by the weight it holds and adds the product to a partial sum.

    `capture` keeps the weight of the same cycle in the shadow register. `swap` makes the shadow
    the active weight, for the activation of the next cycle on. A capture in the cycle of a swap
    does not disturb it.

    One activation per cycle. The activation comes out of a register: with it, the multiplier has
    registers on all sides. This is the portable element: one that instantiates a family's DSP
    block needs the same members and the same cycles.

    Parameters
    ----------
    partial_sum_bits : int
        Width of the signed partial sums, 16 to 32.

    Members
    -------
    a, w : signed(8)
        Activation and weight.
    swap, capture : 1
        What is done with the weights.
    p : signed(partial_sum_bits)
        Partial sum from above, one cycle after the activation it belongs to.
    p_out : signed(partial_sum_bits)
        Partial sum with the product, two cycles after the activation.

    Raises
    ------
    ValueError
        If `partial_sum_bits` is out of its range.
    """

    #: Cycles from `a` to the partial sum that contains it.
    LATENCY = 2

    def __init__(self, *, partial_sum_bits: int):
        if not 16 <= partial_sum_bits <= 32:
            raise ValueError(f"partial_sum_bits must be between 16 and 32, got {partial_sum_bits}")
        super().__init__(
            {
                "a": In(signed(8)),
                "swap": In(1),
                "capture": In(1),
                "w": In(signed(8)),
                "p": In(signed(partial_sum_bits)),
                "p_out": Out(signed(partial_sum_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shadow = Signal(signed(8), reset_less=True)
        active = Signal(signed(8), reset_less=True)
        product = Signal(signed(16), reset_less=True)
        partial_sum = Signal.like(self.p, reset_less=True)
        with m.If(self.capture):
            m.d.sync += shadow.eq(self.w)
        with m.If(self.swap):
            m.d.sync += active.eq(shadow)
        # Cycle 1: multiply
        m.d.sync += product.eq(self.a * active)
        # Cycle 2: add
        m.d.sync += partial_sum.eq(self.p + product)
        m.d.comb += self.p_out.eq(partial_sum)
        return m
