"""The processing element of Lattice ECP5: MULT18X18D with its registers, the sum in LUTs."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed

from ..processing_element import ProcessingElement
from . import ecp5_multiplier

__all__ = ["Ecp5Element"]


class Ecp5Element(ProcessingElement):
    """`ProcessingElement` of one multiplier block, with its sum next to it.

    Registers of the block hold the activation, the active weight and the product.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shadow = Signal(signed(8), reset_less=True)
        partial_sum = Signal.like(self.p, reset_less=True)
        with m.If(self.capture):
            m.d.sync += shadow.eq(self.w)
        # Cycle 1: operands; cycle 2: multiply
        product = ecp5_multiplier.product(m, "multiplier", self.a, shadow, take_b=self.swap)
        # Cycle 3: add
        m.d.sync += partial_sum.eq(self.p + product)
        m.d.comb += self.p_out.eq(partial_sum)
        return m
