"""Processing element of UltraScale+ for two columns: two products per DSP48E2.

The block multiplies an activation by `w_right * 2**18 + w`, so that one sum packs those of two
columns: the left column's in the lower 18 bits, the right column's above, minus the borrow of the
lower ones (Xilinx WP486, "Deep Learning with INT8 Optimization on Xilinx Devices"). The lower sum
is exact for 7 products of up to 2**14: every 7 rows, the two are separated and accumulated in the
fabric. Of products of 4-bit weights, up to 2**10, it holds 127: a column of any height is one run.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed

from ..parts.delay import delay
from .processing_element import ProcessingElement
from .xilinx import Dsp48e2Element, extended

__all__ = ["PackedElement"]

_FIELD = 18  # bits of the lower sum


class PackedElement(Dsp48e2Element):
    """`ProcessingElement` of one DSP48E2 for two adjacent columns, with the left one's timing.

    Registers A and D are the shadow registers of the right and of the left weight; the pre-adder's
    register holds both active weights.
    """

    COLUMNS = 2
    SUMS_LATENCY = 1

    def _operands(self) -> tuple[dict[str, int | str], dict[str, Value]]:
        registers = dict.fromkeys(("AREG", "ACASCREG", "BREG", "BCASCREG", "DREG", "ADREG"), 1)
        return registers | {"AMULTSEL": "AD", "PREADDINSEL": "A"}, {
            "A": Cat(Const(0, _FIELD), extended(self.w_right, 30 - _FIELD)),
            "D": extended(self.w, self.D_BITS),
            "B": extended(self.a, 18),
            "INMODE": Const(0b00100, 5),  # D + A
            "CEA2": self.capture,
            "CED": self.capture,
            "CEAD": self.swap,
            "CEB2": Const(1),
        }

    @classmethod
    def reach(cls, weight_bits: int) -> int:
        """Return the most rows whose sums of products share a chain of elements."""
        return ((1 << _FIELD - 1) - 1) >> 6 + weight_bits

    @classmethod
    def sums(cls, m: Module, name: str, column: Sequence[ProcessingElement]) -> list[Value]:
        """Add up a column; the two halves of each sum are the results of two columns."""
        ends = [row for row, element in enumerate(column) if element._last]
        shape = signed(column[0]._bits)
        left: Value = Const(0, shape)
        right: Value = Const(0, shape)
        for before, row in zip([ends[0] - 1, *ends], ends, strict=False):
            p, carry = column[row].p_out, column[row].p_out[_FIELD - 1]
            # Delay the sums of the rows above to match
            left, right = (
                delay(m, f"{name}_{side}_{row}", total, row - before - 1)
                for side, total in (("left", left), ("right", right))
            )
            total = Signal(shape, name=f"{name}_left_to_{row}", reset_less=True)
            other = Signal(shape, name=f"{name}_right_to_{row}", reset_less=True)
            upper = p[_FIELD : _FIELD + len(other)]
            m.d.sync += [
                total.eq(p[:_FIELD].as_signed() + left),
                # Append the carry to both operands as bit -1: one adder adds three terms
                other.eq((Cat(carry, upper) + Cat(carry, right))[1:]),
            ]
            left, right = total, other
        return [left, delay(m, f"{name}_right", right, 1)]
