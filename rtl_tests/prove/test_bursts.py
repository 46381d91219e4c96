"""Proofs of the AXI read side, from a reset in mid-flight on: bursts, all beats, AR's handshake."""

from __future__ import annotations

import pytest
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from transition import Counterexample, Hardware, Unrolling, literal

from maccord.hw.memory.bursts import BurstCutter
from maccord.hw.memory.read_arbiter import ReadArbiter
from maccord.spec.parameters import Parameters

UNITS = 3
BUSES = (8, 64)  # bytes, the narrowest and the widest


class Cut(wiring.Component):
    """A burst cutter with one row, then none.

    Parameters
    ----------
    cutter : BurstCutter
    axi_bytes : int
    beats : int
        Of a block.

    Members
    -------
    memory, row_bytes : the row, constant
    ready : the sink is ready
    within : the burst offered stays in its block
    next : it begins where the last one ended, the first at the row's first beat
    ended : beats taken so far end with the row's last
    """

    def __init__(self, cutter: BurstCutter, axi_bytes: int, beats: int) -> None:
        self._cutter = cutter
        self._lane_bits = (axi_bytes - 1).bit_length()
        self._beats = beats
        super().__init__(
            {"memory": In(32), "row_bytes": In(24), "ready": In(1)}
            | {"within": Out(1), "next": Out(1), "ended": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.cutter = cutter = self._cutter
        row, burst = cutter.i.payload, cutter.o.payload
        taken, begun = Signal(), Signal()
        low = self._lane_bits
        beat = Signal(32 - low)  # the next burst's first
        first, last = self.memory[low:], (self.memory + self.row_bytes - 1)[low:32]
        place = burst.address[low : low + (self._beats - 1).bit_length()]
        m.d.comb += [
            cutter.i.valid.eq(~taken),
            *(row.memory.eq(self.memory), row.row_bytes.eq(self.row_bytes), row.rows.eq(1)),
            cutter.o.ready.eq(self.ready),
            self.within.eq(~cutter.o.valid | (place + burst.length < self._beats)),
            self.next.eq(
                ~cutter.o.valid | (burst.address == Cat(Const(0, low), Mux(begun, beat, first)))
            ),
            self.ended.eq(begun & (beat == (last + 1)[: 32 - low])),
        ]
        with m.If(cutter.i.valid & cutter.i.ready):
            m.d.sync += taken.eq(1)
        with m.If(cutter.o.valid & self.ready):
            m.d.sync += [begun.eq(1), beat.eq(burst.address[low:] + burst.length + 1)]
        return m


def cuts(cutter: BurstCutter, axi_bytes: int, beats: int) -> None:
    """Every row of up to 4 blocks anywhere, every pause."""
    cycles, block = 15, axi_bytes * beats
    names = {"memory": 32, "row_bytes": 24}
    given = {(name, cycle): name for name in names for cycle in range(cycles + 1)}
    run = Unrolling(
        Hardware.of(Cut(cutter, axi_bytes, beats)), cycles, given, names, interrupted=True
    )
    # no row crosses the end of memory
    run.assume(
        f"(bvuge row_bytes {literal(1, 24)})",
        f"(bvule row_bytes {literal(4 * block, 24)})",
        f"(bvult memory {literal(-4 * block, 32)})",
    )
    claims = [run.at(name, k) for k in range(1, cycles + 1) for name in ("within", "next")]
    run.prove(*claims, show=["memory", "row_bytes", *claims])
    run.assume(*(run.at("ready", k) for k in range(cycles + 1)))
    run.prove(run.at("ended", cycles), show=["memory", "row_bytes"])


@pytest.mark.parametrize("axi_bytes", BUSES)
def test_bursts_cover_a_row_and_cross_no_page(axi_bytes: int) -> None:
    """With the blocks of the hardware, which lie within pages of 4,096 bytes."""
    beats = Parameters(axi_bytes=axi_bytes).burst_beats
    assert 4096 % (axi_bytes * beats) == 0
    cuts(BurstCutter(axi_bytes=axi_bytes, beats=beats), axi_bytes, beats)


def test_a_burst_across_blocks_has_a_counterexample() -> None:
    with pytest.raises(Counterexample, match="row_bytes"):
        cuts(BurstCutter(axi_bytes=8, beats=8), 8, 4)


class Shared(wiring.Component):
    """A read arbiter under units that keep their requests until they are accepted.

    Members
    -------
    valid<i>, address<i>, length<i> : the units' requests
    legal : they have kept them
    ready : AR's
    stable : an offered address stays until it is taken
    once : the bursts accepted are those on AR, each with its unit's payload and ID
    first : no unit is served while one before it asks
    """

    def __init__(self, arbiter: ReadArbiter) -> None:
        self._arbiter = arbiter
        super().__init__(
            {f"valid{i}": In(1) for i in range(UNITS)}
            | {f"address{i}": In(32) for i in range(UNITS)}
            | {f"length{i}": In(8) for i in range(UNITS)}
            | {"ready": In(1), "halt": In(1)}
            | {name: Out(1) for name in ("legal", "stable", "once", "first")}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.arbiter = arbiter = self._arbiter
        payload = Cat(arbiter.address, arbiter.length, arbiter.id)
        kept: Value = Const(1)
        accepted: list[Value] = []
        for i in range(UNITS):
            request = getattr(arbiter, f"request{i}")
            m.d.comb += [
                request.valid.eq(getattr(self, f"valid{i}")),
                request.payload.address.eq(getattr(self, f"address{i}")),
                request.payload.length.eq(getattr(self, f"length{i}")),
            ]
            asked = Cat(request.payload.address, request.payload.length)
            before, waits = Signal(len(asked), name=f"before{i}"), Signal(name=f"waits{i}")
            m.d.sync += [before.eq(asked), waits.eq(request.valid & ~request.ready)]
            kept = kept & (~waits | (request.valid & (asked == before)))
            accepted.append(request.valid & request.ready)
        legal = Signal(init=1)
        m.d.comb += self.legal.eq(legal & kept)
        m.d.sync += legal.eq(self.legal)
        owed, expected = Signal(), Signal(len(payload))
        some = Cat(accepted).any()
        m.d.sync += owed.eq(some | (owed & ~self.ready))
        for i, accept in enumerate(accepted):
            with m.If(accept):
                asked = (getattr(self, f"address{i}"), getattr(self, f"length{i}"), Const(i, 2))
                m.d.sync += expected.eq(Cat(*asked))
        offered, held = Signal(), Signal(len(payload))
        m.d.sync += [offered.eq(arbiter.address_valid & ~self.ready), held.eq(payload)]
        both = accepted[1] & self.valid0 | accepted[2] & (self.valid0 | self.valid1)
        m.d.comb += [
            *(arbiter.address_ready.eq(self.ready), arbiter.halt.eq(self.halt)),
            self.stable.eq(~offered | (arbiter.address_valid & (payload == held))),
            self.once.eq((arbiter.address_valid == owed) & (~owed | (payload == expected))),
            self.first.eq(~both),
        ]
        return m


def shares(arbiter: ReadArbiter) -> None:
    cycles = 12
    run = Unrolling(Hardware.of(Shared(arbiter)), cycles, interrupted=True)
    run.assume(run.at("legal", cycles))
    names = ("stable", "once", "first")
    claims = [run.at(name, k) for k in range(1, cycles + 1) for name in names]
    run.prove(*claims, show=claims)


def test_the_arbiter_forwards_each_request_once() -> None:
    shares(ReadArbiter(Parameters(rows=4, cols=2, axi_bytes=8), units=UNITS))


def test_an_arbiter_that_withdraws_at_a_halt_has_a_counterexample() -> None:
    class Withdrawing(ReadArbiter):
        def elaborate(self, platform: object) -> Module:
            m = super().elaborate(platform)
            with m.If(self.halt):
                m.d.sync += self.address_valid.eq(0)
            return m

    with pytest.raises(Counterexample, match="false"):
        shares(Withdrawing(Parameters(rows=4, cols=2, axi_bytes=8), units=UNITS))
