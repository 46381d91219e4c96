"""The processing element of Lattice ECP5: MULT18X18D with its registers, the sum in LUTs."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value, signed

from ..processing_element import ProcessingElement

__all__ = ["Ecp5Element"]

_OPERAND_BITS = 18


class Ecp5Element(ProcessingElement):
    """`ProcessingElement` of one multiplier block, with its sum next to it.

    Registers of the block hold the activation, the active weight and the product.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shadow = Signal(signed(8), reset_less=True)
        product = Signal(signed(16))
        partial_sum = Signal.like(self.p, reset_less=True)
        with m.If(self.capture):
            m.d.sync += shadow.eq(self.w)
        # Cycle 1: operands; cycle 2: multiply
        m.submodules.multiplier = _multiplier(self.a, shadow, self.swap, product)
        # Cycle 3: add
        m.d.sync += partial_sum.eq(self.p + product)
        m.d.comb += self.p_out.eq(partial_sum)
        return m


def _multiplier(a: Value, b: Value, enable_b: Value, product: Signal) -> Instance:
    """A MULT18X18D of signed operands, the second taken over when it is enabled."""
    pins: dict[str, Value] = {}
    for name, value in (("A", a), ("B", b)):
        extended = Cat(value, value[-1].replicate(_OPERAND_BITS - len(value)))
        pins |= {f"i_{name}{bit}": extended[bit] for bit in range(_OPERAND_BITS)}
    pins |= {f"o_P{bit}": product[bit] for bit in range(len(product))}
    return Instance(
        "MULT18X18D",
        p_REG_INPUTA_CLK="CLK0",
        p_REG_INPUTA_CE="CE0",
        p_REG_INPUTB_CLK="CLK0",
        p_REG_INPUTB_CE="CE1",
        p_REG_OUTPUT_CLK="CLK0",
        p_REG_OUTPUT_CE="CE0",
        i_CLK0=ClockSignal(),
        i_CE0=Const(1),
        i_CE1=enable_b,
        i_RST0=Const(0),
        i_SIGNEDA=Const(1),
        i_SIGNEDB=Const(1),
        i_SOURCEA=Const(0),
        i_SOURCEB=Const(0),
        **pins,
    )
