"""The beats of rows: lanes, scratchpad addresses and ends, one beat a cycle."""

from __future__ import annotations

import numpy as np
import pytest
from stream_bench import RHYTHMS, Bench

from maccord.golden.memory.beats import Beat, beats
from maccord.golden.memory.bursts import bursts
from maccord.hw.memory.beats import BeatWalker
from maccord.spec.parameters import Parameters

WIDTHS = (8, 16, 32, 64)
SIZE = 1 << 14


def random_rows(rng: np.random.Generator, axi_bytes: int) -> dict[str, int]:
    """Rows of any length, alignment and distance, at times beyond the scratchpad's end."""
    row_bytes = int(rng.choice([1, axi_bytes, axi_bytes + 1, rng.integers(1, 1500)]))
    buffers = [0, axi_bytes - 1, SIZE - row_bytes, SIZE - row_bytes + 1, rng.integers(SIZE)]
    return {
        "memory": int(rng.choice([0, axi_bytes - 1, 4095, rng.integers(2**31)])),
        "memory_pitch": int(rng.choice([0, 1, axi_bytes, 4096, rng.integers(2**20)])),
        "buffer": int(rng.choice(buffers)),
        "buffer_pitch": int(rng.choice([0, 1, row_bytes, 2**24 - 1, rng.integers(SIZE // 4)])),
        "rows": int(rng.choice([1, 2, rng.integers(1, 6)])),
        "row_bytes": row_bytes,
    }


def low_bits(command: dict[str, int]) -> dict[str, int]:
    """What the walker sees of a command: it needs no more of the addresses in memory."""
    return command | {name: command[name] % 4096 for name in ("memory", "memory_pitch")}


@pytest.mark.parametrize("rate", RHYTHMS)
@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_beats_of_random_rows(axi_bytes: int, rate: str) -> None:
    """Equal the golden beats; without pauses no gap inside a command, a cycle at most before it."""
    longest = Parameters(axi_bytes=axi_bytes).burst_beats
    rng = np.random.default_rng(axi_bytes)
    commands = [random_rows(rng, axi_bytes) for _ in range(25)]
    block = BeatWalker(axi_bytes=axi_bytes, beats=longest, size=SIZE)
    bench = Bench(block, seed=axi_bytes)
    rows = map(low_bits, commands)
    source = bench.source(block.i, rows, rate if rate != "patient" else "random")
    sink = bench.sink("beats", block.o, rate)
    options = {"axi_bytes": axi_bytes, "beats": longest, "size": SIZE}
    due = [list(beats(**command, **options)) for command in commands]
    total = sum(map(len, due))
    bench.run(lambda: len(sink.items) >= total and not source.items, limit=40_000)
    assert [Beat(**item) for item in sink.items] == [beat for each in due for beat in each]
    if rate == "always":
        assert sink.cycles[0] == BeatWalker.LATENCY
        gaps = np.diff(sink.cycles)
        firsts = np.cumsum([len(each) for each in due[:-1]]) - 1
        assert set(np.delete(gaps, firsts)) == {1}
        # A row of several beats gives the time to begin the next command.
        gained = [len(each) > c["rows"] for c, each in zip(commands, due[:-1], strict=False)]
        assert set(gaps[firsts][gained]) == {1}
        assert set(gaps[firsts]) <= {1, 2}


@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_beats_are_those_of_the_bursts(axi_bytes: int) -> None:
    """Beats between two ends of bursts are as many as the burst cutter asks for; lanes add up."""
    longest = Parameters(axi_bytes=axi_bytes).burst_beats
    rng = np.random.default_rng(axi_bytes + 1)
    for _ in range(50):
        command = random_rows(rng, axi_bytes)
        options = {"axi_bytes": axi_bytes, "beats": longest}
        walk = list(beats(**command, **options, size=SIZE))
        ends = np.flatnonzero([beat.burst_end for beat in walk])
        names = ("memory", "memory_pitch", "rows", "row_bytes")
        asked = bursts(*(command[name] for name in names), **options)
        assert np.diff(ends, prepend=-1).tolist() == [burst.length + 1 for burst in asked]
        lanes = sum(beat.lanes.bit_count() for beat in walk)
        assert lanes == command["rows"] * command["row_bytes"]
        assert [beat.end for beat in walk] == [0] * (len(walk) - 1) + [1]
