"""Proofs of the streams' buffers: order, no loss, valid that does not wait for ready.

Bounded, from a reset in mid-flight on: every sequence of pushes, pauses and payloads of a number
of cycles, several times the buffer's depth. That no queue overflows is proved for all time.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from transition import Counterexample, Hardware, Unrolling, literal

import maccord.hw.parts.queue as queue
import maccord.hw.parts.register_slice as register_slice
from maccord.hw.parts.queue import Queue
from maccord.hw.parts.register_slice import RegisterSlice

LAYOUT = data.StructLayout({"code": 3})
COUNT = 5  # bits to number payloads


class Watched(wiring.Component):
    """A buffer, and what may be said of its two sides.

    Members
    -------
    i_valid, i_payload, o_ready : the outside's signals
    chosen : number of the payload that is followed, constant
    in_order : the chosen payload leaves as it came
    none_made : no payload leaves that has not come
    stable : an offered payload stays until it is taken
    """

    def __init__(self, buffer: wiring.Component) -> None:
        self._buffer = buffer
        super().__init__(
            {"i_valid": In(1), "i_payload": In(3), "o_ready": In(1), "chosen": In(COUNT)}
            | {name: Out(1) for name in ("in_order", "none_made", "stable", "i_ready")}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer = buffer = self._buffer
        came, went = Signal(COUNT), Signal(COUNT)
        followed = Signal(3)
        offered, before = Signal(), Signal(3)
        payload = buffer.o.payload.as_value()
        m.d.comb += [
            buffer.i.valid.eq(self.i_valid),
            buffer.i.payload.eq(self.i_payload),
            buffer.o.ready.eq(self.o_ready),
            self.i_ready.eq(buffer.i.ready),
            self.none_made.eq(~buffer.o.valid | (went < came)),
            self.in_order.eq(~buffer.o.valid | (went != self.chosen) | (payload == followed)),
            self.stable.eq(~offered | (buffer.o.valid & (payload == before))),
        ]
        m.d.sync += [offered.eq(buffer.o.valid & ~self.o_ready), before.eq(payload)]
        with m.If(buffer.i.valid & buffer.i.ready):
            m.d.sync += came.eq(came + 1)
            with m.If(came == self.chosen):
                m.d.sync += followed.eq(self.i_payload)
        with m.If(buffer.o.valid & self.o_ready):
            m.d.sync += went.eq(went + 1)
        return m


def buffered(buffer: wiring.Component, cycles: int) -> None:
    chosen = {("chosen", cycle): "chosen" for cycle in range(cycles + 1)}
    design = Hardware.of(Watched(buffer))
    run = Unrolling(design, cycles, chosen, {"chosen": COUNT}, interrupted=True)
    names = ("in_order", "none_made", "stable")
    claims = [run.at(name, cycle) for cycle in range(1, cycles + 1) for name in names]
    run.prove(*claims, show=["chosen"])


def offers_without_ready(buffer: wiring.Component, cycles: int) -> None:
    """Offer a payload within a few cycles, whether or not the sink is ready."""
    given = {("i_valid", 0): "#b1"} | {("o_ready", cycle): "#b0" for cycle in range(cycles + 1)}
    run = Unrolling(Hardware.of(Watched(buffer)), cycles, given, reset=True)
    run.prove(run.at("buffer.o__valid", cycles))


BUFFERS: list[tuple[Callable[[], wiring.Component], int]] = [
    (lambda: RegisterSlice(LAYOUT), 16),
    (lambda: Queue(LAYOUT, depth=2), 10),
    (lambda: Queue(LAYOUT, depth=5), 12),
    (lambda: Queue(LAYOUT, depth=4, relaxed=True), 10),
]


def agree(run: Unrolling, cycle: int, depth: int) -> str:
    """Whether a queue's count of what is stored fits, and its flags agree with it."""
    stored, width = run.at("stored", cycle), run.width("stored")
    if width == 1:  # a Bool
        fits, ready, some = "true", f"(not {stored})", stored
    else:
        most = literal(depth - 1, width)
        fits, ready = f"(bvule {stored} {most})", f"(bvult {stored} {most})"
        some = f"(not (= {stored} {literal(0, width)}))"
    flags = f"(= {run.at('i__ready', cycle)} {ready}) (= {run.at('some', cycle)} {some})"
    return f"(and {fits} {flags})"


def never_overflows(depth: int) -> None:
    """By induction: after a reset and always, so that nothing is pushed into a full queue."""
    design = Hardware.of(Queue(LAYOUT, depth=depth))
    for reset in (True, False):
        run = Unrolling(design, 1, interrupted=reset)
        if not reset:
            run.assume(agree(run, 0, depth))
        run.prove(agree(run, 1, depth), show=[agree(run, 1, depth)])


@pytest.mark.parametrize("depth", [2, 4, 5, 8, 16])
def test_a_queue_never_overflows(depth: int) -> None:
    never_overflows(depth)


@pytest.mark.parametrize(("make", "cycles"), BUFFERS)
def test_payloads_leave_as_they_came(make, cycles) -> None:
    buffered(make(), cycles)


@pytest.mark.parametrize(("make", "cycles"), BUFFERS)
def test_valid_does_not_wait_for_ready(make, cycles) -> None:
    offers_without_ready(make(), 3)


class Reticent(wiring.Component):
    """A register slice that offers a payload only to a sink that is ready: AXI forbids it."""

    def __init__(self) -> None:
        self._inner = RegisterSlice(LAYOUT)
        super().__init__({"i": In(stream.Signature(LAYOUT)), "o": Out(stream.Signature(LAYOUT))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inner = inner = self._inner
        wiring.connect(m, wiring.flipped(self.i), inner.i)
        m.d.comb += [
            self.o.valid.eq(inner.o.valid & self.o.ready),
            self.o.payload.eq(inner.o.payload),
            inner.o.ready.eq(self.o.ready),
        ]
        return m


def test_a_valid_that_waits_for_ready_has_a_counterexample() -> None:
    with pytest.raises(Counterexample):
        offers_without_ready(Reticent(), 3)


def test_a_slice_that_shows_one_register_alone_has_a_counterexample(monkeypatch) -> None:
    monkeypatch.setattr(register_slice, "Mux", lambda get, second, first: first)
    with pytest.raises(Counterexample, match="chosen = "):
        buffered(RegisterSlice(LAYOUT), 16)


def test_a_queue_that_forgets_a_push_has_a_counterexample(monkeypatch) -> None:
    """Push and load in one cycle, counted as a load alone."""
    monkeypatch.setattr(queue, "_change", lambda more, less: (more & ~less).as_signed() * -1)
    with pytest.raises(Counterexample, match="chosen = "):
        buffered(Queue(LAYOUT, depth=4), 10)
    with pytest.raises(Counterexample, match="= false"):
        never_overflows(4)
