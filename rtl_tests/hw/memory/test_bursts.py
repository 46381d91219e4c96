"""Rows of bytes become AXI bursts: as the golden model cuts them, one a cycle."""

from __future__ import annotations

import numpy as np
import pytest
from stream_bench import RHYTHMS, Bench

from maccord.golden.memory.bursts import Burst, bursts
from maccord.hw.memory.bursts import BurstCutter
from maccord.spec.parameters import Parameters

WIDTHS = (8, 16, 32, 64)


def random_rows(rng: np.random.Generator, axi_bytes: int) -> dict[str, int]:
    """Rows of any length, alignment and distance; at times at a 4 KiB boundary or across 2**32."""
    memory = rng.choice([0, axi_bytes - 1, 4096 - axi_bytes, 2**32 - 100, rng.integers(2**31)])
    return {
        "memory": int(memory),
        "memory_pitch": int(rng.choice([0, 1, axi_bytes, 4096, rng.integers(2**20)])),
        "rows": int(rng.choice([1, 2, rng.integers(1, 6)])),
        "row_bytes": int(rng.choice([1, axi_bytes, axi_bytes + 1, rng.integers(1, 9000)])),
    }


@pytest.mark.parametrize("rate", RHYTHMS)
@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_bursts_of_random_rows(axi_bytes: int, rate: str) -> None:
    """Equal the golden bursts; without pauses one a cycle, a cycle at most between commands."""
    longest = Parameters(axi_bytes=axi_bytes).burst_beats
    rng = np.random.default_rng(axi_bytes)
    commands = [random_rows(rng, axi_bytes) for _ in range(25)]
    block = BurstCutter(axi_bytes=axi_bytes, beats=longest)
    bench = Bench(block, seed=axi_bytes)
    source = bench.source(block.i, commands, rate if rate != "patient" else "random")
    sink = bench.sink("bursts", block.o, rate)
    due = [list(bursts(**c, axi_bytes=axi_bytes, beats=longest)) for c in commands]
    total = sum(map(len, due))
    bench.run(lambda: len(sink.items) >= total and not source.items)
    assert [Burst(**item) for item in sink.items] == [burst for each in due for burst in each]
    if rate == "always":
        assert sink.cycles[0] == BurstCutter.LATENCY
        gaps = np.diff(sink.cycles)
        firsts = np.cumsum([len(each) for each in due[:-1]]) - 1
        assert set(np.delete(gaps, firsts)) == {1}
        # A row of several bursts gives the time to begin the next command.
        gained = [len(each) > c["rows"] for c, each in zip(commands, due[:-1], strict=False)]
        assert set(gaps[firsts][gained]) == {1}
        assert set(gaps[firsts]) <= {1, 2}


@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_golden_bursts_are_legal_and_cover_the_rows(axi_bytes: int) -> None:
    """No burst crosses 4 KiB or 256 beats; together they hold each row's bytes once."""
    longest = Parameters(axi_bytes=axi_bytes).burst_beats
    assert longest <= 256
    rng = np.random.default_rng(axi_bytes + 1)
    for _ in range(50):
        rows = random_rows(rng, axi_bytes) | {"rows": 1}
        position = rows["memory"] // axi_bytes * axi_bytes
        for burst in bursts(**rows, axi_bytes=axi_bytes, beats=longest):
            assert burst.address == position % 2**32
            size = (burst.length + 1) * axi_bytes
            assert burst.address // 4096 == (burst.address + size - 1) // 4096
            assert burst.length < longest
            position += size
        end = rows["memory"] + rows["row_bytes"]
        assert position - axi_bytes < end <= position
