"""The product unit against the golden products: every pair of codes, the skew, kept operands."""

from __future__ import annotations

import numpy as np
import pytest
from open_loop import run

from maccord.golden.array.product import products
from maccord.hw.array.product import Product
from maccord.spec.parameters import Parameters

COLS = 5
PAIRS = np.stack(np.divmod(np.arange(1 << 16), 256)).astype(np.uint8)


def simulate(
    vectors: np.ndarray,
    second: np.ndarray,
    zero_points: tuple[int, int],
    *,
    broadcast: int = 0,
    pauses: float = 0.0,
    family: str = "generic",
) -> np.ndarray:
    """Send int8 vectors (vectors, COLS); check the cycles, return the products of the second ones.

    Between vectors, and where one is not valid, the inputs are anything.
    """
    rng = np.random.default_rng(len(vectors))
    length = int(len(vectors) / (1 - pauses) * 1.05) + 4
    total = length + Product.LATENCY + COLS
    at = np.sort(rng.choice(length, len(vectors), replace=False))
    table = {
        "valid": np.zeros(total, np.int64),
        "second": rng.integers(0, 2, total),
        "data": rng.integers(0, 1 << 8 * COLS, total),
        "broadcast": np.full(total, broadcast),
        "zero_point_a": np.full(total, zero_points[0]),
        "zero_point_b": np.full(total, zero_points[1]),
    }
    table["valid"][at] = 1
    table["second"][at] = second
    table["data"][at] = vectors.view(np.uint8).astype(np.int64) @ (1 << 8 * np.arange(COLS))
    block = Product(Parameters(rows=4, cols=COLS, family=family))
    outputs = run(block, table, ["valid_out", "products"])
    due = at[np.flatnonzero(second)] + Product.LATENCY
    for column in range(COLS):
        valid = outputs["valid_out"] >> column & 1
        np.testing.assert_array_equal(np.flatnonzero(valid), due + column)
    return np.stack([outputs["products"][due + j, j] for j in range(COLS)], axis=1)


@pytest.mark.parametrize("zero_points", [(0, 0), (-128, 127), (127, -128), (-128, -128)])
def test_every_pair(zero_points: tuple[int, int]) -> None:
    """Operands a and b alternate, back to back."""
    padded = np.pad(PAIRS, ((0, 0), (0, -PAIRS.shape[1] % COLS))).view(np.int8)
    a, b = padded.reshape(2, -1, COLS)
    vectors = np.stack([a, b], axis=1).reshape(-1, COLS)
    found = simulate(vectors, np.arange(len(vectors)) % 2, zero_points)
    np.testing.assert_array_equal(found, products(a, b, zero_points))


@pytest.mark.parametrize("pauses", [0.0, 0.5])
def test_the_first_operand_is_kept(pauses: float) -> None:
    """As a channel's value is for all pixels of a line; with `broadcast`, it is operand b."""
    rng = np.random.default_rng(3)
    zero_points = (-77, 31)
    second = (rng.random(2000) < 0.8).astype(int)
    second[0] = 0
    vectors = rng.integers(-128, 128, (len(second), COLS)).astype(np.int8)
    firsts = np.maximum.accumulate(np.where(second == 0, np.arange(len(second)), 0))
    for broadcast in (0, 1):
        order = (1, -1)[broadcast]
        both = [vectors[firsts][second == 1], vectors[second == 1]][::order]
        found = simulate(vectors, second, zero_points, broadcast=broadcast, pauses=pauses)
        np.testing.assert_array_equal(found, products(both[0], both[1], zero_points))
