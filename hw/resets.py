"""Resets of the core's parts, one after the other: nothing reaches all registers at once."""

from __future__ import annotations

from amaranth.hdl import ClockDomain, Module, Signal, Value

from .parts.delay import delay, delays

__all__ = ["PARTS", "RESET_CYCLES", "start_parts"]

#: Clock domains of the core, in the order of their resets; all have the same clock.
PARTS = ("core", "load", "weight", "store", "feeder", "compute")
_LENGTH = len(PARTS) + 2  # so that all are in reset for three cycles
#: Cycles from a request to reset the core until it may start.
RESET_CYCLES = _LENGTH + len(PARTS) + 1


def start_parts(m: Module, clock: Signal, start: Value) -> Value:
    """Reset the core's parts, after a reset of domain `sync` and with every start.

    Each is in reset before the first leaves it, and quiet from then on until the core starts.

    Parameters
    ----------
    m : Module
        Receives the clock domains `PARTS`; its `sync` has a reset.
    clock : Value
        Of all domains.
    start : Value
        One cycle: a program starts.

    Returns
    -------
    Value
        `start`, `RESET_CYCLES` later: the core may start.
    """
    left = Signal(range(_LENGTH + 1), init=_LENGTH)
    with m.If(start):
        m.d.sync += left.eq(_LENGTH)
    with m.Elif(left != 0):
        m.d.sync += left.eq(left - 1)
    line = delays(m, "core_reset", left != 0, len(PARTS))
    for name, reset in zip(PARTS, line[1:], strict=True):
        domain = ClockDomain(name)
        domain.clk = clock  # the same net and not one that follows it: one clock to a simulator
        m.domains += domain
        m.d.comb += domain.rst.eq(reset)
    return delay(m, "start_line", start, RESET_CYCLES, reset_less=False)
