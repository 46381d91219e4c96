"""The array against a matrix product, at the tightest timing that is legal and one beyond."""

from __future__ import annotations

import numpy as np
import pytest
from open_loop import run

from maccord.golden.parameters import Parameters
from maccord.golden.systolic_array import systolic_array
from maccord.hw.systolic_array import SystolicArray

SIZES = [(4, 2), (4, 4), (5, 3), (8, 6), (6, 11), (16, 16)]


def codes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random int8, a quarter of them extremes."""
    extremes = rng.choice([-128, 127], shape)
    return np.where(rng.random(shape) < 0.25, extremes, rng.integers(-128, 128, shape)).astype(
        np.int8
    )


def simulate(
    size: tuple[int, int], seed: int, counts: list[int], early_swap: int = 0, early_capture: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Run passes of `counts` vectors; return the sums and those due, one row per vector.

    Each matrix follows the one before without a gap, or at the swap before it, whichever is
    later; each swap is as early as it may be, or earlier.
    """
    rng = np.random.default_rng(seed)
    rows, cols = size
    array = SystolicArray(Parameters(rows=rows, cols=cols))
    length = (sum(counts) + len(counts) * rows * 2) + array.latency + cols + 2
    table = {
        "activation": codes(rng, length, rows),
        "swap": np.zeros(length, np.int64),
        "weight": codes(rng, length, cols),
        "capture": np.zeros(length, np.int64),
    }
    capture, vector_end, vectors, expected = 0, 0, [], []
    for count in counts:
        table["capture"][capture] = 1
        weight = table["weight"][capture : capture + rows].copy()
        swap = max(capture + array.swap_gap - early_swap, vector_end)
        table["swap"][swap] = 1
        vectors += range(swap, swap + count)
        expected.append(systolic_array(table["activation"][swap : swap + count], weight))
        vector_end = swap + count
        capture = max(capture + rows, swap - early_capture)
    sums = run(array, table, ["partial_sum"])["partial_sum"]
    skew = np.array(vectors)[:, None] + array.latency + np.arange(cols)
    return np.take_along_axis(sums, skew, axis=0), np.concatenate(expected)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_passes_back_to_back(size: tuple[int, int], seed: int) -> None:
    rows = size[0]
    sums, expected = simulate(size, seed, [rows, rows, 1, rows, rows + 3, 2 * rows, rows - 1, 5])
    np.testing.assert_array_equal(sums, expected)


@pytest.mark.parametrize("size", [(4, 4), (8, 6)], ids=str)
@pytest.mark.parametrize("early", ["early_swap", "early_capture"])
def test_limits_are_tight(size: tuple[int, int], early: str) -> None:
    """A swap, or the next matrix, one cycle too early mixes two matrices."""
    rows = size[0]
    sums, expected = simulate(size, 1, [2 * rows] * 4, **{early: 1})
    assert np.any(sums != expected)


def test_extremes_fit() -> None:
    """All products at 2**14: the largest sum that the partial sums must hold."""
    parameters = Parameters(rows=16, cols=2)
    array = SystolicArray(parameters)
    cycles = 16 + array.latency + 4
    table = {
        "activation": np.full((cycles, 16), -128),
        "swap": np.arange(cycles) == array.swap_gap,
        "weight": np.full((cycles, 2), -128),
        "capture": np.arange(cycles) == 0,
    }
    sums = run(array, table, ["partial_sum"])["partial_sum"]
    assert sums[array.swap_gap + array.latency, 0] == 16 * 128 * 128
