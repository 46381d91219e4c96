"""fp32 arithmetic in pipelines, to nearest even: fused multiply-add, product, difference.

Numbers are 0 or normal; a result below 2**-126 is 0. The caller keeps results below 2**128.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Mux, Value

from ..array.requantize import (
    multiply_significands,
    plus_bit,
    round_code,
    round_even,
    zeros_above,
)
from ..family.multiply import PART
from .pipeline import Pipeline

__all__ = ["CODE_STAGES", "DIFFERENCE_STAGES", "FUSED_STAGES", "INTEGER_STAGES"]
__all__ += ["PRODUCT_STAGES", "code_difference", "from_integers", "fused_multiply_add", "product"]
__all__ += ["scaled_code", "significand"]

#: Stages of `fused_multiply_add`.
FUSED_STAGES = 15
#: Stages of `product`.
PRODUCT_STAGES = 7
#: Stages of `code_difference`.
DIFFERENCE_STAGES = 10
#: Stages of `scaled_code`.
CODE_STAGES = 13
#: Stages of `from_integer`.
INTEGER_STAGES = 3

_TOP = 46  # fraction bits of a product of two significands
_LEAD = 27  # places by which an addend of equal exponent is left of the product
_WIDTH = 75  # of an aligned addend: 24 bits, 50 to its right and one for what is lost


def significand(number: Value) -> Value:
    """24 bits, 0 for the number 0."""
    present = number[23:31].any()
    return Cat(number[:23] & present.replicate(23), present)


def fused_multiply_add(pipeline: Pipeline, x: Value, y: Value, z: Value) -> Value:
    """Compute x * y + z, rounded once; 32 bits each, `FUSED_STAGES` stages later."""
    a, b = significand(x), significand(y)
    # Cycles 1 and 2: multiply in parts
    parts = [
        pipeline.product(name, first, second)
        for name, first, second in (
            ("lower", a[:PART], b[:PART]),
            ("near", a[:PART], b[PART:]),
            ("far", a[PART:], b[:PART]),
            ("upper", a[PART:], b[PART:]),
        )
    ]
    # Exponents of the product, minus 127, and of the addend
    exponent = (x[23:31] + y[23:31] - 127).as_signed()
    zero = ~(a[23] & b[23])
    exponent, zero, negative, z = pipeline.cut(
        exponent=exponent, zero=zero, negative=x[31] ^ y[31], z=z
    )
    exponent, negative, z = pipeline.cut(
        exponent=Mux(zero, z[23:31], exponent)[:10].as_signed(), negative=negative, z=z
    )
    # Cycles 3 to 5: add the parts
    lower, near, far, upper, exponent, negative, z = pipeline.cut(
        lower=parts[0],
        near=parts[1],
        far=parts[2],
        upper=parts[3],
        exponent=exponent,
        negative=negative,
        z=z,
    )
    lower, middle, upper, exponent, negative, z = pipeline.cut(
        lower=lower, middle=near + far, upper=upper, exponent=exponent, negative=negative, z=z
    )
    bits, exponent, negative, z = pipeline.cut(
        bits=Cat(lower[:PART], (Cat(lower[PART:], upper) + middle)[: 48 - PART]),
        exponent=exponent,
        negative=negative,
        z=z,
    )
    return _sum(pipeline, bits, exponent, negative, z)


def code_difference(pipeline: Pipeline, steps: Value, subtrahend: Value) -> Value:
    """Subtract an fp32 number from an integer of 9 bits, signed; `DIFFERENCE_STAGES` stages.

    The subtrahend is a multiple of 2**-39 below 2**8 in magnitude.
    """
    size = Mux(steps[-1], -steps, steps)[:8]
    bits = Cat(Const(0, _TOP - 7), size, Const(0, 1))
    z = Cat(subtrahend[:31], ~subtrahend[31])
    return _sum(pipeline, bits, Const(127 + 7, 10).as_signed(), steps[-1], z)


def product(pipeline: Pipeline, x: Value, y: Value) -> Value:
    """Compute x * y; 32 bits each, `PRODUCT_STAGES` stages later."""
    left = (x[23:31] + y[23:31] - 253)[:9].as_signed()
    kept, up, negative, left = multiply_significands(
        significand(x), significand(y), x[31] ^ y[31], left, pipeline.cut, pipeline.product
    )
    # Cycle 7: round
    rounded = plus_bit(kept, up)
    exponent = (left + 126 + rounded[24])[:10].as_signed()
    return _packed(pipeline, rounded, exponent, negative)


def _sum(pipeline: Pipeline, bits: Value, exponent: Value, negative: Value, z: Value) -> Value:
    """Add z to bits * 2**(exponent - 127 - 46), 10 stages later.

    Where z is not far smaller, it is exact in a window with the product at its lower end. Where it
    is far larger, the product counts as less than a quarter of z's last bit.
    """
    # Cycle 1: how far the addend is right of its leftmost place
    shift = exponent - z[23:31] + _LEAD
    over = shift > _WIDTH - 1
    base, bits, shift, negative, z = pipeline.cut(
        base=Mux(shift < 0, z[23:31] - _LEAD, exponent)[:10].as_signed(),
        bits=bits,
        shift=Mux(shift < 0, 0, Mux(over, _WIDTH - 1, shift))[:7].as_unsigned(),
        negative=negative,
        z=z,
    )
    # Cycle 2: align; what is lost is one bit
    wide = Cat(Const(0, _WIDTH - 1 + 50), significand(z)) >> shift
    addend, base, bits, negative, other = pipeline.cut(
        addend=Cat(wide[: _WIDTH - 1].any(), wide[_WIDTH - 1 :]),
        base=base,
        bits=bits,
        negative=negative,
        other=z[31],
    )
    # Cycle 3: add or subtract
    wide_bits = Cat(Const(0, 1), bits)
    total, base, other = pipeline.cut(
        total=Mux(negative ^ other, addend - wide_bits, addend + wide_bits)[:77].as_signed(),
        base=base,
        other=other,
    )
    # Cycle 4: magnitude
    size, base, negative = pipeline.cut(
        size=Mux(total[-1], -total, total)[:76], base=base, negative=total[-1] ^ other
    )
    # Cycles 5 and 6: the first group of 16 bits that are not all 0
    size = Cat(Const(0, 4), size)
    groups = Cat(size[start : start + 16].any() for start in range(0, 80, 16))
    zeros, size, base, negative = pipeline.cut(
        zeros=zeros_above(groups), size=size, base=base, negative=negative
    )
    size, base, negative = pipeline.cut(
        size=(size << Cat(Const(0, 4), zeros))[:80],
        base=(base + (_WIDTH - 1 - _TOP) - Cat(Const(0, 4), zeros))[:10].as_signed(),
        negative=negative,
    )
    # Cycles 7 and 8: normalize
    zeros, size, base, negative = pipeline.cut(
        zeros=zeros_above(size[64:]), size=size, base=base, negative=negative
    )
    size, base, negative = pipeline.cut(
        size=(size << zeros)[:80], base=(base - zeros)[:10].as_signed(), negative=negative
    )
    # Cycle 9: round
    kept, up, base, negative = pipeline.cut(
        kept=size[56:],
        up=round_even(size[56], size[55], size[:55].any()),
        base=base,
        negative=negative,
    )
    rounded = plus_bit(kept, up)
    # Cycle 10: pack
    return _packed(pipeline, rounded, (base + rounded[24])[:10].as_signed(), negative)


def _packed(pipeline: Pipeline, rounded: Value, exponent: Value, negative: Value) -> Value:
    """Return the bits of a number one stage later."""
    (found,) = pipeline.cut(number=_number(rounded, exponent, negative))
    return found


def _number(rounded: Value, exponent: Value, negative: Value) -> Value:
    """Return the bits of a number, whose significand may be 2**24."""
    present = (rounded[23] | rounded[24]) & (exponent > 0)
    return Cat(Cat(rounded[:23], exponent[:8]) & present.replicate(31), negative)


def scaled_code(pipeline: Pipeline, x: Value, multiplier: Value, zero_point: Value) -> Value:
    """Compute clip(rint(f(x * multiplier)) + zero_point, -128, 127); `CODE_STAGES` stages.

    Parameters
    ----------
    pipeline : Pipeline
    x : Value
        32 bits, times the multiplier below 2**31.
    multiplier : Value
        31 bits of a normal, positive number without its sign.
    zero_point : Value
        A code minus 128, signed(8).
    """
    left = (x[23:31] + multiplier[23:31] - 253)[:9].as_signed()
    kept, up, negative, left = multiply_significands(
        significand(x), Cat(multiplier[:23], 1), x[31], left, pipeline.cut, pipeline.product
    )
    ends = Const(-128, 8).as_signed(), Const(127, 8).as_signed()
    return round_code(kept, up, negative, left, zero_point, *ends, pipeline.cut)


def from_integers(pipeline: Pipeline, *values: Value) -> list[Value]:
    """Convert unsigned integers of up to 32 bits; `INTEGER_STAGES` stages later."""
    names = [f"value{index}" for index in range(len(values))]
    # Cycles 1 and 2: normalize
    zeros = {f"{name}_zeros": zeros_above(value) for name, value in zip(names, values, strict=True)}
    found = pipeline.cut(**zeros, **dict(zip(names, values, strict=True)))
    pairs = list(zip(found[: len(values)], found[len(values) :], strict=True))
    shifted = {
        name: (value << count)[: len(value)]
        for name, (count, value) in zip(names, pairs, strict=True)
    }
    found = pipeline.cut(**dict(zip(zeros, (count for count, _ in pairs), strict=True)), **shifted)
    # Cycle 3: round
    numbers = {
        name: _rounded_integer(count, value)
        for name, count, value in zip(
            names, found[: len(values)], found[len(values) :], strict=True
        )
    }
    return list(pipeline.cut(**numbers))


def _rounded_integer(zeros: Value, value: Value) -> Value:
    """Return the number for a left-aligned integer."""
    width = len(value)
    bits = Cat(Const(0, 33 - width), value)
    rounded = plus_bit(bits[9:], round_even(bits[9], bits[8], bits[:8].any()))
    exponent = (Const(127 + width - 1, 10) - zeros + rounded[24])[:10].as_signed()
    return _number(rounded, exponent, Const(0, 1))
