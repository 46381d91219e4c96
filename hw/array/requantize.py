"""Requantization of an int32 accumulator to an int8 code, bit-exact with fp32 arithmetic.

`y = clip(rint(f(f(acc) * multiplier)) + zero_point, low, high)`, f rounding to fp32, in integers:
the accumulator is rounded to 24 bits, multiplied by the multiplier's 24-bit significand, the
product rounded to 24 bits and that to an integer, each to nearest, ties to even.
"""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import Cat, Const, Module, Mux, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..family.multiply import PART, multiply
from ..parts.delay import delay
from ..parts.stages import Cut, activity, clamp, stages

__all__ = ["Requantizer", "multiply_significands", "requantize", "round_code"]

PRODUCT = 8  # cycle in which the factors enter the multipliers


def magnitude(acc: Value) -> Value:
    """Absolute value of a signed(32) as 32 unsigned bits, which hold 2**31."""
    return plus_bit(acc ^ acc[31].replicate(32), acc[31])[:32]


def plus_bit(value: Value, bit: Value) -> Value:
    """Add a bit; the result is one bit wider than the value."""
    return value.as_unsigned() + bit


def set_groups(value: Value) -> Value:
    """OR-reduce each of the 8 groups of 4 bits of a 32-bit value."""
    return Cat(value[k : k + 4].any() for k in range(0, 32, 4))


def zeros_above(bits: Value) -> Value:
    """Count leading zeros; one less than the width if no bit is set."""
    zeros: Value = Const(len(bits) - 1, (len(bits) - 1).bit_length())
    for index, bit in enumerate(bits):
        zeros = Mux(bit, len(bits) - 1 - index, zeros)
    return zeros


def round_even(last: Value, half: Value, sticky: Value) -> Value:
    """Whether round-to-nearest-even increments.

    Takes the last bit kept, the highest bit dropped, and the OR of the other dropped bits.
    """
    return half & (sticky | last)


def requantize(
    acc: Value,
    multiplier: Value,
    zero_point: Value,
    low: Value,
    high: Value,
    cut: Cut,
    product: Callable[[str, Value, Value], Value],
) -> Value:
    """Compute a requantized code, with pipeline stages inserted by `cut`.

    With the identity as `cut` and a plain multiplication as `product`, it is combinational.

    Parameters
    ----------
    acc : Value
        Accumulator, signed(32).
    multiplier : Value
        The 31 bits of a normal, positive fp32 number without its sign.
    zero_point, low, high : Value
        Constants of the layer, signed(8): codes minus 128.
    cut : callable
        Takes named values and returns them in the same order, one stage later.
    product : callable
        Takes a name and two operands and returns their product two stages later.

    Returns
    -------
    Value
        The code minus 128, signed(8), `Requantizer.LATENCY` cuts later.
    """
    q, negative, fraction, left = _rounded(acc, multiplier, cut)
    kept, up, negative, left = multiply_significands(
        q, Cat(fraction, 1), negative, left, cut, product
    )
    return round_code(kept, up, negative, left, zero_point, low, high, cut)


def _rounded(acc: Value, multiplier: Value, cut: Cut) -> tuple[Value, ...]:
    """Cycles 1 to 7: the accumulator's magnitude as a 24-bit significand, and its exponent.

    Returns the significand, the sign, the multiplier's fraction, and `left`.
    """
    # Cycle 1: absolute value. `left` is the final shift of the product, relative to 24 integer
    # bits: -125 to 160.
    a, negative, fraction, left = cut(
        a=magnitude(acc),
        negative=acc[31],
        fraction=multiplier[:23],
        left=(multiplier[23:31] - 95).as_signed(),
    )
    # Cycles 2 and 3: the first group of 4 bits that are not all 0
    a, groups, negative, fraction, left = cut(
        a=a, groups=set_groups(a), negative=negative, fraction=fraction, left=left
    )
    a, zeros, negative, fraction, left = cut(
        a=a, zeros=zeros_above(groups), negative=negative, fraction=fraction, left=left
    )
    # Cycles 4 and 5: normalize, by groups and by bits
    a, negative, fraction, left = cut(
        a=(a << Cat(Const(0, 2), zeros))[:32],
        negative=negative,
        fraction=fraction,
        left=(left - Cat(Const(0, 2), zeros))[:9].as_signed(),
    )
    zeros = zeros_above(a[28:])
    a, zeros, negative, fraction, left = cut(
        a=(a << zeros)[:32], zeros=zeros, negative=negative, fraction=fraction, left=left
    )
    # Cycle 6: first rounding, to a 24-bit significand
    kept, up, negative, fraction, left = cut(
        kept=a[8:],
        up=round_even(a[8], a[7], a[:7].any()),
        negative=negative,
        fraction=fraction,
        left=(left - zeros)[:9].as_signed(),
    )
    # Cycle 7: round; a factor of 2**24 is possible, and no product overflows
    return cut(q=plus_bit(kept, up), negative=negative, fraction=fraction, left=left)


