"""Tiles through array, accumulators and requantizers, at the tightest timing that is legal."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from open_loop import run
from windows import window_sums

from maccord.golden.array.accumulator import accumulator
from maccord.golden.array.requantize import requantize
from maccord.golden.array.systolic_array import systolic_array
from maccord.hw.array.accumulator import Accumulator
from maccord.hw.array.datapath import Datapath
from maccord.spec.parameters import WINDOW, Parameters

CONFIGURATIONS = [(4, 2, 2), (4, 4, 2), (5, 3, 3), (8, 6, 3), (7, 6, 1), (16, 16, 16), (16, 8, 4)]
FLAGS = ("valid", "swap", "first", "last", "load_bias", "load_multiplier", "address")
GAPS = ("swap_gap", "load_gap", "param_gap")
# passes and vectors of each tile
TILES = [(1, 1), (1, 1), (1, 16), (3, 5), (2, 1), (1, 2), (4, 16), (1, 1)]
CLAMPS = [(128, 0, 255), (7, 7, 250), (255, 100, 255)]


@dataclass
class Tile:
    """Activations (passes, vectors, rows), weights (passes, rows, cols), biases, multipliers."""

    activation: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray

    def codes(self, clamp: tuple[int, int, int]) -> np.ndarray:
        sums = [systolic_array(a, w) for a, w in zip(self.activation, self.weight, strict=True)]
        return requantize(accumulator(np.stack(sums), self.bias), self.multiplier, *clamp)

    def param_rows(self) -> np.ndarray:
        words = np.stack([self.bias.view(np.uint32), self.multiplier.view(np.uint32)], axis=1)
        return words.astype("<u4").view(np.int8).T


def random_tile(
    rng: np.random.Generator, parameters: Parameters, passes: int, vectors: int
) -> Tile:
    def codes(*shape: int) -> np.ndarray:
        extremes = rng.choice([-128, 127], shape)
        chosen = np.where(rng.random(shape) < 0.2, extremes, rng.integers(-128, 128, shape))
        return chosen.astype(np.int8)

    cols = parameters.cols
    large = rng.random(cols) < 0.2
    bias = np.where(large, 2**31 - 2**16, rng.integers(-(2**17), 2**17, cols))
    exponent = np.where(large, rng.uniform(-26, -22, cols), rng.uniform(-13, -7, cols))
    return Tile(
        codes(passes, vectors, parameters.rows),
        codes(passes, parameters.rows, cols),
        bias.astype(np.int32),
        np.exp2(exponent).astype(np.float32),
    )


@dataclass
class Issuer:
    """Places tiles on the cycles, each event as early as the datapath's properties allow.

    `param_gap`, `load_gap` and `swap_gap` stand in for the datapath's own where they are given.
    """

    parameters: Parameters
    gaps: dict[str, int]
    weights: dict[int, tuple[str, np.ndarray]] = field(default_factory=dict)
    vectors: dict[int, tuple[dict[str, int], np.ndarray]] = field(default_factory=dict)
    passes: list[list[int]] = field(default_factory=list)
    swap: int = 0
    free: int = 0
    param_from: int = 0

    def rows(self, start: int, flags: list[str], rows: np.ndarray) -> int:
        """Present rows of weights from the first cycle at or after `start` where they fit."""
        while any(start + i in self.weights for i in range(len(rows))):
            start += 1
        self.weights |= {start + i: (flags[i], row) for i, row in enumerate(rows)}
        return start

    def tile(self, tile: Tile, param_first: bool) -> list[int]:
        """Place a tile, its parameters before or after its first matrix; return `last` cycles."""
        passes, count, rows = tile.activation.shape
        param = (self.param_from, ["param"] * Accumulator.PARAM_ROWS, tile.param_rows())
        loaded = self.rows(*param) if param_first else None
        cycles: list[int] = []
        for k in range(passes):
            capture = self.rows(self.swap, ["capture"] + [""] * (rows - 1), tile.weight[k])
            loaded = self.rows(*param) if loaded is None else loaded
            swap = max(capture + self.gaps["swap_gap"], self.free)
            if k == 0:
                swap = max(swap, loaded + self.gaps["load_gap"])
            first, last = k == 0, k == passes - 1
            step = self.parameters.columns_per_lane if last else 1
            cycles = [swap + v * step for v in range(count)]
            for v, cycle in enumerate(cycles):
                flags = (1, v == 0, first, last, first and v == 0, last and v == 0, v)
                control = dict(zip(FLAGS, flags, strict=True))
                self.vectors[cycle] = (control, tile.activation[k, v])
            self.passes.append(cycles)
            self.swap, self.free = swap, cycles[-1] + step
        self.param_from = self.swap + self.gaps["param_gap"]
        return cycles

    def inputs(self, rng: np.random.Generator, quiet: int) -> dict[str, np.ndarray]:
        """Make the table of inputs, random where nothing is presented, with `quiet` cycles."""
        length = max(*self.weights, *self.vectors) + 1 + quiet
        table = {f"vector.{name}": rng.integers(0, 2, length) for name in FLAGS}
        table["vector.valid"][:] = 0
        table |= {name: np.zeros(length, np.int64) for name in ("capture", "param")}
        table["activation"] = rng.integers(-128, 128, (length, self.parameters.rows))
        table["weight"] = rng.integers(-128, 128, (length, self.parameters.cols))
        for cycle, (flag, row) in self.weights.items():
            table["weight"][cycle] = row
            if flag:
                table[flag][cycle] = 1
        for cycle, (control, activation) in self.vectors.items():
            table["activation"][cycle] = activation
            for name in FLAGS:
                table[f"vector.{name}"][cycle] = control[name]
        return table


def simulate(
    parameters: Parameters,
    tiles: list[Tile],
    clamp: tuple[int, int, int],
    **early: int,
) -> np.ndarray:
    """Run tiles back to back, check the results' cycles and return the codes.

    `early` names gaps of the datapath that are shortened, and by how many cycles.
    """
    datapath = Datapath(parameters)
    gaps = {name: getattr(datapath, name) - early.get(name, 0) for name in GAPS}
    issuer = Issuer(parameters, gaps)
    due = [
        cycle + datapath.latency
        for index, tile in enumerate(tiles)
        for cycle in issuer.tile(tile, param_first=index % 3 == 0)
    ]
    inputs = issuer.inputs(np.random.default_rng(0), datapath.latency + 4)
    for name, code in zip(("zero_point", "low", "high"), clamp, strict=True):
        inputs[name] = np.full(len(inputs["capture"]), code - 128)
    outputs = run(datapath, inputs, ["valid", "y"])
    np.testing.assert_array_equal(np.flatnonzero(outputs["valid"]), due)
    return outputs["y"][due] + 128


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("shape", CONFIGURATIONS, ids=str)
def test_tiles_back_to_back(shape: tuple[int, int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, cols, lanes = shape
    parameters = Parameters(rows=rows, cols=cols, lanes=lanes, accumulators=16)
    clamp = CLAMPS[(seed + rows) % len(CLAMPS)]
    tiles = [random_tile(rng, parameters, *size) for size in TILES]
    codes = simulate(parameters, tiles, clamp)
    np.testing.assert_array_equal(codes, np.concatenate([tile.codes(clamp) for tile in tiles]))


def test_extremes() -> None:
    """The largest sums of either sign, in every pass."""
    parameters = Parameters(rows=8, cols=4, accumulators=16)
    tiles = []
    for activation, weight in ((-128, -128), (-128, 127), (127, 127), (127, -128)):
        tile = random_tile(np.random.default_rng(0), parameters, 5, 12)
        tile.activation[:], tile.weight[:] = activation, weight
        tile.bias[:], tile.multiplier[:] = 0, 2.0**-13
        tiles.append(tile)
    codes = simulate(parameters, tiles, CLAMPS[0])
    np.testing.assert_array_equal(codes, np.concatenate([t.codes(CLAMPS[0]) for t in tiles]))
    assert codes.min() < 64 < 192 < codes.max()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("shape", [(9, 4), (12, 10), (16, 16)], ids=str)
def test_windows_back_to_back(shape: tuple[int, int], seed: int) -> None:
    """Tiles of windows, a kernel of several passes among them, as tight as tiles of vectors."""
    rng = np.random.default_rng(seed)
    rows, cols = shape
    parameters = Parameters(rows=rows, cols=cols, accumulators=16)
    tiles = [random_tile(rng, parameters, *size) for size in TILES]
    datapath = Datapath(parameters)
    issuer = Issuer(parameters, {name: getattr(datapath, name) for name in GAPS})
    due = [cycle + datapath.latency for tile in tiles for cycle in issuer.tile(tile, False)]
    inputs = issuer.inputs(rng, datapath.latency + 4)
    length = len(inputs["capture"])
    lines = rng.integers(-128, 128, (length, WINDOW, cols)).astype(np.int8)
    constants = {"depthwise": 1, "zero_point": -3, "low": -128, "high": 100}
    inputs |= {name: np.full(length, value) for name, value in constants.items()}
    outputs = run(datapath, inputs | {"lines": lines}, ["valid", "y"])
    np.testing.assert_array_equal(np.flatnonzero(outputs["valid"]), due)
    cycles, expected = iter(issuer.passes), []
    for tile in tiles:
        sums = [
            window_sums(lines, np.array(next(cycles)), activation, weight)
            for activation, weight in zip(tile.activation, tile.weight, strict=True)
        ]
        acc = accumulator(np.stack(sums), tile.bias)
        expected.append(requantize(acc, tile.multiplier, 125, 0, 228))
    np.testing.assert_array_equal(outputs["y"][due] + 128, np.concatenate(expected))


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("shape", [(4, 4, 2), (5, 6, 6)], ids=str)
def test_gaps_are_tight(shape: tuple[int, int, int], gap: str) -> None:
    """An event one cycle earlier than the datapath's property allows spoils results."""
    rng = np.random.default_rng(3)
    rows, cols, lanes = shape
    parameters = Parameters(rows=rows, cols=cols, lanes=lanes, accumulators=16)
    tiles = [random_tile(rng, parameters, 1, count) for count in (16, 2, 9, 16)]
    expected = np.concatenate([tile.codes(CLAMPS[0]) for tile in tiles])
    np.testing.assert_array_equal(simulate(parameters, tiles, CLAMPS[0]), expected)
    assert np.any(simulate(parameters, tiles, CLAMPS[0], **{gap: 1}) != expected)
