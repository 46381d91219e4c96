"""The register slice: order, one payload a cycle, and no path through it."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import data, wiring
from stream_bench import RHYTHMS, Bench

import maccord.hw.parts.register_slice as register_slice
from maccord.hw.parts.register_slice import RegisterSlice

LAYOUT = data.StructLayout({"low": 3, "high": 9})


def random_items(seed: int, count: int) -> list[dict[str, int]]:
    values = np.random.default_rng(seed).integers(1 << 12, size=count)
    return [{"low": int(v) & 7, "high": int(v) >> 3} for v in values]


@pytest.mark.parametrize("give", RHYTHMS[:3])
@pytest.mark.parametrize("take", RHYTHMS)
def test_order(take: str, give: str) -> None:
    """Every payload comes out once, in order; one a cycle where nobody pauses."""
    keeps_order(RegisterSlice(LAYOUT), take, give)


def keeps_order(block: RegisterSlice, take: str, give: str) -> None:
    items = random_items(1, 150)
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
    has_no_path(RegisterSlice(8))


def has_no_path(block: RegisterSlice) -> None:
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


class ReadyGoesThrough(RegisterSlice):
    """A slice that, when full, is ready as soon as the sink is: a path from `o` to `i`."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inner = inner = RegisterSlice(8)
        wiring.connect(m, inner.o, wiring.flipped(self.o))
        m.d.comb += [
            self.i.ready.eq(inner.i.ready | self.o.ready),
            inner.i.valid.eq(self.i.valid),
            inner.i.payload.eq(self.i.payload),
        ]
        return m


def test_a_path_through_is_found() -> None:
    with pytest.raises(AssertionError):
        has_no_path(ReadyGoesThrough(8))


def test_a_payload_out_of_order_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice that shows one of its registers alone."""
    monkeypatch.setattr(register_slice, "Mux", lambda get, second, first: first)
    with pytest.raises(AssertionError):
        keeps_order(RegisterSlice(LAYOUT), "always", "always")
