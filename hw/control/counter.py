"""A wide counter in two halves, a cycle apart."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Counter"]


class Counter(wiring.Component):
    """Adds up amounts; carries reach the high half a cycle after the low one. Without a reset.

    So the count is exact when `high` is read one cycle after `low`, or when nothing was added in
    the cycle before.

    Parameters
    ----------
    half : int
        Bits of each half.
    amount : int
        Bits of an amount, at most `half`.

    Members
    -------
    clear : back to 0, instead of adding
    amount : what is added
    low, high : the count, from the next cycle and from the one after it on
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
