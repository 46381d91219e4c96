"""Packed weights in the array: every byte at every row, widths that change between tiles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.data import View
from open_loop import run

from maccord.golden.array.systolic_array import systolic_array
from maccord.golden.feed.unpack import pack, unpack
from maccord.hw.array import systolic_array as hw_array
from maccord.hw.array.systolic_array import SystolicArray
from maccord.hw.array.unpack import TOKEN
from maccord.hw.array.unpack import unpack as unpack_weight
from maccord.spec.parameters import Parameters
from maccord.spec.weight_widths import WIDTH_CODES, WIDTHS, packed_rows

ARRAYS = {
    "4x2": Parameters(rows=4, cols=2, narrow=True),
    "5x3": Parameters(rows=5, cols=3, narrow=True),
    "9x4": Parameters(rows=9, cols=4, narrow=True),
    "16x5": Parameters(rows=16, cols=5, narrow=True),
}


def simulate(
    p: Parameters, tiles: list[tuple[int, np.ndarray]], early: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of one vector per tile of (bits, packed rows), as close as is legal, and those due.

    `early` brings a swap or a tile's first row one cycle before that.
    """
    rng = np.random.default_rng(1)
    array = SystolicArray(p)
    length = sum(len(tile) for _, tile in tiles) + array.latency + p.cols + 8
    table = {
        "activation": rng.integers(-128, 128, (length, p.rows)).astype(np.int8),
        "swap": np.zeros(length, np.int64),
        "weight": rng.integers(-128, 128, (length, p.cols)).astype(np.int8),
        "capture": np.zeros(length, np.int64),
        "width": rng.integers(0, 3, length),
    }
    capture, expected, swaps = 0, [], []
    for bits, tile in tiles:
        table["capture"][capture] = 1
        table["width"][capture] = WIDTH_CODES[bits]
        table["weight"][capture : capture + len(tile)] = tile.view(np.int8)
        swap = capture + len(tile) - (early == "swap")
        table["swap"][swap] = 1
        swaps.append(swap)
        vector = table["activation"][swap : swap + 1]
        expected.append(systolic_array(vector, unpack(tile, bits, p.rows)))
        capture = swap + (early == "swap") - (early == "capture")
    sums = run(array, table, ["partial_sum"])["partial_sum"]
    skew = np.array(swaps)[:, None] + array.latency + np.arange(p.cols)
    return np.take_along_axis(sums, skew, axis=0), np.concatenate(expected)


def random_tiles(p: Parameters, count: int, seed: int) -> list[tuple[int, np.ndarray]]:
    rng = np.random.default_rng(seed)
    widths = [int(bits) for bits in rng.permutation(np.resize(WIDTHS, count))]
    return [
        (b, rng.integers(0, 256, (packed_rows(p.rows, b), p.cols)).astype(np.uint8)) for b in widths
    ]


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


def swapped(packed: Value, width: Value, row: int) -> Value:
    """The mutant that takes a neighbour's part of the byte."""
    return unpack_weight(packed, width, row ^ 1)


def unsigned(packed: Value, width: Value, row: int) -> Value:
    """The mutant that does not extend the sign."""
    right = unpack_weight(packed, width, row)
    return Mux(width == 1, right[:4], Mux(width == 2, right[:2], right)).as_signed()


def rigid(packed: Value, width: Value, row: int) -> Value:
    """The mutant that knows the width of one kind of tile only."""
    return unpack_weight(packed, Mux(width == 2, 1, width), row)


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

    def stale(m: Module, row: int, token: Value) -> Value:
        kept, now = Signal(2, name=f"kept_{row}"), View(TOKEN, token)
        with m.If(now.capture):
            m.d.sync += kept.eq(now.width)
        return right(m, row, Cat(now.capture, kept))

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
