"""The tables behind the columns: all codes, at full rate, off, and with a wrong entry."""

from __future__ import annotations

import numpy as np
import pytest
from stream_bench import Bench

from maccord.golden.array.lookup import look_up
from maccord.hw.array.lookup import Lookup
from maccord.spec.isa import TABLE_BYTES
from maccord.spec.parameters import Parameters

COLS = 3
PARAMETERS = Parameters(cols=COLS, lookup=True)


def outputs(
    table: np.ndarray, vectors: np.ndarray, gaps: np.ndarray, active: bool = True
) -> np.ndarray:
    """What comes for vectors, shape (n, COLS), int8, each so many idle cycles after the last."""
    block = Lookup(PARAMETERS)
    bench = Bench(block)
    out, due = bench.watch(block.out), []
    cycles = TABLE_BYTES + 4 + np.cumsum(gaps + 1)
    words = {
        int(cycle): int.from_bytes(vector.tobytes(), "little")
        for cycle, vector in zip(cycles, vectors, strict=True)
    }
    bench.drive(block.active, int(active))

    def show() -> None:
        cycle = bench.cycle + 1
        bench.drive(block.write_enable, int(cycle < TABLE_BYTES))
        if cycle < TABLE_BYTES:
            bench.drive(block.write_address, cycle)
            bench.drive(block.write_data, int(table[cycle]))
        bench.drive(block.valid, int(cycle in words))
        bench.drive(block.y, words.get(cycle, 0))
        bench.drive(block.late, words.get(cycle - Lookup.LATENCY, 0))
        if cycle in words:
            due.append(cycle + Lookup.LATENCY)

    show()
    bench.each_cycle(show)
    bench.run(lambda: bench.cycle == cycles[-1] + Lookup.LATENCY)
    found = [out.values[cycle].to_bytes(COLS, "little") for cycle in due]
    return np.frombuffer(b"".join(found), np.int8).reshape(-1, COLS)


def everything(rng: np.random.Generator) -> np.ndarray:
    """Each column sees each code once, in an order of its own."""
    codes = np.arange(TABLE_BYTES, dtype=np.uint8).view(np.int8)
    return np.stack([rng.permutation(codes) for _ in range(COLS)], axis=1)


@pytest.mark.parametrize("most", [1, 4])
def test_every_column_looks_up_every_code(most: int) -> None:
    rng = np.random.default_rng(most)
    table, vectors = rng.integers(0, 256, TABLE_BYTES, dtype=np.uint8), everything(rng)
    gaps = rng.integers(0, most, len(vectors))
    np.testing.assert_array_equal(outputs(table, vectors, gaps), look_up(vectors, table))


def test_off_results_pass() -> None:
    rng = np.random.default_rng(0)
    table, vectors = rng.integers(0, 256, TABLE_BYTES, dtype=np.uint8), everything(rng)
    found = outputs(table, vectors, np.zeros(len(vectors), int), active=False)
    np.testing.assert_array_equal(found, vectors)


def test_an_entry_off_by_one_is_found_out() -> None:
    rng = np.random.default_rng(1)
    table, vectors = np.arange(TABLE_BYTES, dtype=np.uint8), everything(rng)
    wrong = table.copy()
    wrong[200] ^= 1
    found = outputs(wrong, vectors, np.zeros(len(vectors), int))
    assert np.count_nonzero(found != look_up(vectors, table)) == COLS
