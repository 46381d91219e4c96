"""Mean and factor of rows against the golden function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from maccord.golden.row.layer_norm import row_factors, row_sums
from maccord.hw.row.row_factor import RowFactor


def simulate(
    sums: np.ndarray, squares: np.ndarray, elements: int, zero_point: int, scale: float, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and factors of rows, one after the other."""
    unit = RowFactor()
    found: list[tuple[int, int]] = []

    async def bench(ctx: Any) -> None:
        ctx.set(unit.elements, elements)
        ctx.set(unit.zero_point, zero_point)
        ctx.set(unit.scale, int(np.float32(scale).view(np.uint32)))
        ctx.set(unit.eps, int(np.float64(eps).view(np.uint64)))
        for total, square in zip(sums.tolist(), squares.tolist(), strict=True):
            ctx.set(unit.start, 1)
            ctx.set(unit.sums, total)
            ctx.set(unit.squares, square)
            await ctx.tick()
            ctx.set(unit.start, 0)
            cycle = 1
            while not ctx.get(unit.done):
                await ctx.tick()
                cycle += 1
                assert cycle <= sum(unit.CYCLES)
            found.append((ctx.get(unit.offset), ctx.get(unit.factor)))

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    words = np.array(found, np.uint32).view(np.float32)
    return words[:, 0], words[:, 1]


def rows(rng: np.random.Generator, elements: int) -> np.ndarray:
    """Rows of each kind: uniform, around one code, equal codes, all but equal, all 0."""
    uniform = rng.integers(0, 256, (4, elements))
    near = np.clip(np.rint(rng.normal(rng.uniform(0, 255), 20, (4, elements))), 0, 255)
    equal = np.repeat(rng.integers(0, 256, (4, 1)), elements, axis=1)
    odd = np.where(np.arange(elements) == 0, equal ^ 1, equal)
    zero = np.zeros((1, elements))
    return np.concatenate([uniform, near, equal, odd, zero]).astype(np.uint8)


@pytest.mark.parametrize("elements", [1, 7, 96, 192, 768])
@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_rows(elements: int, eps: float) -> None:
    rng = np.random.default_rng(elements)
    sums, squares = row_sums(rows(rng, elements))
    scale = float(np.float32(np.exp2(rng.uniform(-10, 0))))
    zero_point = int(rng.choice([0, 1, 128, 255, rng.integers(256)]))
    offset, factor = simulate(sums, squares, elements, zero_point, scale, eps)
    mean, due = row_factors(sums, squares, elements, scale, eps)
    np.testing.assert_array_equal(factor, due)
    np.testing.assert_array_equal(offset, mean - np.float32(zero_point))


def test_the_longest_row() -> None:
    """The sum of squares needs all of 32 bits and is rounded to 24."""
    elements = 1 << 16
    sums, squares = row_sums(
        np.stack([np.full(elements, 255), np.arange(elements) * 7919 % 256]).astype(np.uint8)
    )
    offset, factor = simulate(sums, squares, elements, 3, 0.01, 1e-5)
    mean, due = row_factors(sums, squares, elements, 0.01, 1e-5)
    np.testing.assert_array_equal(factor, due)
    np.testing.assert_array_equal(offset, mean - np.float32(3))
