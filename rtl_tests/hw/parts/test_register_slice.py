"""The register slice: order, one payload a cycle, and no path through it."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.lib import data
from stream_bench import RHYTHMS, Bench

from maccord.hw.parts.register_slice import RegisterSlice

LAYOUT = data.StructLayout({"low": 3, "high": 9})


def random_items(seed: int, count: int) -> list[dict[str, int]]:
    values = np.random.default_rng(seed).integers(1 << 12, size=count)
    return [{"low": int(v) & 7, "high": int(v) >> 3} for v in values]


@pytest.mark.parametrize("give", RHYTHMS[:3])
@pytest.mark.parametrize("take", RHYTHMS)
def test_order(take: str, give: str) -> None:
    """Every payload comes out once, in order; one a cycle where nobody pauses."""
    items = random_items(1, 150)
    block = RegisterSlice(LAYOUT)
    bench = Bench(block, seed=2)
    source = bench.source(block.i, items, give)
    sink = bench.sink("slice", block.o, take)
    bench.run(lambda: len(sink.items) == len(items))
    assert sink.items == items
    if (give, take) == ("always", "always"):
        assert source.cycles == list(range(len(items)))
        assert np.subtract(sink.cycles, source.cycles).tolist() == [block.LATENCY] * len(items)


def test_no_path_goes_through() -> None:
    """What is seen on one side in a cycle does not depend on the other side in that cycle."""
    block = RegisterSlice(8)
    bench = Bench(block)
    rng = np.random.default_rng(3)
    outputs = [bench.watch(s) for s in (block.i.ready, block.o.valid, block.o.payload)]
    inputs = [bench.watch(s) for s in (block.i.valid, block.i.payload, block.o.ready)]
    held: list[int] = []

    def check() -> None:
        ready, valid, payload = (watched.value for watched in outputs)
        assert (ready, valid) == (len(held) < 2, bool(held))
        assert not held or payload == held[0]
        entering, item, leaving = (watched.value for watched in inputs)
        if valid and leaving:
            held.pop(0)
        if ready and entering:
            held.append(item)
        bench.drive(block.i.valid, int(rng.integers(2)))
        bench.drive(block.o.ready, int(rng.integers(2)))
        bench.drive(block.i.payload, int(rng.integers(256)))

    bench.each_cycle(check)
    bench.run(lambda: bench.cycle == 400)
