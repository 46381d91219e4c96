"""Proof of the requantizer at full width, as elaborated, against IEEE 754 arithmetic in SMT-LIB.

The claim: `y = clip(rint(f(f(acc) * multiplier)) + zero_point, low, high)` for every accumulator,
every normal multiplier and every zero point and clamp. It is proved in parts, since no solver
finishes a symbolic 24-bit multiplication inside floating-point arithmetic. Each part starts from
arbitrary registers, and proves what the next assumes:

1. Cycles 1 to 7: the 25 bits of q, the sign and the exponent are those of `f(acc)`.
2. Cycles 8 and 9: the four products of the halves of q and of the significand.
3. Cycles 10 to 12: their sum p, of 48 bits, as its upper 31 bits and the OR of the others.
   (a + A 2**17) (b + B 2**17) = a b + (a B + A b) 2**17 + A B 2**34 ties p to q: both sides are
   linear in each of the four, so equality for 0 and 1 is equality for all.
4. Cycles 13 to 20: p * 2**(left - 47), rounded to fp32 and to an integer, plus the zero point,
   clamped. With 1, p * 2**(left - 47) is the exact product `f(acc) * multiplier`.

The whole, with fixed multipliers, is proved in one piece too: nothing is then done by hand.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
from amaranth.hdl import Const, Value
from transition import Counterexample, Hardware, Unrolling, literal

import maccord.hw.array.requantize as hardware

F32, F64 = "(_ FloatingPoint 8 24)", "(_ FloatingPoint 11 53)"
PART = 17
LAYER = ("zero_point", "low", "high")
LEFT = (-125, 159)  # exponents left in cycle 12: 1..254 - 95 - 0..31


@cache
def requantizer() -> Hardware:
    return Hardware.of(hardware.Requantizer())


def begun(stage: int) -> tuple[dict[tuple[str, int], str], dict[str, int]]:
    """Return what is given and declared where a value is in a stage, others anywhere."""
    given = {("idle", 0): "(concat later #b0 earlier)"}
    return given, {"later": 19 - stage, "earlier": stage - 1}


def in_stage(unrolling: Unrolling, stage: int, cycle: int) -> str:
    """Whether a value is in a stage."""
    return f"(= ((_ extract {stage - 1} {stage - 1}) {unrolling.at('idle', cycle)}) #b0)"


def same(unrolling: Unrolling, name: str, cycle: int, stage: int) -> str:
    """Whether a register has reached a later stage unchanged."""
    return f"(= {unrolling.at(name, 0)} {unrolling.at(f'{name[:-2]}_{stage}', cycle)})"


def convert(design: Hardware) -> None:
    """Part 1: f(acc) = q * 2**(8 - zeros)."""
    run = Unrolling(design, 7, {("valid", 0): "#b1"})
    acc, multiplier = run.at("acc", 0), run.at("multiplier", 0)
    exponent = f"((_ extract 30 23) {multiplier})"
    run.assume(f"(not (= {exponent} #x00))", f"(not (= {exponent} #xff))")
    q, left = run.at("q_7", 7), run.at("left_7", 7)
    biased = f"(bvsub (concat #b0 {exponent}) {literal(95, 9)})"
    zeros = run.let("zeros", "(_ BitVec 9)", f"(bvsub {biased} {left})")
    power = f"((_ extract 7 0) (bvsub {literal(127 + 8, 9)} {zeros}))"
    power = f"((_ to_fp 8 24) (concat #b0 {power} {literal(0, 23)}))"
    run.prove(
        f"(bvult {zeros} {literal(32, 9)})",
        f"(= (fp.abs ((_ to_fp 8 24) RNE {acc})) "
        f"(fp.mul RNE ((_ to_fp_unsigned 8 24) RNE {q}) {power}))",
        f"(= {run.at('negative_7', 7)} (bvslt {acc} {literal(0, 32)}))",
        f"(= {run.at('fraction_7', 7)} ((_ extract 22 0) {multiplier}))",
        f"(or (= {q} {literal(0, 25)}) "
        f"(and (bvuge {q} {literal(1 << 23, 25)}) (bvule {q} {literal(1 << 24, 25)})))",
        in_stage(run, 7, 7),
        show=[acc, q, left],
    )


def multiply(design: Hardware) -> None:
    """Part 2: products of parts."""
    run = Unrolling(design, 2, *begun(7))
    q, significand = run.at("q_7", 0), f"(concat #b1 {run.at('fraction_7', 0)})"
    halves = {
        q: (((16, 0), 17), ((24, 17), 8)),
        significand: (((16, 0), 17), ((23, 17), 7)),
    }
    names = ("lower", "near", "far", "upper")
    for name, factors in zip(names, product(halves[q], halves[significand]), strict=True):
        width = sum(bits for _, bits in factors)
        a, b = (
            f"((_ zero_extend {width - bits}) ((_ extract {high} {low}) {value}))"
            for value, ((high, low), bits) in zip((q, significand), factors, strict=True)
        )
        run.prove(f"(= {run.at(f'{name}_product', 2)} (bvmul {a} {b}))", show=[q, significand])
    run.prove(same(run, "left_7", 2, 9), same(run, "negative_7", 2, 9), in_stage(run, 9, 2))


def add_parts(design: Hardware) -> None:
    """Part 3: the sum of the products, which is below 2**48."""
    run = Unrolling(design, 3, *begun(9))
    lower, near, far, upper = (
        f"((_ zero_extend {49 - design.widths[f'{name}_product']}) {run.at(f'{name}_product', 0)})"
        for name in ("lower", "near", "far", "upper")
    )
    middle = f"(bvshl (bvadd {near} {far}) {literal(PART, 49)})"
    top = f"(bvshl {upper} {literal(2 * PART, 49)})"
    run.let("p", "(_ BitVec 49)", f"(bvadd {lower} {middle} {top})")
    run.assume(f"(bvult p {literal(1 << 48, 49)})")
    run.prove(
        f"(= ((_ extract 47 {PART}) p) {run.at('high_part_12', 3)})",
        f"(= {run.at('sticky_12', 3)} (not (= ((_ extract {PART - 1} 0) p) {literal(0, PART)})))",
        same(run, "left_9", 3, 12),
        same(run, "negative_9", 3, 12),
        in_stage(run, 12, 3),
        show=["p"],
    )


def clipped(run: Unrolling, scaled: str) -> str:
    """Round an fp32 value to an integer, add the zero point, clamp: the code minus 128."""
    run.let("whole", F32, f"(fp.roundToIntegral RNE {scaled})")
    low, high = (
        f"((_ to_fp 8 24) RNE (bvsub ((_ sign_extend 1) {name}) ((_ sign_extend 1) zero_point)))"
        for name in ("low", "high")
    )
    total = "(bvadd ((_ fp.to_sbv 16) RNE whole) ((_ sign_extend 8) zero_point))"
    inside = f"(ite (fp.gt whole {high}) high ((_ extract 7 0) {total}))"
    return run.let("code", "(_ BitVec 8)", f"(ite (fp.lt whole {low}) low {inside})")


def layer(cycles: int) -> dict[tuple[str, int], str]:
    """Constants of the layer, the same in all cycles."""
    return {(name, cycle): name for name in LAYER for cycle in range(cycles + 1)}


def finish(design: Hardware) -> None:
    """Part 4: from p to the code."""
    given, declared = begun(12)
    run = Unrolling(design, 8, given | layer(8), declared | dict.fromkeys(LAYER, 8))
    left = run.at("left_12", 0)
    sticky = f"((_ zero_extend {PART - 1}) (ite {run.at('sticky_12', 0)} #b1 #b0))"
    run.let("p", "(_ BitVec 48)", f"(concat {run.at('high_part_12', 0)} {sticky})")
    run.assume(
        "(bvsle low high)",
        f"(or (= p {literal(0, 48)}) (bvuge p {literal(1 << 46, 48)}))",
        f"(bvule p {literal((1 << 24) * ((1 << 24) - 1), 48)})",
        f"(bvsge {left} {literal(LEFT[0], 9)})",
        f"(bvsle {left} {literal(LEFT[1], 9)})",
    )
    biased = f"(bvadd ((_ sign_extend 2) {left}) {literal(1023 - 47, 11)})"
    power = f"((_ to_fp 11 53) (concat #b0 {biased} {literal(0, 52)}))"
    run.let("exact", F64, f"(fp.mul RNE ((_ to_fp_unsigned 11 53) RNE p) {power})")
    signed = f"(ite {run.at('negative_12', 0)} (fp.neg exact) exact)"
    code = clipped(run, f"((_ to_fp 8 24) RNE {signed})")
    run.prove(f"(= {code} {run.at('y', 8)})", show=["p", left, *LAYER, code, run.at("y", 8)])


def whole(design: Hardware, multiplier: float) -> None:
    """All 20 cycles for one multiplier, every accumulator, zero point and clamp."""
    bits = int(np.float32(multiplier).view(np.uint32))
    given = {("valid", 0): "#b1", ("multiplier", 0): literal(bits, 31), ("acc", 0): "acc"}
    run = Unrolling(design, 20, given | layer(20), {"acc": 32} | dict.fromkeys(LAYER, 8))
    run.assume("(bvsle low high)")
    factor = f"((_ to_fp 8 24) {literal(bits, 32)})"
    code = clipped(run, f"(fp.mul RNE ((_ to_fp 8 24) RNE acc) {factor})")
    run.prove(f"(= {code} {run.at('y', 20)})", show=["acc", *LAYER, code, run.at("y", 20)])


PARTS = [convert, multiply, add_parts, finish]


@pytest.mark.parametrize("part", PARTS)
def test_every_part_holds(part) -> None:
    part(requantizer())


def test_parts_are_the_whole_product() -> None:
    for a, upper_a, b, upper_b in product((0, 1), repeat=4):
        parts = a * b + (a * upper_b + upper_a * b << PART) + (upper_a * upper_b << 2 * PART)
        assert (a + (upper_a << PART)) * (b + (upper_b << PART)) == parts


@pytest.mark.parametrize(
    "multiplier",
    [2.0**-126, 0.5, 1.9999999, 2.0**127, pytest.param(0.0037, marks=pytest.mark.nightly)],
)
def test_the_whole_holds_for_a_multiplier(multiplier) -> None:
    whole(requantizer(), multiplier)


def half_up(last: Value, half: Value, sticky: Value) -> Value:
    return half


def lost_sticky(last: Value, half: Value, sticky: Value) -> Value:
    return half & last


def no_zeros(bits: Value) -> Value:
    return Const(0, (len(bits) - 1).bit_length())


def wraps(acc: Value) -> Value:
    """Lose 2**31, the magnitude of the most negative accumulator."""
    return hardware.plus_bit(acc ^ acc[31].replicate(32), acc[31])[:31]


def inverted(value, low, high, cut):
    (value,) = cut(value=value[:8].as_signed())
    (value,) = cut(value=value)
    return value


@pytest.mark.parametrize(
    ("name", "broken", "fails"),
    [
        ("round_even", half_up, (convert, finish)),
        ("round_even", lost_sticky, (convert, finish)),
        ("zeros_above", no_zeros, (convert,)),
        ("magnitude", wraps, (convert,)),
        ("clamp", inverted, (finish,)),
    ],
)
def test_a_broken_requantizer_has_a_counterexample(monkeypatch, name, broken, fails) -> None:
    monkeypatch.setattr(hardware, name, broken)
    design = Hardware.of(hardware.Requantizer())
    for part in fails:
        with pytest.raises(Counterexample, match="= "):
            part(design)
