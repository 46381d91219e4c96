"""The weight scratchpad: beats in and rows out, one each in every cycle."""

from __future__ import annotations

import numpy as np
import pytest
from stream_bench import Bench

from maccord.golden.memory.weight_scratchpad import weight_scratchpad_read, weight_scratchpad_write
from maccord.hw.memory.weight_scratchpad import WeightScratchpad
from maccord.spec.parameters import Parameters

CYCLES = 400


@pytest.mark.parametrize("cols", [2, 6, 16, 33, 64])
@pytest.mark.parametrize("axi_bytes", [8, 16, 32, 64])
def test_beats_in_rows_out(axi_bytes: int, cols: int) -> None:
    """Beats may hold several rows, and rows several beats; addresses wrap at the end."""
    p = Parameters(rows=4, cols=cols, axi_bytes=axi_bytes, weight_bytes=2048)
    rng = np.random.default_rng(axi_bytes * cols)
    block = WeightScratchpad(p)
    size, row_bytes = p.weight_bytes, p.weight_row_bytes
    # A quarter of the scratchpad, so that what is read has been written.
    window = size // 4
    addresses = rng.integers(window // axi_bytes, size=CYCLES) * axi_bytes
    addresses += rng.integers(3, size=CYCLES) * size
    beats = rng.integers(256, size=(CYCLES, axi_bytes)).astype(np.uint8)
    writes, asked = rng.random((2, CYCLES)) < 0.8
    rows = rng.integers(window // row_bytes, size=CYCLES)
    bench = Bench(block)
    out = bench.watch(block.read_data)

    def drive() -> None:
        cycle = bench.cycle + 1
        running = cycle < CYCLES
        cycle %= CYCLES
        bench.drive(block.write_enable, int(writes[cycle] and running))
        bench.drive(block.write_address, addresses[cycle])
        bench.drive(block.write_data, int.from_bytes(beats[cycle].tobytes(), "little"))
        bench.drive(block.read_enable, int(asked[cycle] and running))
        bench.drive(block.row, rows[cycle])

    drive()
    bench.each_cycle(drive)
    bench.run(lambda: bench.cycle == CYCLES + WeightScratchpad.LATENCY)

    memory, got, due = np.zeros(size, np.uint8), [], []
    for cycle in range(CYCLES):
        before = weight_scratchpad_read(memory, rows[cycle], row_bytes)
        if writes[cycle]:
            memory = weight_scratchpad_write(memory, addresses[cycle], beats[cycle])
        # A row that a beat hits in the very cycle of its read may be either.
        if (
            asked[cycle]
            and (before == weight_scratchpad_read(memory, rows[cycle], row_bytes)).all()
        ):
            due.append(before)
            value = out.values[cycle + WeightScratchpad.LATENCY]
            got.append(np.frombuffer(value.to_bytes(row_bytes, "little"), np.uint8))
    assert len(due) > CYCLES // 4
    np.testing.assert_array_equal(np.stack(got), np.stack(due))


def test_beats_are_aligned() -> None:
    with pytest.raises(ValueError, match="address must be a multiple of 8, got 12"):
        weight_scratchpad_write(np.zeros(64, np.uint8), 12, np.zeros(8, np.uint8))
