"""The queue between streams: order, whether it is used, and one payload in and out a cycle."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.lib import data
from stream_bench import RHYTHMS, Bench, refusal

from maccord.hw.parts.queue import Queue

LAYOUT = data.StructLayout({"low": 3, "high": 9})


def random_items(seed: int, count: int) -> list[dict[str, int]]:
    values = np.random.default_rng(seed).integers(1 << 12, size=count)
    return [{"low": int(v) & 7, "high": int(v) >> 3} for v in values]


@pytest.mark.parametrize("give", RHYTHMS[:3])
@pytest.mark.parametrize("take", RHYTHMS)
@pytest.mark.parametrize("relaxed", [False, True])
@pytest.mark.parametrize("depth", [2, 3, 8])
def test_order_and_use(depth: int, relaxed: bool, take: str, give: str) -> None:
    items = random_items(depth, 150)
    block = Queue(LAYOUT, depth=depth, relaxed=relaxed)
    bench = Bench(block, seed=depth)
    source = bench.source(block.i, items, give)
    sink = bench.sink("queue", block.o, take)
    used = bench.watch(block.used)
    full = []

    def check() -> None:
        entered = sum(cycle < bench.cycle for cycle in source.cycles[-2:]) + max(
            len(source.cycles) - 2, 0
        )
        left = sum(cycle < bench.cycle for cycle in sink.cycles[-2:]) + max(len(sink.cycles) - 2, 0)
        assert used.value == (entered > left)
        full.append(entered - left == depth)

    bench.each_cycle(check)
    bench.run(lambda: len(sink.items) == len(items))
    assert sink.items == items
    if (give, take) == ("always", "always"):
        assert sink.cycles[0] == source.cycles[0] + Queue.LATENCY
        period = 1 if depth > 2 and not relaxed else 2
        for cycles in (source.cycles, sink.cycles):
            assert set(np.diff(cycles[2 * depth :])) == {period}
    if take == "bursts" and give == "always":
        assert any(full)


@pytest.mark.parametrize("relaxed", [False, True])
@pytest.mark.parametrize("depth", [2, 3, 8])
def test_holds_its_depth(depth: int, relaxed: bool) -> None:
    """With nobody taking, exactly `depth` payloads enter, and wait in order."""
    block = Queue(LAYOUT, depth=depth, relaxed=relaxed)
    bench = Bench(block)
    source = bench.source(block.i, random_items(1, 20))
    used, valid = bench.watch(block.used), bench.watch(block.o.valid)
    bench.run(lambda: bench.cycle == 40)
    assert len(source.cycles) == depth
    assert used.value and valid.value


def test_shallow_queues_are_refused() -> None:
    assert refusal(lambda: Queue(LAYOUT, depth=1)) == "depth must be at least 2, got 1"
