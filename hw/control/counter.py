"""A wide counter, pipelined in two halves."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["WideCounter"]


class WideCounter(wiring.Component):
    """Accumulates amounts; the carry reaches the high half one cycle late. It has no reset.

    The count is exact if `high` is read one cycle after `low`, or if nothing was added in the
    previous cycle.

    Parameters
    ----------
    half : int
        Bits of each half.
    amount : int
        Bits of an amount, at most `half`.

    Members
    -------
    clear : sets the count to 0; takes priority over `amount`
    amount : added to the count
    low : low half of the count, one cycle late
    high : high half of the count, two cycles late
    """

    def __init__(self, *, half: int, amount: int) -> None:
        self._half = half
        super().__init__(
            {"clear": In(1), "amount": In(amount), "low": Out(half), "high": Out(half)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        low, high = (Signal(self._half, name=name, reset_less=True) for name in ("sum", "carries"))
        carry = Signal(reset_less=True)
        with m.If(self.clear):
            m.d.sync += [low.eq(0), high.eq(0), carry.eq(0)]
        with m.Else():
            m.d.sync += [Cat(low, carry).eq(low + self.amount), high.eq(high + carry)]
        m.d.comb += [self.low.eq(low), self.high.eq(high)]
        return m