def multiply_significands(
    q: Value,
    significand: Value,
    negative: Value,
    left: Value,
    cut: Cut,
    product: Callable[[str, Value, Value], Value],
) -> tuple[Value, ...]:
    """Cycles 8 to 13: the product of two significands, and how to round it to 24 bits.

    Returns the bits kept, whether to increment them, the sign, and `left`.
    """
    # Cycles 8 and 9: multiply in parts, each of which fits a multiplier block
    lower = product("lower", q[:PART], significand[:PART])
    near = product("near", q[:PART], significand[PART:])
    far = product("far", q[PART:], significand[:PART])
    upper = product("upper", q[PART:], significand[PART:])
    negative, left = cut(negative=negative, left=left)
    negative, left = cut(negative=negative, left=left)
    # Cycle 10: routing stage from multiplier blocks that may be far away
    lower, near, far, upper, negative, left = cut(
        lower=lower, near=near, far=far, upper=upper, negative=negative, left=left
    )
    # Cycles 11 and 12: add the parts
    lower, middle, upper, negative, left = cut(
        lower=lower, middle=near + far, upper=upper, negative=negative, left=left
    )
    high_part, sticky, negative, left = cut(
        high_part=(Cat(lower[PART:], upper) + middle)[: 48 - PART],
        sticky=lower[:PART].any(),
        negative=negative,
        left=left,
    )
    # Cycle 13: normalize by at most one bit; second rounding, to 24 bits
    product_bits = Cat(Const(0, PART), high_part)
    top = product_bits[47]
    sticky = sticky | product_bits[PART:22].any() | (top & product_bits[22])
    kept = Mux(top, product_bits[24:48], product_bits[23:47])
    return cut(
        kept=kept,
        up=round_even(kept[0], Mux(top, product_bits[23], product_bits[22]), sticky),
        negative=negative,
        left=(left + top)[:9].as_signed(),
    )


def round_code(
    kept: Value,
    up: Value,
    negative: Value,
    left: Value,
    zero_point: Value,
    low: Value,
    high: Value,
    cut: Cut,
) -> Value:
    """Cycles 14 to 20: the product as an integer, plus the zero point, clamped."""
    # Cycle 14: round. Shifted by more than 8, all but 0 is 256 or more and beyond the clamp for
    # every zero point; shifted right, it is a half at most.
    rounded, left, large, small, negative = cut(
        rounded=plus_bit(kept, up),
        left=left[:4].as_unsigned(),
        large=left > 8,
        small=left[-1],
        negative=negative,
    )
    # Cycles 15 and 16: shift by up to 8; bits below 3 fraction bits go into the sticky bit
    fixed, left, large, small, negative = cut(
        fixed=(rounded << Cat(Const(0, 2), left[2:]))[:33],
        left=left[:2],
        large=large & rounded[23:].any(),
        small=small,
        negative=negative,
    )
    fixed, sticky, large, small, negative = cut(
        fixed=(fixed << left)[20:33],
        sticky=fixed[:20].any(),
        large=large,
        small=small,
        negative=negative,
    )
    # Cycle 17: third rounding, to an integer of up to 256; negate by ones' complement with a
    # pending increment
    whole = Mux(large, 511, Mux(small, 0, fixed[4:]))
    up = round_even(fixed[4], fixed[3], sticky | fixed[:3].any()) & ~large & ~small
    whole, up = cut(
        whole=Cat(whole ^ negative.replicate(9), negative).as_signed(), up=up ^ negative
    )
    # Cycle 18: zero point, with the increment as carry-in
    doubled = Cat(up, whole).as_signed() + Cat(1, zero_point).as_signed()
    (total,) = cut(total=doubled >> 1)
    # Cycles 19 and 20: clamp
    return clamp(total, low, high, cut)


class Requantizer(wiring.Component):
    """Requantizes one accumulator per cycle, with a latency of `LATENCY` cycles.

    The registers of an empty stage hold, except those inside a multiplier block.

    Parameters
    ----------
    family : str
        One of `maccord.spec.parameters.FAMILIES`; selects the multipliers.

    Members
    -------
    valid, acc, multiplier : 1, signed(32), 31
        An accumulator and its normal, positive fp32 multiplier without the sign bit.
    zero_point, low, high : signed(8)
        Codes minus 128, constant while values are in flight.
    valid_out, y : 1, signed(8)
        The code minus 128.
    """

    #: Cycles from `acc` to `y`.
    LATENCY = 20

    def __init__(self, *, family: str = "generic") -> None:
        self._family = family
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
        enables = activity(m, self.valid, self.LATENCY)

        def product(name: str, a: Value, b: Value) -> Value:
            load, finish = enables[PRODUCT - 1 : PRODUCT + 1]
            return multiply(m, name, a, b, load, finish, self._family)

        y = requantize(
            self.acc,
            self.multiplier,
            self.zero_point,
            self.low,
            self.high,
            cut=stages(m, enables),
            product=product,
        )
        valid = delay(m, "valid", self.valid, self.LATENCY)
        m.d.comb += [self.y.eq(y), self.valid_out.eq(valid)]
        return m
