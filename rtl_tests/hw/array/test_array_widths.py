"""The array generated for weights of 4 and 2 bits: random tiles, limits, and extremes."""

from __future__ import annotations

import numpy as np
import pytest
from packed_tiles import random_tiles, simulate

from maccord.golden.feed.unpack import pack
from maccord.hw.array import systolic_array as hw_array
from maccord.spec.parameters import Parameters

SIZES = {"4x2": (4, 2), "9x4": (9, 4)}


def parameters(name: str, bits: int) -> Parameters:
    rows, cols = SIZES[name]
    return Parameters(rows=rows, cols=cols, narrow=True, weight_bits=bits)


@pytest.mark.parametrize("bits", [4, 2])
@pytest.mark.parametrize("name", SIZES)
def test_tiles_equal_products(name: str, bits: int) -> None:
    """Tiles of all widths that the array runs, mixed."""
    p = parameters(name, bits)
    sums, expected = simulate(p, random_tiles(p, 60, seed=1))
    np.testing.assert_array_equal(sums, expected)


def extremes(p: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the largest products of every row, -128 times the least weight, and those due."""
    least = np.full((p.rows, p.cols), -(1 << p.weight_bits - 1), np.int8)
    return simulate(p, [(p.weight_bits, pack(least, p.weight_bits))] * 3, activation=-128)


@pytest.mark.parametrize("bits", [4, 2])
@pytest.mark.parametrize("name", SIZES)
def test_extremes_fit(name: str, bits: int) -> None:
    p = parameters(name, bits)
    sums, expected = extremes(p)
    assert expected.max() == p.rows << 6 + bits < 1 << p.partial_sum_bits - 1
    np.testing.assert_array_equal(sums, expected)


@pytest.mark.parametrize("bits", [4, 2])
@pytest.mark.parametrize("name", SIZES)
def test_a_bit_fewer_is_too_few(name: str, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    p = parameters(name, bits)
    monkeypatch.setattr(Parameters, "partial_sum_bits", bits + 6 + p.rows.bit_length())
    sums, expected = extremes(p)
    assert np.any(sums != expected)


@pytest.mark.parametrize("bits", [4, 2])
def test_weights_without_their_sign_fail(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    p, right = parameters("9x4", bits), hw_array.unpack
    monkeypatch.setattr(hw_array, "unpack", lambda *given: right(*given)[: bits - 1])
    sums, expected = simulate(p, random_tiles(p, 30, seed=1))
    assert np.any(sums != expected)


@pytest.mark.parametrize("early", ["swap", "capture"])
@pytest.mark.parametrize("bits", [4, 2])
def test_limits_are_tight(bits: int, early: str) -> None:
    """A swap, or the next tile, one cycle too early mixes two tiles."""
    p = parameters("9x4", bits)
    tiles = [tile for tile in random_tiles(p, 60, seed=2) if tile[0] == bits]
    sums, expected = simulate(p, tiles, early)
    assert np.any(sums != expected)
