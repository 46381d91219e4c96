"""Processing element of Lattice ECP5 for two columns of narrow weights: two products per block.

The block multiplies an activation by `w_right * 2**s + w`, s = 8 + b for weights of b bits. The
lower s bits of the product are those of the left column's, exactly; above is the right column's,
minus the borrow of a negative lower one. Both are separated behind each block, where the ECP5 adds
in LUTs anyway, so that any number of rows is exact. Operands fill the block's 18 bits up to b = 4.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal, Value, signed

from ..parts.delay import delay
from . import ecp5_multiplier
from .ecp5 import Ecp5Element
from .processing_element import ProcessingElement

__all__ = ["Ecp5PackedElement"]


class Ecp5PackedElement(Ecp5Element):
    """`Ecp5Element` for two adjacent columns, with the left one's timing.

    `p` and `p_out` hold the left column's partial sum below the right one's.
    """

    COLUMNS = 2
    SUM_BITS = 48

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, width = len(self.w), self._bits
        field = 8 + bits
        left, right = (Signal(self._weight, name=n, reset_less=True) for n in ("left", "right"))
        both = Signal(signed(field + bits + 1))
        product = Signal(signed(2 * field), reset_less=True)
        sums = [Signal(signed(width), name=f"sum_{n}", reset_less=True) for n in (0, 1)]
        with m.If(self.capture):
            m.d.sync += [left.eq(self.w), right.eq(self.w_right)]
        m.d.comb += both.eq((right << field) + left)
        # Cycle 1: operands; cycle 2: multiply
        multiplied = ecp5_multiplier.product(m, "multiplier", self.a, both, take_b=self.swap)
        # Cycle 3: routing stage; cycle 4: add
        borrow, above = product[field - 1], self.p[width : 2 * width]
        upper = product[field:].as_signed()
        m.d.sync += [
            product.eq(multiplied),
            sums[0].eq(self.p[:width].as_signed() + product[:field].as_signed()),
            # Append the borrow to both operands as bit -1: one adder adds three terms
            sums[1].eq((Cat(borrow, above).as_signed() + Cat(borrow, upper).as_signed()) >> 1),
        ]
        m.d.comb += self.p_out.eq(Cat(sums))
        return m

    @classmethod
    def sums(cls, m: Module, name: str, column: Sequence[ProcessingElement]) -> list[Value]:
        """Return the two columns' sums, the right one a cycle later."""
        total, width = column[-1].p_out, column[-1]._bits
        right = delay(m, f"{name}_right", total[width : 2 * width], 1)
        return [total[:width].as_signed(), right.as_signed()]
