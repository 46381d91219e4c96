"""The processing element of Lattice ECP5: MULT18X18D with its registers, the sum in LUTs."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed

from . import ecp5_multiplier
from .processing_element import ProcessingElement

__all__ = ["Ecp5Element"]


class Ecp5Element(ProcessingElement):
    """`ProcessingElement` of one multiplier block, with the adder in LUTs.

    The block's B register holds the active weight. The product has a routing stage to the adder:
    multiplier blocks are placed in rows of their own, far from most of the fabric.
    """

    LATENCY = ProcessingElement.LATENCY + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shadow = Signal(self._weight, reset_less=True)
        product = Signal(signed(8 + len(shadow)), reset_less=True)
        partial_sum = Signal.like(self.p, reset_less=True)
        with m.If(self.capture):
            m.d.sync += shadow.eq(self.w)
        # Cycle 1: operands; cycle 2: multiply
        multiplied = ecp5_multiplier.product(m, "multiplier", self.a, shadow, take_b=self.swap)
        # Cycle 3: routing stage; cycle 4: add
        m.d.sync += [product.eq(multiplied), partial_sum.eq(self.p + product)]
        m.d.comb += self.p_out.eq(partial_sum)
        return m
