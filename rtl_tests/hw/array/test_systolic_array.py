"""The array against a matrix product, at the tightest timing that is legal and one beyond."""

from __future__ import annotations

import numpy as np
import pytest
from open_loop import run
from windows import window_sums

from maccord.golden.array.systolic_array import systolic_array
from maccord.golden.feed.unpack import unpack
from maccord.hw.array.systolic_array import SystolicArray
from maccord.spec.parameters import WINDOW, Parameters

SIZES = [(4, 2), (4, 4), (5, 3), (8, 6), (6, 11), (16, 16)]
DEPTHWISE_SIZES = [
    (9, 2, 3),
    (9, 33, 3),
    (12, 5, 3),
    (16, 16, 3),
    (10, 17, 3),
    (15, 4, 5),
    (17, 18, 5),
]


def codes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random int8, a quarter of them extremes."""
    extremes = rng.choice([-128, 127], shape)
    return np.where(rng.random(shape) < 0.25, extremes, rng.integers(-128, 128, shape)).astype(
        np.int8
    )


def simulate(
    size: tuple[int, ...],
    seed: int,
    counts: list[int],
    early_swap: int = 0,
    early_capture: int = 0,
    modes: list[bool] | None = None,
    late_mode: int = 0,
    bits: int = 8,
) -> tuple[np.ndarray, np.ndarray]:
    """Run passes of `counts` vectors; return the sums and those due, one row per vector.

    Each matrix follows the one before without a gap, or at the swap before it, whichever is
    later; each swap is as early as it may be, or earlier. With `modes`, passes are depthwise or
    not; the mode changes when the last vector has left and as late as it may, or later. With `bits`
    below 8, the array is generated for such weights.
    """
    rng = np.random.default_rng(seed)
    rows, cols, width = (*size, WINDOW)[:3]
    p = Parameters(rows=rows, cols=cols, window_width=width, narrow=bits < 8, weight_bits=bits)
    array = SystolicArray(p)
    flight = array.latency + cols
    length = sum(counts) + len(counts) * (rows * 2 + flight + array.mode_gap) + flight + 2
    table = {
        "activation": codes(rng, length, rows),
        "swap": np.zeros(length, np.int64),
        "weight": codes(rng, length, cols),
        "capture": np.zeros(length, np.int64),
    }
    if p.mixes_widths:
        table["width"] = np.full(length, p.widest_code)
    if modes is not None:
        table["lines"] = codes(rng, length, WINDOW, cols)
        table["depthwise"] = np.zeros(length, np.int64)
    capture, vector_end, expected = 0, 0, []
    vectors: list[int] = []
    for index, count in enumerate(counts):
        table["capture"][capture] = 1
        tile = table["weight"][capture : capture + p.tile_rows]
        weight = unpack(tile.view(np.uint8), bits, rows)
        swap = max(capture + array.swap_gap - early_swap, vector_end)
        depthwise = modes is not None and modes[index]
        if modes is not None and (index == 0 or modes[index - 1] != depthwise):
            swap = max(swap, vector_end + flight + array.mode_gap)
            table["depthwise"][swap - array.mode_gap + late_mode :] = depthwise
        table["swap"][swap] = 1
        cycles = np.arange(swap, swap + count)
        vectors += cycles.tolist()
        activation = table["activation"][cycles]
        if depthwise:
            expected.append(window_sums(table["lines"], cycles, activation, weight, width))
        else:
            expected.append(systolic_array(activation, weight))
        vector_end = swap + count
        capture = max(capture + p.tile_rows, swap - early_capture)
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


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("size", DEPTHWISE_SIZES, ids=str)
def test_windows_and_vectors(size: tuple[int, ...], seed: int) -> None:
    """Depthwise passes back to back, dense ones among them; any cells, in every cycle new ones."""
    check_windows(size, seed, 8)


@pytest.mark.parametrize("bits", [4, 2])
@pytest.mark.parametrize("size", [(9, 2, 3), (15, 4, 5)], ids=str)
def test_windows_of_narrow_weights(size: tuple[int, ...], bits: int) -> None:
    check_windows(size, 1, bits)


def check_windows(size: tuple[int, ...], seed: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    modes = [True, True, False, True, False, False, True]
    counts = rng.integers(1, 2 * size[0], len(modes)).tolist()
    sums, expected = simulate(size, seed, counts, modes=modes, bits=bits)
    np.testing.assert_array_equal(sums, expected)


@pytest.mark.parametrize("size", [(9, 8), (10, 17), (15, 6, 5)], ids=str)
def test_mode_gap_is_tight(size: tuple[int, ...]) -> None:
    """A mode that comes one cycle later than it may misses the oldest cell of a window."""
    sums, expected = simulate(size, 1, [9, 9], modes=[False, True], late_mode=1)
    np.testing.assert_array_equal(sums[:9], expected[:9])
    assert np.any(sums[9] != expected[9])
    np.testing.assert_array_equal(sums[10:], expected[10:])


def test_only_large_arrays_have_windows() -> None:
    for parameters in (Parameters(rows=8, cols=4), Parameters(rows=16, cols=4, lanes=2)):
        array = SystolicArray(parameters)
        assert not hasattr(array, "lines") and not hasattr(array, "depthwise")


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
