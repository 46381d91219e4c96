"""The byte-banked scratchpad: a write and a read every cycle, at any address."""

from __future__ import annotations

import numpy as np
import pytest
from stream_bench import Bench, refusal

from maccord.golden.memory.scratchpad import scratchpad_read, scratchpad_write
from maccord.hw.memory.scratchpad import Scratchpad

# banks, size, write lanes, read lanes
SHAPES = [(4, 8, 4, 4), (8, 64, 8, 5), (16, 64, 3, 16), (16, 128, 16, 7), (64, 512, 64, 33)]
CYCLES = 200


def to_int(lanes: np.ndarray) -> int:
    return int.from_bytes(np.asarray(lanes, np.uint8).tobytes(), "little")


def to_bytes(value: int, lanes: int) -> np.ndarray:
    return np.frombuffer(value.to_bytes(lanes, "little"), np.uint8)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_reads_and_writes_every_cycle(shape: tuple[int, int, int, int], seed: int) -> None:
    banks, size, write_lanes, read_lanes = shape
    rng = np.random.default_rng(seed)
    block = Scratchpad(banks=banks, size=size, write_lanes=write_lanes, read_lanes=read_lanes)
    writes = [
        (
            int(rng.choice([0, size - 1, rng.integers(size)])),
            rng.integers(256, size=write_lanes).astype(np.uint8),
            rng.random(write_lanes) < rng.choice([0, 0.3, 1]),
        )
        for _ in range(CYCLES)
    ]
    reads = []
    for _ in range(CYCLES):
        a = int(rng.choice([0, size - 1, rng.integers(size)]))
        b = (a + banks * int(rng.integers(size // banks))) % size
        split = int(rng.choice([0, read_lanes, rng.integers(read_lanes + 1)]))
        reads.append((bool(rng.random() < 0.8), a, b, split))
    bench = Bench(block, seed)
    out = bench.watch(block.read_data)

    def drive() -> None:
        cycle = bench.cycle + 1
        running = cycle < CYCLES
        address, data, enable = writes[cycle % CYCLES]
        bench.drive(block.write_address, address)
        bench.drive(block.write_data, to_int(data))
        lanes = int.from_bytes(np.packbits(enable, bitorder="little").tobytes(), "little")
        bench.drive(block.write_enable, lanes if running else 0)
        asked, a, b, split = reads[cycle % CYCLES]
        bench.drive(block.read_enable, int(asked and running))
        for port, value in ((block.a, a), (block.b, b), (block.split, split)):
            bench.drive(port, value)

    drive()
    bench.each_cycle(drive)
    bench.run(lambda: bench.cycle == CYCLES + Scratchpad.LATENCY)

    # A read sees the writes of two cycles before; bytes written later but before it may be either.
    memory, fresh = np.zeros(size, np.uint8), np.zeros(size, bool)
    recent: list[np.ndarray] = []
    compared = 0
    for cycle, (asked, a, b, split) in enumerate(reads):
        address, _, enable = writes[cycle]
        touched = scratchpad_write(fresh, address, np.ones(write_lanes, bool), enable)
        unsettled = touched | (recent[-1] if recent else fresh)
        if asked:
            due = scratchpad_read(memory, a, b, split, read_lanes)
            settled = ~scratchpad_read(unsettled, a, b, split, read_lanes)
            got = to_bytes(out.values[cycle + Scratchpad.LATENCY], read_lanes)
            np.testing.assert_array_equal(got[settled], due[settled])
            compared += settled.sum()
        if cycle:
            memory = scratchpad_write(memory, *writes[cycle - 1])
        recent.append(touched)
    assert compared > 0.1 * CYCLES * read_lanes


def test_data_hold_until_the_next_read() -> None:
    """Nothing toggles behind the output while no read is asked for."""
    block = Scratchpad(banks=4, size=16, write_lanes=4, read_lanes=4)
    bench = Bench(block)
    out = bench.watch(block.read_data)

    def drive() -> None:
        cycle = bench.cycle + 1
        bench.drive(block.write_enable, 0xF if cycle == 0 else 0)
        bench.drive(block.write_data, 0x44332211)
        bench.drive(block.read_enable, int(cycle in (2, 3)))
        bench.drive(block.a, {2: 0, 3: 1}.get(cycle, 2))
        bench.drive(block.b, {2: 0, 3: 1}.get(cycle, 2))

    drive()
    bench.each_cycle(drive)
    bench.run(lambda: bench.cycle == 12)
    first = 2 + Scratchpad.LATENCY
    assert out.values[first:] == [0x44332211] + [0x00443322] * (12 - first)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"banks": 12}, "size must be powers of two with size >= 2 * banks, got 12 and 64"),
        ({"size": 100}, "size must be powers of two with size >= 2 * banks, got 16 and 100"),
        ({"size": 16}, "size must be powers of two with size >= 2 * banks, got 16 and 16"),
        ({"write_lanes": 0}, "write_lanes must be between 1 and 16, got 0"),
        ({"read_lanes": 17}, "read_lanes must be between 1 and 16, got 17"),
    ],
)
def test_impossible_shapes(options: dict[str, int], text: str) -> None:
    fitting = {"banks": 16, "size": 64, "write_lanes": 8, "read_lanes": 8}
    assert refusal(lambda: Scratchpad(**fitting | options)).endswith(text)
