"""Tiles of packed weights through the array, as close to each other as is legal."""

from __future__ import annotations

import numpy as np
from open_loop import run

from maccord.golden.array.systolic_array import systolic_array
from maccord.golden.feed.unpack import unpack
from maccord.hw.array.systolic_array import SystolicArray
from maccord.spec.parameters import Parameters
from maccord.spec.weight_widths import WIDTH_CODES, packed_rows

__all__ = ["random_tiles", "simulate"]


def simulate(
    p: Parameters,
    tiles: list[tuple[int, np.ndarray]],
    early: str = "",
    activation: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of one vector per tile of (bits, packed rows), as close as is legal, and those due.

    `early` brings a swap or a tile's first row one cycle before that. Activations are random, or
    all the same.
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
    if activation is not None:
        table["activation"][:] = activation
    if not p.mixes_widths:
        del table["width"]
    capture, expected, swaps = 0, [], []
    for bits, tile in tiles:
        table["capture"][capture] = 1
        if p.mixes_widths:
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
    widths = [int(bits) for bits in rng.permutation(np.resize(p.weight_widths, count))]
    return [
        (b, rng.integers(0, 256, (packed_rows(p.rows, b), p.cols)).astype(np.uint8)) for b in widths
    ]
