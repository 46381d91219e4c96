"""Proofs of the resets in mid-flight: from any state, all parts restart together, then the core.

A reset of the bus, as long as the port asks for, and the start of a program, both at any time.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from amaranth.hdl import ClockDomain, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from transition import Counterexample, Hardware, Unrolling

import maccord.hw.resets as hardware

ASSERTED = 16  # cycles for which the port wants aresetn asserted
TOGETHER = 3  # cycles in which all parts are in reset, before the first leaves it
PARTS = hardware.PARTS


class Resets(wiring.Component):
    """The core's resets.

    Members
    -------
    clk, rst : of domain `sync`
    start : a program starts
    reset_<part> : resets of the core's parts
    started : the core may start
    """

    def __init__(self) -> None:
        outputs = {f"reset_{part}": Out(1) for part in PARTS} | {"started": Out(1)}
        super().__init__({"clk": In(1), "rst": In(1), "start": In(1)} | outputs)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = domain = ClockDomain()
        clock = Signal()
        m.d.comb += [clock.eq(self.clk), domain.clk.eq(clock), domain.rst.eq(self.rst)]
        m.d.comb += self.started.eq(hardware.start_parts(m, clock, self.start))
        for part in PARTS:
            state = Signal(name=f"state_{part}")  # a register of the part
            m.d[part] += state.eq(~state)
            m.d.comb += getattr(self, f"reset_{part}").eq(ResetSignal(part))
        return m


def resets(run: Unrolling, cycle: int) -> list[str]:
    return [run.at(f"reset_{part}", cycle) for part in PARTS]


def after_the_bus(asserted: int = ASSERTED) -> None:
    """All parts are in reset when the bus leaves it, and leave it once, in order."""
    last = asserted + hardware.RESET_CYCLES
    given = {("rst", cycle): "#b1" if cycle < asserted else "#b0" for cycle in range(last + 1)}
    given |= {("start", cycle): "#b0" for cycle in range(last + 1)}
    run = Unrolling(Hardware.of(Resets()), last, given)
    claims = [each for k in range(TOGETHER) for each in resets(run, asserted + k)]
    for cycle in range(asserted, last):
        now, later = resets(run, cycle), resets(run, cycle + 1)
        claims += [f"(=> {after} {before})" for before, after in zip(now, later, strict=True)]
        claims += [f"(=> {first} {second})" for first, second in pairwise(now)]
        claims.append(f"(not {run.at('started', cycle)})")
    claims += [f"(not {each})" for each in resets(run, last)]
    run.prove(*claims, show=claims)


def after_a_start() -> None:
    """All parts are in reset together; each has left it when the core starts, that once."""
    last = hardware.RESET_CYCLES
    given = {("rst", cycle): "#b0" for cycle in range(last + 1)}
    given |= {("start", cycle): "#b1" if cycle == 0 else "#b0" for cycle in range(last + 1)}
    run = Unrolling(Hardware.of(Resets()), last, given)
    # no start is on its way: software cannot start a program that runs
    run.assume(*(f"(not {run.at('started', cycle)})" for cycle in range(1, last)))
    all_in_reset = [f"(and {' '.join(resets(run, cycle))})" for cycle in range(last + 1)]
    windows = (
        f"(and {' '.join(all_in_reset[cycle : cycle + TOGETHER])})"
        for cycle in range(last + 2 - TOGETHER)
    )
    left = [f"(not {each})" for each in resets(run, last)]
    run.prove(f"(or {' '.join(windows)})", run.at("started", last), *left, show=all_in_reset)


def test_parts_leave_a_reset_of_the_bus_in_order() -> None:
    after_the_bus()


def test_parts_are_reset_before_the_core_starts() -> None:
    after_a_start()


def test_a_reset_that_is_too_short_has_a_counterexample() -> None:
    with pytest.raises(Counterexample, match="= false"):
        after_the_bus(4)


def test_resets_that_do_not_meet_have_a_counterexample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_LENGTH", len(PARTS) - 1)
    with pytest.raises(Counterexample, match="= false"):
        after_a_start()


def test_a_start_before_the_last_reset_ends_has_a_counterexample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hardware, "RESET_CYCLES", len(PARTS) + 6)
    with pytest.raises(Counterexample, match="= true"):
        after_a_start()
