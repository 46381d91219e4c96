"""Proofs of the AXI write side, from a reset in mid-flight on: STORE as a master keeps AXI's rules.

Bounded: any commands, pauses of both channels, acknowledgements of complete bursts, halts. Rules
as in the protocol checker: valid and payload stay until ready, bursts stay within their block,
WLAST is where the address says, and no burst is unanswered while none is `owed`.
"""

from __future__ import annotations

import pytest
from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from transition import Counterexample, Hardware, Unrolling

import maccord.hw.memory.storer as hardware
from maccord.spec.parameters import Parameters

AXI_BYTES, BEATS, ROW = 8, 4, 5  # the longest row has `ROW` beats, or one more unaligned
CYCLES = 20
CLAIMS = ("address_stable", "data_stable", "in_block", "last_fits", "owes")
NUMBER = 3  # bits that number bursts


class Short(hardware.Storer):
    """A storer of bursts of `BEATS` beats, with a short buffer."""

    BUFFERED = 5

    def __init__(self) -> None:
        super().__init__(Parameters(rows=4, cols=2, axi_bytes=AXI_BYTES))
        self._beats = BEATS


class Watched(wiring.Component):
    """A storer, and what its channels must never do.

    Members
    -------
    i_valid, i_payload, ... : commands, and the other side of the channels
    chosen : number of the burst that is followed, constant
    legal : commands stay, and are STOREs of few bytes; complete bursts alone are acknowledged
    """

    def __init__(self, storer: hardware.Storer) -> None:
        self._storer = storer
        width = len(storer.i.payload.as_value())
        super().__init__(
            {name: Out(1) for name in ("legal", *CLAIMS)}
            | {"i_valid": In(1), "i_payload": In(width), "chosen": In(NUMBER), "halt": In(1)}
            | {"awready": In(1), "wready": In(1), "acknowledged": In(1), "held": In(4)}
            | {"data": In(8 * AXI_BYTES)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.storer = storer = self._storer
        request, beat = storer.write_request, storer.write_data
        m.d.comb += [
            storer.i.valid.eq(self.i_valid),
            storer.i.payload.as_value().eq(self.i_payload),
            *(request.ready.eq(self.awready), beat.ready.eq(self.wready)),
            *(storer.acknowledged.eq(self.acknowledged), storer.held.eq(self.held)),
            *(storer.read_data.eq(self.data), storer.halt.eq(self.halt)),
        ]
        asked = request.valid & request.ready
        sent = beat.valid & beat.ready
        addresses, ends, answers = (
            Signal(NUMBER + 1, name=n) for n in ("asked", "ended", "answered")
        )
        m.d.sync += [
            addresses.eq(addresses + asked),
            ends.eq(ends + (sent & beat.payload.last)),
            answers.eq(answers + self.acknowledged),
        ]
        self._rules(m, addresses, ends, answers)
        for name, stream, payload in (
            ("address_stable", request, request.payload.as_value()),
            ("data_stable", beat, beat.payload.as_value()),
        ):
            waits, before = Signal(name=f"{name}_waits"), Signal(len(payload), name=f"{name}_was")
            m.d.sync += [waits.eq(stream.valid & ~stream.ready), before.eq(payload)]
            m.d.comb += getattr(self, name).eq(~waits | (stream.valid & (payload == before)))
        address = request.payload.address
        place = address[3 : 3 + (BEATS - 1).bit_length()] + request.payload.length
        m.d.comb += self.in_block.eq(~request.valid | ((place < BEATS) & (address[:3] == 0)))
        self._follow(m, asked, sent, addresses, ends)
        self._owes(m, addresses, ends, answers)
        return m

    def _rules(self, m: Module, addresses: Signal, ends: Signal, answers: Signal) -> None:
        storer = self._storer
        pending, before = Signal(), Signal.like(self.i_payload)
        m.d.sync += [pending.eq(self.i_valid & ~storer.i.ready), before.eq(self.i_payload)]
        kept = ~pending | (self.i_valid & (self.i_payload == before))
        fields = storer.i.payload.fields
        small = (fields.rows != 0) & (fields.rows <= 2)
        small &= (fields.row_bytes != 0) & (fields.row_bytes <= ROW * AXI_BYTES)
        complete = (addresses != answers) & (ends != answers)
        legal = Signal(init=1)
        m.d.comb += self.legal.eq(
            legal & kept & small & ~storer.i.payload.record & (~self.acknowledged | complete)
        )
        m.d.sync += legal.eq(self.legal)

    def _follow(
        self, m: Module, asked: Value, sent: Value, addresses: Signal, ends: Signal
    ) -> None:
        """Follow one burst: its length on both channels."""
        length, beats = Signal(8), Signal(8)
        known, ended = Signal(), Signal()
        payload = self._storer.write_data.payload
        with m.If(asked & (addresses == self.chosen)):
            m.d.sync += [known.eq(1), length.eq(self._storer.write_request.payload.length)]
        with m.If(sent & (ends == self.chosen)):
            m.d.sync += [beats.eq(beats + 1), ended.eq(payload.last)]
        m.d.comb += self.last_fits.eq(
            ~known | (~ended & (beats <= length)) | (ended & (beats == length + 1))
        )

    def _owes(self, m: Module, addresses: Signal, ends: Signal, answers: Signal) -> None:
        """Bursts open on a channel, or not acknowledged, show in `owed` two cycles later."""
        inside = Signal()  # of a burst's data
        beat = self._storer.write_data
        with m.If(beat.valid & beat.ready):
            m.d.sync += inside.eq(~beat.payload.last)
        open_ = (addresses != answers) | (ends != answers) | inside
        since = Signal(2)
        m.d.sync += since.eq(Value.cast(since << 1)[:2] | open_)
        m.d.comb += self.owes.eq(~(since.all() & open_) | self._storer.owed)


def keeps_the_rules(
    storer: hardware.Storer, claims: tuple[str, ...] = CLAIMS, cycles: int = CYCLES
) -> None:
    design = Hardware.of(Watched(storer))
    chosen = {("chosen", cycle): "chosen" for cycle in range(cycles + 1)}
    run = Unrolling(design, cycles, chosen, {"chosen": NUMBER}, interrupted=True)
    run.assume(run.at("legal", cycles))
    terms = [run.at(name, k) for k in range(1, cycles + 1) for name in claims]
    run.prove(*terms, show=terms)


@pytest.mark.parametrize("cycles", [CYCLES, pytest.param(26, marks=pytest.mark.nightly)])
def test_the_write_channels_keep_the_rules(cycles: int) -> None:
    keeps_the_rules(Short(), cycles=cycles)


def test_a_buffer_that_is_too_short_has_a_counterexample(monkeypatch: pytest.MonkeyPatch) -> None:
    """A beat is lost when the bus pauses for long."""
    queue = hardware.Queue

    def shorter(shape: data.StructLayout, *, depth: int, relaxed: bool = False) -> hardware.Queue:
        return queue(shape, depth=2 if depth == Short.BUFFERED else depth, relaxed=relaxed)

    monkeypatch.setattr(hardware, "Queue", shorter)
    with pytest.raises(Counterexample, match=r"last_fits. s[0-9]+. = false"):
        keeps_the_rules(Short(), ("last_fits",))


def test_a_last_beat_of_longer_bursts_has_a_counterexample(monkeypatch: pytest.MonkeyPatch) -> None:
    walker = hardware.BeatWalker

    def longer(*, axi_bytes: int, beats: int, size: int) -> hardware.BeatWalker:
        return walker(axi_bytes=axi_bytes, beats=2 * beats, size=size)

    monkeypatch.setattr(hardware, "BeatWalker", longer)
    with pytest.raises(Counterexample, match=r"last_fits. s[0-9]+. = false"):
        keeps_the_rules(Short(), ("last_fits",))


def test_an_address_that_is_withdrawn_at_a_halt_has_a_counterexample() -> None:
    class Withdrawing(Short):
        def elaborate(self, platform: object) -> Module:
            m = super().elaborate(platform)
            with m.If(self.halt):
                m.d.comb += self.write_request.valid.eq(0)
            return m

    with pytest.raises(Counterexample, match=r"address_stable. s[0-9]+. = false"):
        keeps_the_rules(Withdrawing(), ("address_stable",))


def test_a_burst_that_is_not_owed_has_a_counterexample() -> None:
    class Careless(Short):
        def elaborate(self, platform: object) -> Module:
            m = super().elaborate(platform)
            with m.If(self.halt):
                m.d.sync += self.owed.eq(0)
            return m

    with pytest.raises(Counterexample, match=r"owes. s[0-9]+. = false"):
        keeps_the_rules(Careless(), ("owes",))
