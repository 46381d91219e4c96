"""Requantized vectors go where the golden model puts them, and tokens with a tile's last one."""

from __future__ import annotations

import numpy as np
import pytest
from stream_bench import Bench
from unit_bench import instruction

from maccord.golden.feed.output_writer import Write, output_writer
from maccord.hw.feed.output_writer import OutputWriter
from maccord.spec.isa import Opcode
from maccord.spec.parameters import Parameters


@pytest.mark.parametrize("chance", [1.0, 0.6, 0.1])
@pytest.mark.parametrize("cols", [2, 5, 16, 64])
def test_tiles(cols: int, chance: float) -> None:
    """Vectors come at any distance, at best in every cycle, and a tile every other cycle."""
    rng = np.random.default_rng(cols)
    tiles = []
    for _ in range(20):
        width, height = (int(rng.choice([1, 2, rng.integers(1, 6)])) for _ in range(2))
        fields = {
            "output": int(rng.choice([0, (1 << 24) - 1, rng.integers(1 << 16)])),
            "output_pitch": int(rng.choice([1, cols, 1 << 20, rng.integers(1 << 10)])),
            "columns": int(rng.choice([1, cols, rng.integers(1, cols + 1)])),
            "width": width,
            "height": height,
        }
        tiles.append(instruction(Opcode.COMPUTE, signal=8 * int(rng.integers(2)), last=1, **fields))
    names = ("output", "output_pitch", "columns", "width", "height")
    block = OutputWriter(Parameters(rows=4, cols=cols, output_bytes=1 << 22))
    bench = Bench(block)
    items = [{name: tile[name] for name in names} | {"signal": tile.signal} for tile in tiles]
    source = bench.source(block.i, items)
    address, enable = bench.watch(block.write_address), bench.watch(block.write_enable)
    give = bench.watch(block.give)
    due = [list(output_writer(tile)) for tile in tiles]
    counts = np.cumsum([len(each) for each in due])
    firsts, ends = {0, *counts[:-1].tolist()}, counts - 1
    presented: list[int] = []

    def present() -> None:
        index, cycle = len(presented), bench.cycle + 1
        early = cycle < 2 or (cycle - 1 in presented[-1:] and {index, index - 1} <= firsts)
        valid = index < counts[-1] and not early and rng.random() < chance
        bench.drive(block.valid, int(valid))
        if valid:
            presented.append(cycle)

    present()
    bench.each_cycle(present)
    bench.run(lambda: len(presented) == counts[-1] and bench.cycle > presented[-1] + block.LATENCY)
    writes = [
        (cycle, Write(address.values[cycle], mask))
        for cycle, mask in enumerate(enable.values)
        if mask
    ]
    size = block.write_address.shape().width
    assert [write for _, write in writes] == [
        Write(write.address % (1 << size), write.enable) for each in due for write in each
    ]
    written = [cycle + block.LATENCY for cycle in presented]
    assert [cycle for cycle, _ in writes] == written
    # A tile is taken when the one before it has begun, which begins when the one before that ends.
    taken = [0]
    for end in [-1, *(presented[end] for end in ends[:-2])]:
        taken.append(max(taken[-1] + 1, end + 1) + 1)
    assert source.cycles == taken
    given = {written[end]: tile.signal for end, tile in zip(ends, tiles, strict=True)}
    assert give.values == [given.get(cycle, 0) for cycle in range(len(give.values))]
