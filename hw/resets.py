"""Staggered resets of the core's parts, to bound the fan-out of each reset net."""

from __future__ import annotations

from amaranth.hdl import ClockDomain, Module, Signal, Value

from .parts.delay import delay, delays

__all__ = ["PARTS", "RESET_CYCLES", "start_parts"]

#: Clock domains of the core, in reset order; all share one clock.
PARTS = ("core", "load", "weight", "store", "feeder", "compute")
_LENGTH = len(PARTS) + 2  # all domains are in reset together for three cycles
#: Cycles from a reset request until the core may start.
RESET_CYCLES = _LENGTH + len(PARTS) + 1


def start_parts(m: Module, clock: Signal, start: Value) -> Value:
    """Reset the core's parts, after a reset of domain `sync` and at every start.

    All domains are in reset together before the first is released; each then stays idle until the
    core starts.

    Parameters
    ----------
    m : Module
        Receives the clock domains `PARTS`; its `sync` has a reset.
    clock : Value
        Clock of all domains.
    start : Value
        One-cycle pulse: a program starts.

    Returns
    -------
    Value
        `start` delayed by `RESET_CYCLES`: the core may start.
    """
    left = Signal(range(_LENGTH + 1), init=_LENGTH)
    with m.If(start):
        m.d.sync += left.eq(_LENGTH)
    with m.Elif(left != 0):
        m.d.sync += left.eq(left - 1)
    line = delays(m, "core_reset", left != 0, len(PARTS))
    for name, reset in zip(PARTS, line[1:], strict=True):
        domain = ClockDomain(name)
        domain.clk = clock  # the same net, not an alias: a simulator sees one clock
        m.domains += domain
        m.d.comb += domain.rst.eq(reset)
    return delay(m, "start_line", start, RESET_CYCLES, reset_less=False)
