"""Proofs of the AXI read side's units, from a reset in mid-flight on: LOAD and the fetch.

Bounded: any commands, pauses, beats of what is outstanding, halts. Requests stay until they are
taken and stay within their block, no beat that arrives is lost, and none is outstanding while a
unit says so. `test_bursts` has the arbiter that joins them.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from transition import Counterexample, Hardware, Unrolling

import maccord.hw.control.fetch as fetching
from maccord.hw.memory.loader import Loader
from maccord.hw.memory.read_arbiter import ReadArbiter
from maccord.spec.parameters import Parameters

PARAMETERS = Parameters(rows=4, cols=2, axi_bytes=8)
BEATS = 4
CYCLES = 20
CLAIMS = ("stable", "in_block", "owes")


class Short(Loader):
    """A loader of bursts of `BEATS` beats."""

    def __init__(self) -> None:
        super().__init__(PARAMETERS, size=1 << 11)
        self._beats = BEATS


class Near(fetching.Fetch):
    """A fetch of bursts of `BEATS` beats."""

    def __init__(self) -> None:
        super().__init__(PARAMETERS)
        self._burst = BEATS


class Watched(wiring.Component):
    """A unit that reads, and what it must never do.

    Members
    -------
    legal : commands stay and are of few bytes; beats come for what is outstanding
    stable, in_block : its requests
    owes : it says so while beats are outstanding, two cycles late
    """

    def __init__(self, unit: Loader | fetching.Fetch) -> None:
        self._unit = unit
        self._inputs = {
            "__".join(map(str, path)): Value.cast(value)
            for path, member, value in unit.signature.flatten(unit)
            if member.flow == wiring.In
        }
        super().__init__(
            {name: In(len(value)) for name, value in self._inputs.items()}
            | {name: Out(1) for name in ("legal", *CLAIMS)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = unit = self._unit
        m.d.comb += [value.eq(getattr(self, name)) for name, value in self._inputs.items()]
        request, beat = unit.read_request, unit.read_data
        asked, came = request.valid & request.ready, beat.valid & beat.ready
        outstanding = Signal(8)  # beats
        more = Mux(asked, request.payload.length + 1, 0)
        m.d.sync += outstanding.eq(outstanding + more - came)
        waits, before = Signal(), Signal.like(request.payload.as_value())
        m.d.sync += [waits.eq(request.valid & ~request.ready), before.eq(request.payload)]
        same = request.payload.as_value() == before
        address = request.payload.address
        place = address[3 : 3 + (BEATS - 1).bit_length()] + request.payload.length
        m.d.comb += [
            self.stable.eq(~waits | (request.valid & same)),
            self.in_block.eq(~request.valid | ((place < BEATS) & (address[:3] == 0))),
        ]
        legal = Signal(init=1)
        m.d.comb += self.legal.eq(legal & (~beat.valid | (outstanding != 0)) & self._kept(m))
        m.d.sync += legal.eq(self.legal)
        since = Signal(2)
        m.d.sync += since.eq(Value.cast(since << 1)[:2] | (outstanding != 0))
        open_ = since.all() & (outstanding != 0)
        m.d.comb += self.owes.eq(~open_ | self._owed())
        return m

    def _owed(self) -> Value:
        """Whether the unit says that beats are outstanding."""
        unit = self._unit
        return unit.awaiting if isinstance(unit, fetching.Fetch) else unit.state != 0

    def _kept(self, m: Module) -> Value:
        """Whether commands stay until they are accepted, and are LOADs or FILLs of few bytes."""
        unit = self._unit
        if isinstance(unit, fetching.Fetch):
            started = Signal()
            m.d.sync += started.eq(started | unit.start)
            return ~(started & unit.start)
        pending, before = Signal(), Signal.like(unit.i.payload.as_value())
        m.d.sync += [pending.eq(unit.i.valid & ~unit.i.ready), before.eq(unit.i.payload)]
        fields = unit.i.payload.fields
        small = (fields.rows != 0) & (fields.rows <= 2)
        small &= (fields.row_bytes != 0) & (fields.row_bytes <= 6 * PARAMETERS.axi_bytes)
        return small & (~pending | (unit.i.valid & (unit.i.payload.as_value() == before)))


class Joined(wiring.Component):
    """The read arbiter, and the bursts that it still owes.

    Members
    -------
    legal : bursts end that are outstanding
    owes : it says so while there are some, one cycle late
    """

    def __init__(self, arbiter: ReadArbiter) -> None:
        self._arbiter = arbiter
        self._inputs = {
            "__".join(map(str, path)): Value.cast(value)
            for path, member, value in arbiter.signature.flatten(arbiter)
            if member.flow == wiring.In
        }
        super().__init__(
            {name: In(len(value)) for name, value in self._inputs.items()}
            | {"legal": Out(1), "owes": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.arbiter = arbiter = self._arbiter
        m.d.comb += [value.eq(getattr(self, name)) for name, value in self._inputs.items()]
        asked = arbiter.address_valid & arbiter.address_ready
        ended = arbiter.beat_valid & arbiter.beat_ready & arbiter.beat_last
        outstanding, was = Signal(6), Signal()
        legal = Signal(init=1)
        m.d.sync += [
            outstanding.eq(outstanding + asked - ended),
            was.eq((outstanding != 0) | arbiter.address_valid),
            legal.eq(self.legal),
        ]
        m.d.comb += [
            self.legal.eq(legal & (~arbiter.beat_valid | (outstanding != 0))),
            self.owes.eq(~(was & (outstanding != 0)) | arbiter.owed),
        ]
        return m


def holds(component: wiring.Component, claims: tuple[str, ...], cycles: int) -> None:
    run = Unrolling(Hardware.of(component), cycles, interrupted=True)
    run.assume(run.at("legal", cycles))
    terms = [run.at(name, k) for k in range(1, cycles + 1) for name in claims]
    run.prove(*terms, show=terms)


def buffers(fetch: fetching.Fetch) -> None:
    """No beat is lost: the fetch's buffer has room for what it has asked for."""
    run = Unrolling(Hardware.of(Watched(fetch)), CYCLES, interrupted=True)
    run.assume(run.at("legal", CYCLES))
    pushes = (run.at("unit.beats.i__valid", k) for k in range(1, CYCLES + 1))
    rooms = (run.at("unit.beats.i__ready", k) for k in range(1, CYCLES + 1))
    terms = [f"(=> {push} {room})" for push, room in zip(pushes, rooms, strict=True)]
    run.prove(*terms, show=terms)


