"""The read arbiter: fixed priority, one request a cycle, beats to the unit that asked."""

from __future__ import annotations

import numpy as np
import pytest
from stream_bench import RHYTHMS, Bench, Channel

from maccord.hw.memory.read_arbiter import ReadArbiter
from maccord.spec.parameters import Parameters

UNITS = 3


def random_bursts(rng: np.random.Generator, count: int) -> list[dict[str, int]]:
    return [
        {"address": int(rng.integers(2**32)), "length": int(rng.integers(256))}
        for _ in range(count)
    ]


@pytest.mark.parametrize("ask", ["always", "random", "bursts"])
@pytest.mark.parametrize("take", RHYTHMS)
def test_requests(take: str, ask: str) -> None:
    """Each grant goes to the first unit that asks; all requests arrive once, a unit's in order."""
    rng = np.random.default_rng(1)
    block = ReadArbiter(Parameters(axi_bytes=8), units=UNITS)
    bench = Bench(block, seed=2)
    asked = [random_bursts(rng, 40) for _ in range(UNITS)]
    channels = [getattr(block, f"request{unit}") for unit in range(UNITS)]
    sources = [bench.source(c, items, ask) for c, items in zip(channels, asked, strict=True)]
    address = Channel(block.address, block.address_valid, block.address_ready)
    sink = bench.sink("address", address, take)
    others = [bench.watch(signal) for signal in (block.id, block.length)]
    valid = [bench.watch(channel.valid) for channel in channels]
    out = bench.watch(block.address_valid)
    bench.run(lambda: len(sink.items) == sum(map(len, asked)))
    arrived: list[list[dict[str, int]]] = [[] for _ in range(UNITS)]
    for cycle, value in zip(sink.cycles, sink.items, strict=True):
        unit, length = (other.values[cycle] for other in others)
        arrived[unit].append({"address": value, "length": length})
    assert arrived == asked
    waiting = np.array([v.values for v in valid], bool)
    for unit, source in enumerate(sources):
        assert not waiting[:unit, source.cycles].any(), f"unit {unit} passes a unit before it"
    # Identity and length stay with the address until it is taken.
    stalled = set(np.flatnonzero(out.values)) - set(sink.cycles)
    for other in others:
        assert all(other.values[cycle] == other.values[cycle + 1] for cycle in stalled)
    if (take, ask) == ("always", "always"):
        assert np.diff(sink.cycles).tolist() == [1] * (len(sink.cycles) - 1)


@pytest.mark.parametrize("take", RHYTHMS[:3])
def test_beats(take: str) -> None:
    """Beats go to their unit in the cycle they come; one that nobody asked for is dropped."""
    rng = np.random.default_rng(3)
    block = ReadArbiter(Parameters(axi_bytes=16), units=UNITS)
    bench = Bench(block, seed=4)
    units = rng.integers(UNITS + 1, size=200).tolist()
    beats = [int.from_bytes(rng.bytes(16), "little") for _ in units]
    source = bench.source(Channel(block.beat, block.beat_valid, block.beat_ready), beats, take)
    sinks = [bench.sink(f"data{u}", getattr(block, f"data{u}"), take) for u in range(UNITS)]

    def identify() -> None:
        bench.drive(block.beat_id, units[min(len(source.cycles), len(units) - 1)])

    identify()
    bench.each_cycle(identify)
    bench.run(lambda: not source.items)
    for unit, sink in enumerate(sinks):
        own = [k for k, owner in enumerate(units) if owner == unit]
        assert sink.items == [beats[k] for k in own]
        assert sink.cycles == [source.cycles[k] for k in own]
    if take == "always":
        assert np.diff(source.cycles).tolist() == [1] * (len(units) - 1)
