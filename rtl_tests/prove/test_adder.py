"""Proof of the adder, as elaborated: all codes, zero points, factors, shifts and clamps.

In parts, so that no solver has to multiply and shift in one formula. Each starts from arbitrary
registers and proves what the next assumes.

1. Cycles 1 to 5: the product of an operand's steps from its zero point with its factor.
2. Cycle 6: the first operand's product is kept, through any pause.
3. Cycles 6 to 12: the sum of both over 2**shift, to nearest, clamped; ties away from 0 or, on
   hardware of both roundings, as `half_up` says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from amaranth.hdl import Cat, Module, Value
from transition import Counterexample, Hardware, Unrolling, literal

import maccord.hw.array.add as hardware
from maccord.spec.parameters import Parameters

CODES = ("zero_point_a", "zero_point_b", "zero_point", "low", "high")
LAYER = {"factor_a": 24, "factor_b": 24, "shift": 5} | dict.fromkeys(CODES, 8)
COLUMN = 1  # of two; the one behind the other's registers


def adder(*, half_up: bool = False) -> Hardware:
    return Hardware.of(hardware.Adder(Parameters(rows=4, cols=2, half_up=half_up)))


@cache
def sound(*, half_up: bool) -> Hardware:
    return adder(half_up=half_up)


def layer(cycles: int) -> dict[tuple[str, int], str]:
    """Constants of the layer, the same in all cycles."""
    return {(name, cycle): name for name in LAYER for cycle in range(cycles + 1)}


def extended(term: str, width: int, to: int, *, signed: bool = True) -> str:
    return f"((_ {'sign' if signed else 'zero'}_extend {to - width}) {term})"


def decoded(run: Unrolling, cycle: int) -> tuple[str, str]:
    """Whether the registers decoded from the shift are right in a cycle."""
    less = f"(bvsub {extended('shift', 5, 30, signed=False)} {literal(1, 30)})"
    half = f"(bvsub (bvshl {literal(1, 30)} {less}) {literal(1, 30)})"
    return (
        f"(= {run.at('below_half_1', cycle)} {half})",
        f"(= {run.at('amount_1', cycle)} (bvsub shift {literal(14, 5)}))",
    )


def scales(design: Hardware) -> None:
    """Part 1."""
    run = Unrolling(design, 5, layer(5) | {("valid", 0): "#b1"}, LAYER)
    run.assume(f"(bvuge shift {literal(14, 5)})")
    code = f"((_ extract {8 * COLUMN + 7} {8 * COLUMN}) {run.at('data', 0)})"
    second = run.at("second", 0)
    zero_point = f"(ite {second} zero_point_b zero_point_a)"
    factor = f"((_ extract 22 0) (ite {second} factor_b factor_a))"
    steps = f"(bvsub {extended(code, 8, 9)} {extended(zero_point, 8, 9)})"
    product = f"(bvmul {extended(steps, 9, 32)} {extended(factor, 23, 32, signed=False)})"
    run.prove(f"(= {run.at(f'product_5_{COLUMN}', 5)} {product})", *decoded(run, 1))


def keeps(design: Hardware) -> None:
    """Part 2."""
    declared = LAYER | {"earlier": 4}
    for opens in (0, 1):
        given = layer(1) | {("opening_0", 0): f"(concat #b{opens} earlier)"}
        run = Unrolling(design, 1, given, declared)
        source = f"product_5_{COLUMN}" if opens else f"first_{COLUMN}"
        run.prove(f"(= {run.at(f'first_{COLUMN}', 1)} {run.at(source, 0)})")


def rescales(design: Hardware) -> None:
    """Part 3."""
    given = layer(7) | {("closing_0", 0): "(concat later #b1 earlier)"}
    declared = LAYER | {"later": 7, "earlier": 4}
    if "half_up" in design.widths:
        given |= {("half_up", cycle): "half_up" for cycle in range(8)}
        declared |= {"half_up": 1}
    run = Unrolling(design, 7, given, declared)
    first, product = (
        extended(run.at(f"{name}_{COLUMN}", 0), 32, 40) for name in ("first", "product_5")
    )
    run.let("total", "(_ BitVec 40)", f"(bvadd {first} {product})")
    run.assume(
        "(bvsle low high)",
        f"(bvuge shift {literal(14, 5)})",
        f"(bvslt total {literal(1 << 31, 40)})",
        f"(bvsge total {literal(-(1 << 31), 40)})",
        *decoded(run, 0),
    )
    amount = extended("shift", 5, 40, signed=False)
    half = f"(bvshl {literal(1, 40)} (bvsub {amount} {literal(1, 40)}))"
    negative = f"(bvslt total {literal(0, 40)})"
    magnitude = f"(bvlshr (bvadd (ite {negative} (bvneg total) total) {half}) {amount})"
    away = f"(ite {negative} (bvneg {magnitude}) {magnitude})"
    up = f"(bvashr (bvadd total {half}) {amount})"
    quotient = f"(ite (= half_up #b1) {up} {away})" if "half_up" in declared else away
    run.let("quotient", "(_ BitVec 40)", quotient)
    run.let("code", "(_ BitVec 40)", f"(bvadd quotient {extended('zero_point', 8, 40)})")
    low, high = (extended(name, 8, 40) for name in ("low", "high"))
    clamped = f"(ite (bvslt code {low}) low (ite (bvsgt code {high}) high ((_ extract 7 0) code)))"
    y = run.at(f"y__{COLUMN}", 7)
    run.prove(f"(= {clamped} {y})", run.at("valid_out", 7), show=["total", "shift", "code", y])


@pytest.mark.parametrize("half_up", [False, True])
@pytest.mark.parametrize("part", [scales, keeps, rescales])
def test_every_part_holds(part: Callable[[Hardware], None], half_up: bool) -> None:
    part(sound(half_up=half_up))


def always_up(acc: Value, below_half: Value, half_up: Value | None = None) -> Value:
    """Round ties towards plus infinity."""
    return (Cat(1, acc).as_signed() + Cat(1, below_half)) >> 1


def always_away(acc: Value, below_half: Value, half_up: Value | None = None) -> Value:
    """Round ties away from 0."""
    return (Cat(1, acc).as_signed() + Cat(~acc[-1], below_half)) >> 1


def half_down(acc: Value, below_half: Value, half_up: Value | None = None) -> Value:
    """Round ties towards minus infinity."""
    return acc + below_half


@pytest.mark.parametrize(
    ("broken", "half_up"),
    [(always_up, False), (half_down, False), (always_up, True), (always_away, True)],
)
def test_a_broken_rounding_has_a_counterexample(
    monkeypatch: pytest.MonkeyPatch, broken: Callable[..., Value], half_up: bool
) -> None:
    monkeypatch.setattr(hardware, "rounded", broken)
    with pytest.raises(Counterexample, match="total = "):
        rescales(adder(half_up=half_up))


def test_an_ignored_second_factor_has_a_counterexample(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(hardware.Adder):
        def elaborate(self, platform: object) -> Module:
            self.factor_b = self.factor_a
            return super().elaborate(platform)

    with pytest.raises(Counterexample):
        scales(Hardware.of(Forgetful(Parameters(rows=4, cols=2))))
