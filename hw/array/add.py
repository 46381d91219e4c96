"""Addition of int8 codes, in the fixed-point arithmetic of `maccord.golden.array.add`."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import SMALLEST_SHIFT
from ...spec.parameters import Parameters
from ..family.multiply import PART, multiply
from ..parts.delay import delays
from ..parts.stages import Cut, clamp, stages

__all__ = ["Adder", "rounded"]


def rounded(acc: Value, below_half: Value, half_up: Value | None = None) -> Value:
    """Add the rounding constant: a floor division then rounds to nearest, ties away from 0.

    The constant is half the divisor, less 1 for a negative sum; the inverted sign is the carry-in.
    With `half_up` it is half the divisor for all sums: ties round towards plus infinity.

    Parameters
    ----------
    acc : Value
        Sum, signed.
    below_half : Value
        Half the divisor, less 1.
    half_up : Value, optional
        1 bit.

    Returns
    -------
    Value
    """
    carry = ~acc[-1] if half_up is None else ~acc[-1] | half_up
    return (Cat(1, acc).as_signed() + Cat(carry, below_half)) >> 1


class Adder(wiring.Component):
    """Adds two vectors: (a - zero_point_a) * factor_a + (b - zero_point_b) * factor_b, rescaled.

    The sum is divided by 2**shift and rounded to nearest, ties away from zero or, with `half_up`,
    towards plus infinity. Then the zero point is added and the code clamped. Operands a and b
    alternate, at most one per cycle, with any pauses; they share one multiplier per column. The
    registers of an empty stage hold, except those inside a multiplier block.

    Parameters
    ----------
    parameters : Parameters
        Uses `cols`, `family` and `half_up`.

    Members
    -------
    valid, data : 1, 8 bits per column
        A vector of codes minus 128.
    second : 1
        1: the vector is operand b and completes the sum. 0: it is operand a.
    factor_a, factor_b : 24
        Fixed-point factors, 0 to 2**22; |acc| stays below 2**31.
    shift : 5
        14 to 31.
    zero_point_a, zero_point_b, zero_point, low, high : signed(8)
        Codes minus 128. They, the factors and the shift are constant while vectors are in flight.
    half_up : 1
        Where the parameters have it; constant like them.
    valid_out, y : 1, signed(8) per column
        The codes of the sum minus 128, `LATENCY` cycles after operand b.
    """

    #: Cycles from operand b to the sum.
    LATENCY = 12

    def __init__(self, parameters: Parameters) -> None:
        self._cols = parameters.cols
        self._family = parameters.family
        self._half_up = parameters.half_up
        code = signed(8)
        super().__init__(
            {
                "valid": In(1),
                "second": In(1),
                "data": In(8 * self._cols),
                "factor_a": In(24),
                "factor_b": In(24),
                "shift": In(5),
                "zero_point_a": In(code),
                "zero_point_b": In(code),
                "zero_point": In(code),
                "low": In(code),
                "high": In(code),
                "valid_out": Out(1),
                "y": Out(code).array(self._cols),
            }
            | ({"half_up": In(1)} if self._half_up else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        operand = delays(m, "operand", self.valid, 4, reset_less=False)
        opening = delays(m, "opening", self.valid & ~self.second, 5, reset_less=False)
        closing = delays(m, "closing", self.valid & self.second, self.LATENCY, reset_less=False)
        # Cycle 1: the operand's zero point and factor, and decoded shift for later stages
        cut = stages(m, operand)
        zero_point, factor, below_half, amount = cut(
            zero_point=Mux(self.second, self.zero_point_b, self.zero_point_a),
            factor=Mux(self.second, self.factor_b, self.factor_a)[:23],
            below_half=Cat(self.shift > bit + 1 for bit in range(30)),
            amount=(self.shift - SMALLEST_SHIFT)[:5],
        )
        (factor,) = cut(factor=factor)
        for j in range(self._cols):
            product = self._product(m, j, zero_point, factor, operand)
            # Cycle 6: keep operand a's product, add operand b's to it
            first = Signal(signed(32), name=f"first_{j}", reset_less=True)
            with m.If(opening[5]):
                m.d.sync += first.eq(product)
            cut = stages(m, closing[5:], f"_{j}", first=6)
            (acc,) = cut(acc=(first + product)[:32].as_signed())
            m.d.comb += self.y[j].eq(self._code(acc, below_half, amount, cut))
        m.d.comb += self.valid_out.eq(closing[self.LATENCY])
        return m

    def _product(
        self, m: Module, j: int, zero_point: Value, factor: Value, operand: Sequence[Value]
    ) -> Value:
        """Scale a column's codes, in cycles 1 to 5; on ECP5, with two multiplier blocks."""
        cut = stages(m, operand, f"_{j}")
        (code,) = cut(code=self.data.word_select(j, 8).as_signed())
        # Cycle 2: steps from zero
        (steps,) = cut(steps=code - zero_point)

        # Cycles 3 and 4: multiply
        def times(name: str, part: Value) -> Value:
            return multiply(m, f"{name}_{j}", steps, part, operand[2], operand[3], self._family)

        if self._family == "ecp5":
            lower, upper = times("lower", factor[:PART]), times("upper", factor[PART:])
            product = Cat(lower[:PART], (lower >> PART) + upper)
        else:
            product = times("scaled", factor)
        cut()
        cut()
        # Cycle 5: add the parts
        (product,) = cut(product=product[:32].as_signed())
        return product

    def _code(self, acc: Value, below_half: Value, amount: Value, cut: Cut) -> Value:
        """Rescale a sum, in cycles 7 to 12."""
        # Cycle 7: round
        mode = (self.half_up,) if self._half_up else ()
        (total,) = cut(total=rounded(acc, below_half, *mode))
        # Cycles 8 and 9: divide by 2**shift
        (coarse,) = cut(coarse=(total >> SMALLEST_SHIFT) >> Cat(Const(0, 2), amount[2:]))
        (quotient,) = cut(quotient=coarse >> amount[:2])
        # Cycle 10: zero point
        (code,) = cut(sum=quotient + self.zero_point)
        # Cycles 11 and 12: clamp
        return clamp(code, self.low, self.high, cut)
