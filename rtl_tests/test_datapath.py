"""Tiles through array, accumulators and requantizers, at the tightest timing that is legal."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from open_loop import run

from maccord.golden.accumulator import accumulator
from maccord.golden.parameters import Parameters
from maccord.golden.systolic_array import systolic_array
from maccord.hw.accumulator import Accumulator
from maccord.hw.datapath import Datapath

CONFIGURATIONS = [(4, 2, 2), (4, 4, 2), (5, 3, 3), (8, 6, 3), (7, 6, 1), (16, 16, 16), (16, 8, 4)]
FLAGS = ("valid", "swap", "first", "last", "load_bias", "load_multiplier")


@dataclass
class Tile:
    """One tile's data: activation (passes, vectors, rows), weight (passes, rows, cols)."""

    activation: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray

    def expected(self, zero_point: int, low: int, high: int) -> np.ndarray:
        sums = [systolic_array(a, w) for a, w in zip(self.activation, self.weight, strict=True)]
        acc = accumulator(np.stack(sums), self.bias)
        product = (acc.astype(np.float32) * self.multiplier).astype(np.float32)
        return np.clip(np.rint(product) + zero_point, low, high).astype(np.int64)


def random_tile(rng: np.random.Generator, rows: int, cols: int, passes: int, vectors: int) -> Tile:
    def codes(*shape: int) -> np.ndarray:
        extremes = rng.choice(np.array([-128, 127], np.int8), shape)
        return np.where(rng.random(shape) < 0.2, extremes, rng.integers(-128, 128, shape)).astype(
            np.int8
        )

    scale = 2.0 ** rng.uniform(-14, -6, cols)
    return Tile(
        codes(passes, vectors, rows),
        codes(passes, rows, cols),
        rng.integers(-(2**18), 2**18, cols).astype(np.int32),
        scale.astype(np.float32),
    )


@dataclass
class Issuer:
    """Places tiles on the cycles, each event as early as the datapath's properties allow."""

    datapath: Datapath
    parameters: Parameters
    slack: np.random.Generator | None = None
    weights: dict[int, tuple[str, np.ndarray]] = field(default_factory=dict)
    vectors: dict[int, tuple[dict[str, int], np.ndarray]] = field(default_factory=dict)
    swap: int = 0
    after: int = 0
    param_from: int = 0

    def _rows(self, start: int, kind: str, rows: np.ndarray) -> int:
        """Present rows of weights from the first free cycle at or after `start` on."""
        while any(start + i in self.weights for i in range(len(rows))):
            start += 1
        for i, row in enumerate(rows):
            flag = {"param": "param", "matrix": "capture" if i == 0 else ""}[kind]
            self.weights[start + i] = (flag, row)
        return start

    def add(self, tile: Tile, param_first: bool) -> list[int]:
        """Place a tile; return the cycles of its last vectors."""
        quantities = np.stack([tile.bias.view(np.uint32), tile.multiplier.view(np.uint32)], 1)
        param_rows = quantities.astype("<u4").view(np.int8).T
        loaded = self._rows(self.param_from, "param", param_rows) if param_first else None
        passes, count, _ = tile.activation.shape
        cycles: list[int] = []
        for k in range(passes):
            capture = self._rows(self.swap, "matrix", tile.weight[k])
            if loaded is None:
                loaded = self._rows(self.param_from, "param", param_rows)
            swap = max(capture + self.datapath.swap_gap, self.after)
            if k == 0:
                swap = max(swap, loaded + self.datapath.load_gap)
            last = k == passes - 1
            step = self.parameters.columns_per_lane if last else 1
            cycles = [swap + v * step for v in range(count)]
            for v, cycle in enumerate(cycles):
                flags = {
                    "valid": 1,
                    "swap": v == 0,
                    "first": k == 0,
                    "last": last,
                    "load_bias": k == 0 and v == 0,
                    "load_multiplier": last and v == 0,
                    "address": v,
                }
                self.vectors[cycle] = (flags, tile.activation[k, v])
            self.swap, self.after = swap, cycles[-1] + step
        self.param_from = self.swap + self.datapath.param_gap
        return cycles

    def inputs(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Make the table of inputs, random where nothing is presented."""
        length = max(*self.weights, *self.vectors) + 1
        rows, cols = self.parameters.rows, self.parameters.cols
        names = (*FLAGS, "address")
        table = {f"vector.{name}": rng.integers(0, 2, length) for name in names}
        table["vector.valid"][:] = 0
        table |= {name: np.zeros(length, np.int64) for name in ("capture", "param")}
        table["activation"] = rng.integers(-128, 128, (length, rows))
        table["weight"] = rng.integers(-128, 128, (length, cols))
        for cycle, (flag, row) in self.weights.items():
            table["weight"][cycle] = row
            if flag:
                table[flag][cycle] = 1
        for cycle, (flags, activation) in self.vectors.items():
            table["activation"][cycle] = activation
            for name in names:
                table[f"vector.{name}"][cycle] = flags[name]
        return table


def simulate(tiles: list[Tile], parameters: Parameters, zero_point: int, low: int, high: int):
    """Run tiles back to back; return results, their cycles and the cycles that were due."""
    datapath = Datapath(parameters)
    issuer = Issuer(datapath, parameters)
    due = []
    for index, tile in enumerate(tiles):
        due += issuer.add(tile, param_first=index % 3 == 0)
    inputs = issuer.inputs(np.random.default_rng(7))
    for name, value in (("zero_point", zero_point), ("low", low), ("high", high)):
        inputs[name] = np.full(len(inputs["capture"]), value)
    inputs["activation"][-1], held = inputs["activation"][-1], datapath.latency + 4
    # Nothing is presented in the cycles after the last vector.
    for name, table in inputs.items():
        quiet = np.zeros((1, *table.shape[1:]), np.int64)
        inputs[name] = np.concatenate(
            [table, table[-1:] if name in ("zero_point", "low", "high") else quiet]
        )
    outputs = run(datapath, inputs, ["valid", "y"], extra_cycles=held)
    cycles = np.flatnonzero(outputs["valid"])
    return outputs["y"][cycles], cycles, np.array(due) + datapath.latency


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("shape", CONFIGURATIONS, ids=str)
def test_tiles_back_to_back(shape: tuple[int, int, int], seed: int) -> None:
    rows, cols, lanes = shape
    rng = np.random.default_rng(seed)
    parameters = Parameters(rows=rows, cols=cols, lanes=lanes, accumulators=16)
    zero_point, low, high = int(rng.integers(-128, 128)), -128, 127
    sizes = [(1, 1), (1, 1), (1, 16), (3, 5), (2, 1), (1, 2), (4, 16)]
    tiles = [random_tile(rng, rows, cols, *size) for size in sizes]
    y, cycles, due = simulate(tiles, parameters, zero_point, low, high)
    np.testing.assert_array_equal(cycles, due)
    np.testing.assert_array_equal(
        y, np.concatenate([tile.expected(zero_point, low, high) for tile in tiles])
    )