@pytest.mark.parametrize("make", [Short, Near])
def test_requests_keep_the_rules(make: Callable[[], Loader | fetching.Fetch]) -> None:
    holds(Watched(make()), CLAIMS, CYCLES)


def test_the_fetch_has_room_for_what_it_asks_for() -> None:
    buffers(Near())


def test_the_arbiter_owes_what_is_outstanding() -> None:
    holds(Joined(ReadArbiter(PARAMETERS, units=3)), ("owes",), CYCLES)


def test_a_request_that_follows_a_halt_has_a_counterexample() -> None:
    class Withdrawing(Short):
        def elaborate(self, platform: object) -> Module:
            m = super().elaborate(platform)
            with m.If(self.halt):
                m.d.comb += self.read_request.valid.eq(0)
            return m

    with pytest.raises(Counterexample, match=r"stable. s[0-9]+. = false"):
        holds(Watched(Withdrawing()), CLAIMS, CYCLES)


def test_a_fetch_that_asks_too_soon_has_a_counterexample(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a buffer for one burst, not two."""
    queue = fetching.Queue
    monkeypatch.setattr(
        fetching, "Queue", lambda shape, *, depth: queue(shape, depth=max(depth // 2, 2))
    )
    with pytest.raises(Counterexample, match="= false"):
        buffers(Near())


def test_an_arbiter_that_forgets_has_a_counterexample() -> None:
    class Forgetful(ReadArbiter):
        def elaborate(self, platform: object) -> Module:
            m = super().elaborate(platform)
            with m.If(self.halt):
                m.d.comb += self.owed.eq(0)
            return m

    with pytest.raises(Counterexample, match=r"owes. s[0-9]+. = false"):
        holds(Joined(Forgetful(PARAMETERS, units=3)), ("owes",), CYCLES)
