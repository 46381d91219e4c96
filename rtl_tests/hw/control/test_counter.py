"""The counter in halves: exact with the high half read a cycle after the low one."""

from __future__ import annotations

import numpy as np
import pytest
from stream_bench import Bench

from maccord.hw.control.counter import WideCounter

HALF = 5


@pytest.mark.parametrize("bits", [1, 3, HALF])
def test_halves(bits: int) -> None:
    """Many carries, some right after a clear and one after the other; the whole wraps."""
    rng = np.random.default_rng(bits)
    block = WideCounter(half=HALF, amount=bits)
    bench = Bench(block)
    watched = [bench.watch(s) for s in (block.clear, block.amount, block.low, block.high)]

    def drive() -> None:
        bench.drive(block.clear, int(rng.random() < 0.001))
        bench.drive(block.amount, int(rng.choice([0, 1, (1 << bits) - 1, (1 << bits) - 1])))

    bench.each_cycle(drive)
    bench.run(lambda: bench.cycle == 6000)
    clear, amount, low, high = (w.values for w in watched)
    count, carries = 0, 0
    for cycle in range(6000):
        if not clear[cycle]:
            assert high[cycle + 1] << HALF | low[cycle] == count
        carries += high[cycle + 1] != high[cycle]
        count = 0 if clear[cycle] else (count + amount[cycle]) % (1 << 2 * HALF)
    assert carries > 50
    assert 0 in np.diff(low[:100])
