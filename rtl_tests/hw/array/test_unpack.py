"""Packed weights in the array: every byte at every row, widths that change between tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.data import View
from packed_tiles import random_tiles, simulate

from maccord.golden.feed.unpack import pack, unpack
from maccord.hw.array import systolic_array as hw_array
from maccord.hw.array.unpack import token_layout
from maccord.hw.array.unpack import unpack as unpack_weight
from maccord.spec.parameters import Parameters
from maccord.spec.weight_widths import WIDTHS, packed_rows

ARRAYS = {
    "4x2": Parameters(rows=4, cols=2, narrow=True),
    "5x3": Parameters(rows=5, cols=3, narrow=True),
    "9x4": Parameters(rows=9, cols=4, narrow=True),
    "16x5": Parameters(rows=16, cols=5, narrow=True),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_widths_change_from_tile_to_tile(name: str) -> None:
    sums, expected = simulate(ARRAYS[name], random_tiles(ARRAYS[name], 60, seed=1))
    np.testing.assert_array_equal(sums, expected)


@pytest.mark.parametrize("bits", WIDTHS)
def test_every_byte_at_every_row(bits: int) -> None:
    """All 256 bytes in each packed row; activations that are random tell the rows apart."""
    p = ARRAYS["9x4"]
    count = packed_rows(p.rows, bits)
    tiles = []
    for start in range(0, 256, p.cols):
        row = np.arange(start, start + p.cols)
        tiles.append(
            (bits, np.stack([(row + 37 * k) % 256 for k in range(count)]).astype(np.uint8))
        )
    sums, expected = simulate(p, tiles)
    np.testing.assert_array_equal(sums, expected)


@pytest.mark.parametrize("early", ["swap", "capture"])
@pytest.mark.parametrize("bits", [4, 2])
def test_limits_are_tight(bits: int, early: str) -> None:
    """A swap, or the next tile, one cycle too early mixes two tiles."""
    p = ARRAYS["9x4"]
    tiles = [tile for tile in random_tiles(p, 60, seed=2) if tile[0] == bits]
    sums, expected = simulate(p, tiles, early)
    assert np.any(sums != expected)


def swapped(packed: Value, token: Value, row: int, widths: Sequence[int]) -> Value:
    """The mutant that takes a neighbour's part of the byte."""
    return unpack_weight(packed, token, row ^ 1, widths)


def unsigned(packed: Value, token: Value, row: int, widths: Sequence[int]) -> Value:
    """The mutant that does not extend the sign."""
    right = unpack_weight(packed, token, row, widths)
    width = View(token_layout(widths), token).width
    return Mux(width == 1, right[:4], Mux(width == 2, right[:2], right)).as_signed()


def rigid(packed: Value, token: Value, row: int, widths: Sequence[int]) -> Value:
    """The mutant that knows the width of one kind of tile only."""
    now = View(token_layout(widths), token)
    known = Cat(now.capture, Mux(now.width == 2, 1, now.width))
    return unpack_weight(packed, known, row, widths)


@pytest.mark.parametrize("mutant", [swapped, unsigned, rigid])
def test_mutants_fail(mutant: Callable[..., Value], monkeypatch: pytest.MonkeyPatch) -> None:
    p = ARRAYS["5x3"]
    tiles = random_tiles(p, 30, seed=1)
    np.testing.assert_array_equal(*simulate(p, tiles))
    monkeypatch.setattr(hw_array, "unpack", mutant)
    sums, expected = simulate(p, tiles)
    assert np.any(sums != expected)


def test_a_token_without_its_width_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows below the first one must get the width of their own tile, not of the one before."""
    p = ARRAYS["9x4"]
    right = hw_array.next_token

    def stale(m: Module, row: int, token: Value, widths: Sequence[int]) -> Value:
        kept, now = Signal(2, name=f"kept_{row}"), View(token_layout(widths), token)
        with m.If(now.capture):
            m.d.sync += kept.eq(now.width)
        return right(m, row, Cat(now.capture, kept), widths)

    monkeypatch.setattr(hw_array, "next_token", stale)
    sums, expected = simulate(p, random_tiles(p, 30, seed=1))
    assert np.any(sums != expected)


@pytest.mark.parametrize("rows", [4, 9, 16])
@pytest.mark.parametrize("bits", WIDTHS)
def test_pack_and_unpack(bits: int, rows: int) -> None:
    limit = 1 << bits - 1
    weights = np.random.default_rng(0).integers(-limit, limit, (3, rows, 5)).astype(np.int8)
    packed = pack(weights, bits)
    assert packed.shape == (3, packed_rows(rows, bits), 5)
    np.testing.assert_array_equal(unpack(packed, bits, rows), weights)
    n = 8 // bits
    for k in range(rows):
        part = packed[:, k // n].astype(int) >> bits * (k % n) & (1 << bits) - 1
        np.testing.assert_array_equal(part, weights[:, k].astype(int) % (1 << bits))


def test_codes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="between -8 and 7 to be packed in 4 bits, got -8 to 8"):
        pack(np.array([[-8], [8]], np.int8), 4)
