"""The adder against the golden sum: every pair of codes, ties, the ends of the shift, cycles."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from amaranth.hdl import Value
from open_loop import run

import maccord.hw.array.add as hardware
from maccord.golden.array.add import AddFactors, add_codes
from maccord.golden.graph import Add, Quantization
from maccord.golden.kernels.add import add, check_add
from maccord.spec.parameters import Parameters

COLS = 7
PAIRS = np.stack(np.divmod(np.arange(1 << 16), 256)).astype(np.uint8)
BELOW_256 = float(np.nextafter(np.float32(256), np.float32(0)))


def sum_of(
    a: tuple[float, int], b: tuple[float, int], y: tuple[float, int], relu: bool = False
) -> Add:
    """Make a sum of scales and zero points."""
    return Add("sum", (Quantization(*a), Quantization(*b)), Quantization(*y), relu)


# By name: the sum, and the shift that it has
EDGES = {
    "shift 14": (sum_of((BELOW_256, 0), (BELOW_256, 255), (1.0, 128), False), 14),
    "shift 31": (sum_of((2.0**-10, 255), (2.0**-14, 0), (1.0, 128), False), 31),
    "half ties": (sum_of((0.5, 0), (0.5, 255), (1.0, 128), False), 22),
    "ties at an eighth": (sum_of((0.125, 7), (0.375, 99), (1.0, 254), False), 23),
    "negative ties": (sum_of((1.5, 200), (0.5, 255), (1.0, 255), False), 21),
    "factors of 2**22": (
        sum_of((1 - 2.0**-24, 3), (1 - 2.0**-24, 250), (1.0, 0), False),
        22,
    ),
    "relu": (sum_of((0.031, 131), (0.047, 117), (0.04, 122), True), 21),
}


def random_sum(rng: np.random.Generator) -> Add:
    scales = np.exp2(rng.uniform(-7, 1, 3)).astype(np.float32).tolist()
    zero_points = [int(rng.choice([0, 255, rng.integers(256)])) for _ in range(3)]
    relu = bool(rng.random() < 0.5) and zero_points[2] < 255
    a, b, y = zip(scales, zero_points, strict=True)
    return sum_of(a, b, y, relu)


def simulate(
    a: np.ndarray,
    b: np.ndarray,
    factors: AddFactors,
    codes: dict[str, int],
    pauses: float,
    seed: int,
) -> np.ndarray:
    """Add int8 vectors (vectors, COLS) with random pauses; check the cycles, return the sums.

    Hardware for sums that round half up is asked for by `codes`.
    """
    rng = np.random.default_rng(seed)
    operands = np.stack([a, b], axis=1).reshape(-1, COLS).view(np.uint8).astype(np.int64)
    latency = hardware.Adder.LATENCY
    length = int(len(operands) / (1 - pauses) * 1.05) + 20
    valid = np.zeros(length + latency, np.int64)
    at = np.sort(rng.choice(length, len(operands), replace=False))
    valid[at] = 1
    table = {
        "valid": valid,
        "second": rng.integers(0, 2, len(valid)),
        "data": rng.integers(0, 1 << 8 * COLS, len(valid)),
        "factor_a": np.full(len(valid), factors.a),
        "factor_b": np.full(len(valid), factors.b),
        "shift": np.full(len(valid), factors.shift),
    }
    table |= {name: np.full(len(valid), code) for name, code in codes.items()}
    table["second"][at] = np.arange(len(at)) % 2
    table["data"][at] = operands @ (1 << 8 * np.arange(COLS))
    parameters = Parameters(rows=4, cols=COLS, half_up="half_up" in codes)
    outputs = run(hardware.Adder(parameters), table, ["valid_out", "y"])
    np.testing.assert_array_equal(np.flatnonzero(outputs["valid_out"]), at[1::2] + latency)
    return outputs["y"][at[1::2] + latency].astype(np.int8)


def sums(
    operation: Add,
    a_q: np.ndarray,
    b_q: np.ndarray,
    pauses: float = 0.0,
    seed: int = 0,
    *,
    both: bool = False,
    later: int = 0,
) -> np.ndarray:
    """Add uint8 codes as the accelerator does: minus 128, in vectors.

    With `both`, on hardware of both roundings. The shift is larger by `later` than it should be.
    """

    def vectors(codes: np.ndarray) -> np.ndarray:
        padded = np.pad(codes, (0, -codes.size % COLS))
        return (padded.astype(int) - 128).astype(np.int8).reshape(-1, COLS)

    (a, b), y = operation.inputs, operation.output
    codes = {
        "zero_point_a": a.zero_point - 128,
        "zero_point_b": b.zero_point - 128,
        "zero_point": y.zero_point - 128,
        "low": (y.zero_point if operation.relu else 0) - 128,
        "high": 127,
    }
    factors = check_add(operation)
    if both:
        codes["half_up"] = int(factors.half_up)
    factors = replace(factors, shift=factors.shift + later)
    y8 = simulate(vectors(a_q), vectors(b_q), factors, codes, pauses, seed)
    return (y8.ravel()[: a_q.size].astype(int) + 128).astype(np.uint8)


@pytest.mark.parametrize("case", EDGES)
def test_every_pair(case: str) -> None:
    operation, shift = EDGES[case]
    assert check_add(operation).shift == shift
    got = sums(operation, *PAIRS, pauses=0.0, seed=0)
    np.testing.assert_array_equal(got, add(*PAIRS, operation))


@pytest.mark.parametrize("seed", range(20))
def test_random_sums(seed: int) -> None:
    """Random parameters, zero points often at the ends, a random tenth of the pairs, pauses."""
    rng = np.random.default_rng(seed)
    operation = random_sum(rng)
    a_q, b_q = PAIRS[:, rng.permutation(1 << 16)[:6000]]
    got = sums(operation, a_q, b_q, pauses=0.4 if seed % 2 else 0.0, seed=seed)
    np.testing.assert_array_equal(got, add(a_q, b_q, operation))


@pytest.mark.parametrize(
    ("case", "rounding"),
    [*((case, "half_up") for case in EDGES if case != "shift 31"), ("negative ties", "half_away")],
)
def test_every_pair_on_hardware_of_both_roundings(case: str, rounding: str) -> None:
    operation = replace(EDGES[case][0], rounding=rounding)
    got = sums(operation, *PAIRS, both=True)
    np.testing.assert_array_equal(got, add(*PAIRS, operation))


def test_every_pair_at_the_largest_shift() -> None:
    """XNNPACK takes no ratio below 2**-10."""
    operation = replace(sum_of((2.0**-10, 255), (2.0**-10, 0), (1.0, 128)), rounding="half_up")
    assert check_add(operation).shift == 31
    np.testing.assert_array_equal(sums(operation, *PAIRS, both=True), add(*PAIRS, operation))


@pytest.mark.parametrize("half_up", [None, 1])
@pytest.mark.parametrize("shift", range(14, 32))
def test_ties_of_every_shift(shift: int, half_up: int | None) -> None:
    """Odd multiples of half an output and their nearest neighbours, from both signs."""
    b, a = np.divmod(np.arange(3 * 256 + 2), 256)  # fills the last vector
    a, b = (v.reshape(-1, COLS).astype(np.int8) for v in (a - 128, b - 1))
    # Steps of a are at most half an output: b moves the sum by such a step, and by one bit less.
    step = 1 << min(shift - 1, 22)
    ties = 0
    for zero_point, factor_b in product((-128, 0, 127), (step, step - 1)):
        factors = AddFactors(step, factor_b, shift, bool(half_up))
        zero_points = (zero_point, 0, -20)
        codes = dict(zip(("zero_point_a", "zero_point_b", "zero_point"), zero_points, strict=True))
        codes |= {} if half_up is None else {"half_up": half_up}
        got = simulate(a, b, factors, codes | {"low": -90, "high": 100}, 0.0, shift)
        np.testing.assert_array_equal(got, add_codes(a, b, factors, zero_points, -90, 100))
        acc = (a.astype(int) - zero_point) * step + b.astype(int) * factor_b
        ties += np.count_nonzero(acc % (1 << shift) == 1 << shift - 1)
    assert ties > 1


def always_up(acc: Value, below_half: Value, half_up: Value | None = None) -> Value:
    return acc + below_half + 1


def truncated(acc: Value, below_half: Value, half_up: Value | None = None) -> Value:
    return acc + 0


def half_down(acc: Value, below_half: Value, half_up: Value | None = None) -> Value:
    return acc + below_half + (acc < 0)


def always_away(acc: Value, below_half: Value, half_up: Value | None = None) -> Value:
    return acc + below_half + (acc >= 0)


def few(operation: Add, **options: int) -> bool:
    """Whether 4,000 pairs are as they should be."""
    a_q, b_q = PAIRS[:, np.random.default_rng(0).permutation(1 << 16)[:4000]]
    return np.array_equal(sums(operation, a_q, b_q, **options), add(a_q, b_q, operation))


@pytest.mark.parametrize("mutant", [always_up, truncated, half_down])
def test_wrong_rounding_is_noticed(mutant: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "rounded", mutant)
    assert not few(EDGES["half ties"][0])


@pytest.mark.parametrize("mutant", [always_away, truncated, half_down])
def test_wrong_rounding_of_half_up_is_noticed(
    mutant: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = replace(EDGES["half ties"][0], rounding="half_up")
    assert few(operation, both=True)
    monkeypatch.setattr(hardware, "rounded", mutant)
    assert not few(operation, both=True)


@pytest.mark.parametrize("later", [-1, 1])
def test_a_shift_off_by_one_is_noticed(later: int) -> None:
    assert not few(replace(EDGES["half ties"][0], rounding="half_up"), both=True, later=later)
