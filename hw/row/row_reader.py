"""Reads rows of the output scratchpad for the row unit."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .row_walk import walk_layout

__all__ = ["RowReader"]


class RowReader(wiring.Component):
    """Reads a vector per cycle within a row, and waits before each row.

    Parameters
    ----------
    size : int
        Bytes of the scratchpad, a power of two.
    widest : int
        Largest distance from a vector to the next, bytes.

    Members
    -------
    start : begin with the rows of `walk`, which holds from then on
    walk : rows; `more` counts vectors that are `step` bytes apart
    proceed : the next row may begin
    begin : a row begins; its first vector is read in the next cycle
    read_enable, read_address : scratchpad read port
    last : with the read of a row's last vector
    range_error : a row exceeds the scratchpad, one cycle late
    """

    def __init__(self, *, size: int, widest: int) -> None:
        self._bits = (size - 1).bit_length()
        super().__init__(
            {
                "start": In(1),
                "walk": In(walk_layout()),
                "step": In(range(widest + 1)),
                "proceed": In(1),
                "begin": Out(1),
                "read_enable": Out(1),
                "read_address": Out(24),
                "last": Out(1),
                "range_error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        walking = Signal()
        row = Signal(24, reset_less=True)  # address of the next one
        after = Signal(signed(17), reset_less=True)  # rows after it, minus 1
        more = Signal(signed(25), reset_less=True)  # vectors after this one, minus 1
        m.d.comb += [
            self.begin.eq(walking & ~self.read_enable & self.proceed),
            self.last.eq(self.read_enable & more[-1]),
        ]
        m.d.sync += [
            self.read_enable.eq(self.begin | (self.read_enable & ~self.last)),
            self.range_error.eq(self.begin & (row + self.walk.span)[self._bits :].any()),
        ]
        with m.If(self.start):
            m.d.sync += [
                walking.eq(1),
                row.eq(self.walk.buffer),
                after.eq(self.walk.rows - 2),
            ]
        with m.Elif(self.begin):
            m.d.sync += [
                walking.eq(~after[-1]),
                row.eq(row + self.walk.pitch),
                after.eq(after - 1),
            ]
        with m.If(self.begin | self.read_enable):
            m.d.sync += [
                self.read_address.eq(Mux(self.begin, row, self.read_address + self.step)),
                more.eq(Mux(self.begin, self.walk.more, more) - 1),
            ]
        return m
