"""One column's accumulator: passes, wrapping, parameters loaded while vectors are under way."""

from __future__ import annotations

import numpy as np
import pytest
from open_loop import run

from maccord.golden.array.accumulator import accumulator
from maccord.hw.array.accumulator import Accumulator
from maccord.spec.parameters import Parameters

PARAMETERS = Parameters(rows=4, cols=2, accumulators=16)
NAMES = ("read", "read_address", "load_bias", "add", "partial_sum", "first", "load_multiplier")
NAMES += ("write", "write_address", "param", "weight")


class Column:
    """A table of the column's inputs, vector by vector, and what it must put out."""

    def __init__(self, rng: np.random.Generator, cycles: int) -> None:
        half = 2 ** (PARAMETERS.partial_sum_bits - 1)
        self.table = {name: np.zeros(cycles, np.int64) for name in NAMES}
        self.table["partial_sum"] = rng.choice([-half, half - 1], cycles)
        self.table["weight"] = rng.integers(-128, 128, cycles)
        for name in ("read_address", "write_address"):
            self.table[name] = rng.integers(0, 16, cycles)
        for name in ("first",):
            self.table[name] = rng.integers(0, 2, cycles)
        self.rng, self.half = rng, half

    def param(self, cycle: int, bias: int, multiplier: int) -> None:
        data = np.array([bias, multiplier], np.int64).astype(np.uint32).view(np.int8)
        self.table["param"][cycle : cycle + 8] = 1
        self.table["weight"][cycle : cycle + 8] = data

    def vector(self, cycle: int, address: int, first: bool, last: bool, begins: bool) -> int:
        """Present a vector whose cycle 0 is `cycle`; return its partial sum."""
        table = self.table
        table["read"][cycle], table["read_address"][cycle] = not first, address
        table["load_bias"][cycle] = first and begins
        table["add"][cycle + 1], table["first"][cycle + 1] = 1, first
        table["load_multiplier"][cycle + 3] = last and begins
        table["write"][cycle + 3], table["write_address"][cycle + 3] = not last, address
        if self.rng.random() < 0.7:
            table["partial_sum"][cycle + 1] = self.rng.integers(-self.half, self.half)
        return int(table["partial_sum"][cycle + 1])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_tiles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    column = Column(rng, 4000)
    cycle, acc, multipliers, due = 10, [], [], []
    param_from = 0
    while cycle < 3700:
        passes, count = int(rng.integers(1, 6)), int(rng.integers(1, 17))
        bias = int(rng.choice([2**31 - 1, -(2**31), rng.integers(-(2**31), 2**31)]))
        multiplier = int(rng.integers(0, 2**31))
        column.param(param_from, bias, multiplier)
        cycle = max(cycle, param_from + Accumulator.PARAM_ROWS)
        sums = np.zeros((passes, count, 1), np.int32)
        addresses = rng.permutation(16)[:count]
        for k in range(passes):
            start, last = cycle, k == passes - 1
            for v in range(count):
                sums[k, v, 0] = column.vector(cycle, int(addresses[v]), k == 0, last, v == 0)
                if last:
                    due.append(cycle + Accumulator.LATENCY)
                cycle += 1
            # The next tile's parameters may come as soon as this one's are taken over.
            param_from = start + 3
            cycle = max(cycle, start + Accumulator.ADDRESS_GAP)
        acc += accumulator(sums, np.array([bias], np.int32))[:, 0].tolist()
        multipliers += [multiplier] * count
    outputs = run(Accumulator(PARAMETERS), column.table, ["acc", "multiplier"])
    np.testing.assert_array_equal(outputs["acc"][due], acc)
    np.testing.assert_array_equal(outputs["multiplier"][due], multipliers)


@pytest.mark.parametrize(("gap", "right"), [(4, True), (3, False)])
def test_address_gap(gap: int, right: bool) -> None:
    """Two vectors of one address `ADDRESS_GAP` cycles apart add up; closer ones do not."""
    assert Accumulator.ADDRESS_GAP == 4
    column = Column(np.random.default_rng(0), 30)
    column.param(0, 1000, 0)
    sums = [column.vector(8 + k * gap, 5, k == 0, k == 2, k != 1) for k in range(3)]
    outputs = run(Accumulator(PARAMETERS), column.table, ["acc"])
    acc = outputs["acc"][8 + 2 * gap + Accumulator.LATENCY]
    assert (acc == 1000 + sum(sums)) == right
