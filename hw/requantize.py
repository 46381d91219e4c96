"""From an int32 accumulator to an int8 code, exactly as fp32 arithmetic does it.

`y = clip(rint(f(f(acc) * multiplier)) + zero_point, low, high)`, f rounding to fp32, in integers:
the accumulator is rounded to 24 bits, multiplied by the multiplier's 24-bit significand, the
product rounded to 24 bits and that to an integer, each to nearest, ties to even.
"""

from __future__ import annotations

from typing import Protocol

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .delay import delays

__all__ = ["Requantizer", "requantize"]

PART = 17  # unsigned bits that the 18 signed ones of a multiplier block hold, in every family


class Cut(Protocol):
    """Passes a stage's values on to the next: through registers, or as they are."""

    def __call__(self, **values: Value) -> tuple[Value, ...]: ...


def magnitude(acc: Value) -> Value:
    """Absolute value of a signed(32), 32 bits: -2**31 has one."""
    return ((acc ^ acc[31].replicate(32)) + acc[31])[:32]


def leading_zeros(value: Value) -> Value:
    """Count the zeros before the first one of 32 bits; 31 if there is none, too: 5 bits."""
    zeros: Value = Const(31, 5)
    for top in range(7, 32, 8):
        # The highest bit that is set, of a byte that has one
        within: Value = Const(31 - (top - 7), 5)
        for bit in range(top - 6, top + 1):
            within = Mux(value[bit], 31 - bit, within)
        zeros = Mux(value[top - 7 : top + 1].any(), within, zeros) if top > 7 else within
    return zeros


def round_even(kept: Value, half: Value, sticky: Value) -> Value:
    """Round to nearest, ties to even, by the highest bit dropped and whether any other was set."""
    return kept + (half & (sticky | kept[0]))


def round_low(value: Value, dropped: int) -> Value:
    """Divide by 2**dropped and round: one bit more than the quotient has."""
    return round_even(value[dropped:], value[dropped - 1], value[: dropped - 1].any())


def saturate(value: Value, low: Value, high: Value) -> Value:
    """Clamp to signed(8)."""
    return Mux(value < low, low, Mux(value > high, high, value[:8].as_signed()))


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
        Bits of a normal, positive fp32 but for the sign, 31.
    zero_point, low, high : Value
        Constants of the layer, signed(8): codes minus 128.
    cut : callable
        Takes named values, returns them in the same order, one stage later.

    Returns
    -------
    Value
        The code minus 128, signed(8), `Requantizer.LATENCY` cuts later.
    """

    # Cycle 1: absolute value. `shift` is what the last division will be by, -136 to 149.
    a, negative, fraction, shift = cut(
        a=magnitude(acc),
        negative=acc[31],
        fraction=multiplier[:23],
        shift=119 - multiplier[23:31],
    )
    # Cycle 2: how far to shift for a leading one
    a, zeros, negative, fraction, shift = cut(
        a=a, zeros=leading_zeros(a), negative=negative, fraction=fraction, shift=shift
    )
    # Cycle 3: normalise
    a, negative, fraction, shift = cut(
        a=(a << zeros)[:32],
        negative=negative,
        fraction=fraction,
        shift=(shift + zeros)[:9].as_signed(),
    )
    # Cycle 4: first rounding, to a 24-bit significand; 2**24 may stay, no product overflows
    q, negative, fraction, shift = cut(
        q=round_low(a, 8), negative=negative, fraction=fraction, shift=shift
    )
    # Cycle 5: multiply, in parts of which each fits a multiplier block
    significand = Cat(fraction, 1)
    lower, left, right, upper, negative, shift = cut(
        lower=q[:PART] * significand[:PART],
        left=q[:PART] * significand[PART:],
        right=q[PART:] * significand[:PART],
        upper=q[PART:] * significand[PART:],
        negative=negative,
        shift=shift,
    )
    # Cycle 6: add the parts
    product, negative, shift = cut(
        product=(Cat(lower, upper) + ((left + right) << PART))[:48], negative=negative, shift=shift
    )
    # Cycle 7: normalise by the one bit that may be missing
    top = product[47]
    kept, half, sticky, negative, shift = cut(
        kept=Mux(top, product[24:48], product[23:47]),
        half=Mux(top, product[23], product[22]),
        sticky=product[:22].any() | (top & product[22]),
        negative=negative,
        shift=(shift - top)[:9].as_signed(),
    )
    # Cycle 8: second rounding, to a 24-bit significand
    rounded, negative, shift = cut(
        rounded=round_even(kept, half, sticky), negative=negative, shift=shift
    )
    # Cycle 9: divide by 2**shift, 24 bits behind the point. Below 16, the quotient is 256 or more
    # and beyond the clamp for every zero point; above 24, it is a half at most.
    fixed, large, small, negative = cut(
        fixed=(rounded << (24 - shift)[:4].as_unsigned())[:33],
        large=(shift < 16) & rounded[23:].any(),
        small=shift > 24,
        negative=negative,
    )
    # Cycle 10: third rounding, to an integer of up to 256
    integer, negative = cut(
        integer=Mux(large, 511, Mux(small, 0, round_low(fixed, 24)[:9])), negative=negative
    )
    # Cycle 11: sign and zero point
    (total,) = cut(total=Mux(negative, zero_point - integer, zero_point + integer))
    # Cycle 12: clamp
    (y,) = cut(y=saturate(total, low, high))
    return y


class Requantizer(wiring.Component):
    """Requantizes one accumulator per cycle; `y` comes `LATENCY` cycles after `acc`.

    The registers of a stage hold while no value enters it.

    Members
    -------
    valid, acc, multiplier : 1, signed(32), 31
        An accumulator and the bits of its normal, positive fp32 multiplier but for the sign.
    zero_point, low, high : signed(8)
        Codes minus 128, constant while values are in flight.
    valid_out, y : 1, signed(8)
        The code minus 128.
    """

    #: Cycles from `acc` to `y`.
    LATENCY = 12

    def __init__(self) -> None:
        code = signed(8)
        super().__init__(
            {
                "valid": In(1),
                "acc": In(signed(32)),
                "multiplier": In(31),
                "zero_point": In(code),
                "low": In(code),
                "high": In(code),
                "valid_out": Out(1),
                "y": Out(code),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        valid = delays(m, "valid", self.valid, self.LATENCY)
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
