"""Sums of two vectors of codes, in the fixed-point arithmetic of `maccord.golden.add`."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..golden.parameters import Parameters
from .delay import delays
from .requantize import saturate

__all__ = ["Adder", "rounding"]

SMALLEST_SHIFT = 14


def rounding(half: Value, negative: Value) -> Value:
    """What is added before a division rounds down, to round to nearest and halves away from 0."""
    return half - negative


class Adder(wiring.Component):
    """Adds two vectors: (a - zero_point_a) * factor_a + (b - zero_point_b) * factor_b, rescaled.

    The sum is divided by 2**shift, rounded to nearest, halves away from zero; the zero point is
    added and the code clamped. Operands come alternately, with any pauses, one per cycle at most.
    They take turns at one multiplier per column, which has registers on all sides. The registers
    of a stage hold while nothing enters it.

    Parameters
    ----------
    parameters : Parameters
        Uses `cols`.

    Members
    -------
    valid, data : 1, 8 bits per column
        A vector of codes minus 128.
    second : 1
        The vector is operand b, and completes the sum; else it is operand a.
    factor_a, factor_b : 24
        Fixed-point factors, 0 to 2**22; |acc| stays below 2**31.
    shift : 5
        14 to 31.
    zero_point_a, zero_point_b, zero_point, low, high : signed(8)
        Codes minus 128. These and the factors are constant while vectors are in flight.
    valid_out, y : 1, signed(8) per column
        The codes of the sum minus 128, `LATENCY` cycles after operand b.
    """

    #: Cycles from operand b to the sum.
    LATENCY = 9

    def __init__(self, parameters: Parameters):
        self._cols = parameters.cols
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
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        operand = delays(m, "operand", self.valid, 4, reset_less=False)
        second = delays(m, "second", self.second, 3)
        total = delays(m, "total", self.valid & self.second, self.LATENCY, reset_less=False)
        columns = range(self._cols)

        def stage(strobe: Value, name: str, of: Callable[[int], Value]) -> list[Signal]:
            return self._stage(m, strobe, name, of)

        # Cycle 1: steps from zero, their factor, and what the later stages take from the shift
        zero_point = Mux(self.second, self.zero_point_b, self.zero_point_a)
        steps = stage(
            operand[0],
            "steps",
            lambda j: self.data.word_select(j, 8).as_signed() - zero_point,
        )
        factor = Signal(23, reset_less=True)
        half = Signal(31, reset_less=True)
        amount = Signal(5, reset_less=True)
        with m.If(operand[0]):
            m.d.sync += [
                factor.eq(Mux(self.second, self.factor_b, self.factor_a)),
                half.eq((1 << self.shift) >> 1),
                amount.eq(self.shift - SMALLEST_SHIFT),
            ]
        # Cycles 2 and 3: multiply, with the output register of a DSP block
        products = stage(operand[1], "product", lambda j: steps[j] * factor)
        products = stage(operand[2], "product_out", lambda j: products[j])
        # Cycle 4: operand a starts the sum, operand b completes it
        acc = [Signal(signed(32), name=f"acc_{j}", reset_less=True) for j in columns]
        with m.If(operand[3]):
            for j in columns:
                m.d.sync += acc[j].eq(Mux(second[3], acc[j], 0) + products[j])
        # Cycle 5: round
        rounded = stage(total[4], "rounded", lambda j: acc[j] + rounding(half, acc[j][31]))
        # Cycles 6 and 7: divide by 2**shift
        coarse = stage(
            total[5],
            "coarse",
            lambda j: (rounded[j] >> SMALLEST_SHIFT) >> (amount & 0b11100),
        )
        quotient = stage(total[6], "quotient", lambda j: coarse[j] >> amount[:2])
        # Cycle 8: zero point
        code = stage(total[7], "code", lambda j: quotient[j] + self.zero_point)
        # Cycle 9: clamp
        y = stage(total[8], "y", lambda j: saturate(code[j], self.low, self.high))
        m.d.comb += self.valid_out.eq(total[self.LATENCY])
        m.d.comb += [ours.eq(value) for ours, value in zip(self.y, y, strict=True)]
        return m

    def _stage(
        self, m: Module, strobe: Value, name: str, of: Callable[[int], Value]
    ) -> list[Signal]:
        """Put a value of each column in a register, which holds without the strobe."""
        values = [of(j) for j in range(self._cols)]
        registers = [
            Signal.like(value, name=f"{name}_{j}", reset_less=True)
            for j, value in enumerate(values)
        ]
        with m.If(strobe):
            m.d.sync += [a.eq(b) for a, b in zip(registers, values, strict=True)]
        return registers
