"""The requantizer lane against fp32 arithmetic: ties, double roundings, saturation, cycles."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
import pytest
from amaranth.hdl import Const, Value
from open_loop import run

import maccord.hw.array.requantize as hardware
from maccord.golden.array.requantize import requantize

TINY, HUGE = np.finfo(np.float32).tiny, np.finfo(np.float32).max
EDGES = [0, 1, 2**24 - 1, 2**24, 2**24 + 1, 2**24 + 3, 2**25 - 1, 2**25 + 2, 2**31 - 1, 2**31]
EDGES += [2**24 - 2, 2**30 + 63, 2**30 + 64, 2**30 + 65, 3 << 24, 127, 128, 255, 256]
# zero point, low and high, as codes
CLAMPS = [(0, 0, 255), (255, 0, 255), (128, 128, 255), (3, 3, 200), (114, 0, 255), (255, 255, 255)]


def random_pairs(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    acc = rng.integers(-(2**31), 2**31, count) >> rng.integers(0, 31, count)
    return acc, np.exp2(rng.uniform(-40, 4, count))


def near_ties(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Accumulators within a step of half an output."""
    multiplier = np.exp2(rng.uniform(-23, 1, count)).astype(np.float32)
    halves = rng.integers(-256, 256, count) + 0.5
    return np.rint(halves / multiplier) + rng.integers(-1, 2, count), multiplier


def double_roundings(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Products that the rounding to 24 bits makes, or does not quite make, half an output."""
    acc = rng.integers(2**16, 2**31, count) >> rng.integers(0, 12, count)
    target = np.float32(rng.integers(0, 256, count) + 0.5)
    multiplier = (target / acc.astype(np.float32)).astype(np.float32)
    bits = multiplier.view(np.int32) + rng.integers(-1, 2, count)
    return acc * rng.choice([-1, 1], count), bits.astype(np.int32).view(np.float32)


def exact_ties(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Odd multiples of half an output, and accumulators halfway between two floats."""
    power = rng.integers(1, 20, count)
    small = (2 * rng.integers(-300, 300, count) + 1) << (power - 1)
    dropped = rng.integers(1, 8, count)
    large = (2 * rng.integers(2**23, 2**24, count) + 1) << (dropped - 1)
    acc = np.where(rng.random(count) < 0.5, small, np.minimum(large, 2**31 - 1))
    return acc, np.exp2(-np.where(acc == small, power, 17 + dropped))


def edges() -> tuple[np.ndarray, np.ndarray]:
    multipliers = [TINY, HUGE, 1.0, 2.0**-24, 2.0**-23, 2.0**-32, 2.0**-8, 1 - 2.0**-24, 511.0]
    acc, multiplier = np.meshgrid(np.array(EDGES + [-e for e in EDGES]), multipliers)
    return acc.ravel(), multiplier.ravel()


def pairs(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Accumulators and multipliers, `count` of each random kind and the edges."""
    kinds = (random_pairs, near_ties, double_roundings, exact_ties)
    parts = [edges(), *(kind(rng, count) for kind in kinds)]
    acc = np.concatenate([np.asarray(part[0], np.float64) for part in parts])
    multiplier = np.concatenate([np.asarray(part[1], np.float64) for part in parts])
    return np.clip(acc, -(2**31), 2**31 - 1).astype(np.int32), multiplier.astype(np.float32)


def simulate(
    acc: np.ndarray, multiplier: np.ndarray, clamp: tuple[int, int, int], pauses: float, seed: int
) -> np.ndarray:
    """Run a lane with random pauses, check its cycles and return the codes."""
    rng = np.random.default_rng(seed)
    length = int(len(acc) / (1 - pauses) * 1.05) + 50
    valid = np.zeros(length, np.int64)
    valid[np.sort(rng.choice(length, len(acc), replace=False))] = 1
    table = {
        "valid": valid,
        "acc": rng.integers(-(2**31), 2**31, length),
        "multiplier": rng.integers(0, 2**31, length),
    }
    table["acc"][valid == 1] = acc
    table["multiplier"][valid == 1] = multiplier.view(np.uint32)
    for name, code in zip(("zero_point", "low", "high"), clamp, strict=True):
        table[name] = np.full(length, code - 128)
    latency = hardware.Requantizer.LATENCY
    quiet = {name: values[-1:].repeat(latency) for name, values in table.items()}
    quiet["valid"] = np.zeros(latency, np.int64)
    inputs = {name: np.concatenate([table[name], quiet[name]]) for name in table}
    outputs = run(hardware.Requantizer(), inputs, ["valid_out", "y"])
    np.testing.assert_array_equal(outputs["valid_out"][latency:], valid)
    return outputs["y"][outputs["valid_out"] == 1] + 128


@pytest.mark.parametrize("seed", range(6))
def test_equals_fp32(seed: int) -> None:
    acc, multiplier = pairs(np.random.default_rng(seed), 4500)
    clamp = CLAMPS[seed % len(CLAMPS)]
    codes = simulate(acc, multiplier, clamp, 0.0 if seed else 0.4, seed)
    np.testing.assert_array_equal(codes, requantize(acc, multiplier, *clamp))


def half_up(last: Value, half: Value, sticky: Value) -> Value:
    return half


def half_down(last: Value, half: Value, sticky: Value) -> Value:
    return half & sticky


def no_sticky(last: Value, half: Value, sticky: Value) -> Value:
    return half & last


def truncated(which: int) -> Callable[[Value, Value, Value], Value]:
    """Round correctly but for one of the three roundings, in their order."""
    right, calls = hardware.round_even, count()

    def mutant(last: Value, half: Value, sticky: Value) -> Value:
        return Const(0) if next(calls) == which else right(last, half, sticky)

    return mutant


@pytest.mark.parametrize(
    "mutant",
    [half_up, half_down, no_sticky, truncated(0), truncated(1), truncated(2)],
    ids=["half_up", "half_down", "no_sticky", "first", "second", "third"],
)
def test_wrong_rounding_is_noticed(
    mutant: Callable[[Value, Value, Value], Value], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "round_even", mutant)
    acc, multiplier = pairs(np.random.default_rng(0), 300)
    codes = simulate(acc, multiplier, (128, 0, 255), 0.0, 0)
    assert np.any(codes != requantize(acc, multiplier, 128))
