"""From an int32 accumulator to an int8 code, exactly as fp32 arithmetic does it.

`y = clip(rint(f(f(acc) * multiplier)) + zero_point, low, high)`, f rounding to fp32, in integers:
the accumulator is rounded to 24 bits, multiplied by the multiplier's 24-bit significand, the
product rounded to 24 bits and that to an integer, each to nearest, ties to even.
"""

from __future__ import annotations

from typing import Protocol

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .delay import delays

__all__ = ["Requantizer", "requantize"]


class Cut(Protocol):
    """Passes a stage's values on to the next: through registers, or as they are."""

    def __call__(self, **values: Value) -> tuple[Value, ...]: ...


def magnitude(acc: Value) -> Value:
    """Absolute value of a signed(32), 32 bits: -2**31 has one."""
    return ((acc ^ acc[31].replicate(32)) + acc[31])[:32]


def leading_zeros(value: Value) -> Value:
    """Count the zeros before the first one of 32 bits; 31 if there is none, too: 5 bits."""
    zeros = []
    while len(value) > 1:
        half = len(value) // 2
        zeros.append(~value[half:].any())
        value = Mux(zeros[-1], value[:half], value[half:])
    return Cat(reversed(zeros))


def round_even(value: Value, dropped: int) -> Value:
    """Divide by 2**dropped and round, ties to even: one bit more than the quotient has."""
    kept, half = value[dropped:], value[dropped - 1]
    return kept + (half & (value[: dropped - 1].any() | kept[0]))


def round_integer(rounded: Value, shift: Value) -> Value:
    """Divide a 24-bit significand by 2**shift and round, ties to even, saturating: 9 bits.

    Below a shift of 16 the quotient is 256 or more, which every zero point leaves beyond the
    clamp; above 24 it is a half at most.
    """
    fixed = (rounded << (24 - shift)[:4].as_unsigned())[:33]
    integer = round_even(fixed, 24)[:9]
    large = (shift < 16) & rounded[23:].any()
    return Mux(large, 511, Mux(shift > 24, 0, integer))


def finish(negative: Value, value: Value, zero_point: Value, low: Value, high: Value) -> Value:
    """Apply sign, zero point and clamp: signed(8)."""
    y = Mux(negative, zero_point - value, zero_point + value)
    return Mux(y < low, low, Mux(y > high, high, y[:8].as_signed()))


def requantize(
    acc: Value, multiplier: Value, zero_point: Value, low: Value, high: Value, cut: Cut
) -> Value:
    """Compute a requantized code, in stages that `cut` separates.

    With a `cut` that returns what it is given, this is the combinational function.

    Parameters
    ----------
    acc : Value
        Accumulator, signed(32).
    multiplier : Value
        Bits of a normal, positive fp32.
    zero_point, low, high : Value
        Constants of the layer, signed(8): codes minus 128.
    cut : callable
        Takes named values, returns them in the same order, one stage later.

    Returns
    -------
    Value
        The code minus 128, signed(8), `Requantizer.LATENCY` cuts later.
    """

    def count(shift: Value) -> Value:
        return shift[:9].as_signed()

    # Cycle 1: absolute value. `shift` is what the last division will be by, -137 to 149.
    a, negative, multiplicand, shift = cut(
        a=magnitude(acc),
        negative=acc[31],
        multiplicand=Cat(multiplier[:23], 1),
        shift=119 - multiplier[23:31],
    )
    # Cycle 2: how far to shift for a leading one
    a, zeros, negative, multiplicand, shift = cut(
        a=a, zeros=leading_zeros(a), negative=negative, multiplicand=multiplicand, shift=shift
    )
    # Cycle 3: normalise
    a, negative, multiplicand, shift = cut(
        a=(a << zeros)[:32],
        negative=negative,
        multiplicand=multiplicand,
        shift=count(shift + zeros),
    )
    # Cycle 4: first rounding, to a 24-bit significand
    q = round_even(a, 8)
    q, negative, multiplicand, shift = cut(
        q=q[:24] | (q[24] << 23),
        negative=negative,
        multiplicand=multiplicand,
        shift=count(shift - q[24]),
    )
    # Cycles 5 and 6: multiply, with the output register of a DSP block
    product = q * multiplicand
    for _ in range(2):
        product, negative, shift = cut(product=product, negative=negative, shift=shift)
    # Cycle 7: second rounding, to a 24-bit significand
    top = product[47]
    rounded, negative, shift = cut(
        rounded=round_even(Mux(top, product, product << 1)[:48], 24),
        negative=negative,
        shift=count(shift - top),
    )
    # Cycle 8: third rounding, to an integer
    integer, negative = cut(integer=round_integer(rounded, shift), negative=negative)
    # Cycle 9: zero point and clamp
    (y,) = cut(y=finish(negative, integer, zero_point, low, high))
    return y


class Requantizer(wiring.Component):
    """Requantizes one accumulator per cycle; `y` comes `LATENCY` cycles after `acc`.

    The registers of a stage hold while no value enters it.

    Members
    -------
    valid, acc, multiplier : 1, signed(32), 32
        An accumulator and the bits of its normal, positive fp32 multiplier.
    zero_point, low, high : signed(8)
        Codes minus 128, constant while values are in flight.
    valid_out, y : 1, signed(8)
        The code minus 128.
    """

    #: Cycles from `acc` to `y`.
    LATENCY = 9

    def __init__(self) -> None:
        code = signed(8)
        super().__init__(
            {
                "valid": In(1),
                "acc": In(signed(32)),
                "multiplier": In(32),
                "zero_point": In(code),
                "low": In(code),
                "high": In(code),
                "valid_out": Out(1),
                "y": Out(code),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        valid = delays(m, "valid", self.valid, self.LATENCY, reset_less=False)
        stages = iter(range(self.LATENCY))

        def registers(**values: Value) -> tuple[Value, ...]:
            stage = next(stages)
            cut = [
                Signal.like(value, name=f"{name}_{stage + 1}", reset_less=True)
                for name, value in values.items()
            ]
            with m.If(valid[stage]):
                m.d.sync += [
                    register.eq(value) for register, value in zip(cut, values.values(), strict=True)
                ]
            return tuple(cut)

        y = requantize(
            self.acc, self.multiplier, self.zero_point, self.low, self.high, cut=registers
        )
        m.d.comb += [self.y.eq(y), self.valid_out.eq(valid[-1])]
        return m
