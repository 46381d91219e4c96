"""Quotients, roots and sums against NumPy's fp64 and fp32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

import maccord.hw.row.serial as hardware
from maccord.hw.row.serial import BITS, Operation, Serial

COUNT = 150


def number(value: float) -> dict[str, int]:
    fraction, exponent = np.frexp(value)
    bits = int(fraction * 2.0**BITS)
    return {"bits": bits, "exponent": int(exponent) - 1 if bits else 0}


def simulate(operation: Operation, pairs: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Compute one result after the other; return them and their cycles."""
    unit = Serial()
    found: list[float] = []
    cycles: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(unit.operation, operation)
        for a, b in pairs.tolist():
            ctx.set(unit.start, 1)
            ctx.set(unit.a, number(a))
            ctx.set(unit.b, number(b))
            await ctx.tick()
            ctx.set(unit.start, 0)
            ctx.set(unit.a, {"bits": 0, "exponent": 0})
            cycle = 1
            while not ctx.get(unit.done):
                await ctx.tick()
                cycle += 1
                assert cycle < 500
            cycles.append(cycle)
            bits, exponent = ctx.get(unit.result.bits), ctx.get(unit.result.exponent)
            found.append(float(np.ldexp(float(bits), exponent - BITS + 1)))

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return np.array(found), cycles


def values(rng: np.random.Generator, short: bool = False) -> np.ndarray:
    """Positive numbers, some of few bits."""
    bits = rng.integers(1 << 52, 1 << 53, (COUNT, 2))
    bits &= -1 << rng.choice([0, 30, 45, 51], (COUNT, 2))
    if short:
        bits &= -1 << 29
    return np.ldexp(bits.astype(float), rng.integers(-80, -20, (COUNT, 2)))


@pytest.mark.parametrize("operation", [Operation.QUOTIENT, Operation.ROOT, Operation.SUM])
def test_results_in_fp64(operation: Operation) -> None:
    pairs = values(np.random.default_rng(operation.value))
    due = {
        Operation.QUOTIENT: pairs[:, 0] / pairs[:, 1],
        Operation.ROOT: np.sqrt(pairs[:, 0]),
        Operation.SUM: pairs.sum(axis=1),
    }[operation]
    found, cycles = simulate(operation, pairs)
    np.testing.assert_array_equal(found, due)
    gaps = np.abs(np.diff(np.frexp(pairs)[1], axis=1)).ravel().clip(0, BITS + 3)
    more = gaps if operation == Operation.SUM else 0 * gaps
    np.testing.assert_array_equal(cycles, Serial.CYCLES[operation] + more)


def test_quotients_in_fp32() -> None:
    pairs = values(np.random.default_rng(9), short=True)
    pairs[:20, 0] = 0
    pairs[20:60] = np.random.default_rng(1).integers(1, 1 << 12, (40, 2))
    found, cycles = simulate(Operation.SHORT_QUOTIENT, pairs)
    due = pairs[:, 0].astype(np.float32) / pairs[:, 1].astype(np.float32)
    np.testing.assert_array_equal(found, due.astype(float))
    assert set(cycles) == {Serial.CYCLES[Operation.SHORT_QUOTIENT]}


def test_sums_of_close_numbers_and_with_zero() -> None:
    rng = np.random.default_rng(2)
    pairs = values(rng)
    pairs[:, 1] = pairs[:, 0] * np.exp2(rng.integers(-56, 57, COUNT)) * rng.uniform(0.5, 1, COUNT)
    pairs[:5, 0] = 0
    pairs[5:10, 1] = 0
    found, _ = simulate(Operation.SUM, pairs)
    np.testing.assert_array_equal(found, pairs.sum(axis=1))


def test_a_mistake_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "round_even", lambda last, half, sticky: half)
    pairs = np.array([[2.0**52 + 2, 0.5]])  # half of a last bit, which is 0
    found, _ = simulate(Operation.SUM, pairs)
    assert np.any(found != pairs.sum(axis=1))
