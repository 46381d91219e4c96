"""First-in first-out buffer between two streams."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Queue"]


class Queue(wiring.Component):
    """Buffer of `depth` payloads, both sides registered.

    One payload in and one out a cycle; with a depth of 2, every other cycle.

    Members
    -------
    i, o : streams of `shape`
    level : payloads held
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape: data.StructLayout, *, depth: int) -> None:
        self._shape = shape
        self._depth = depth
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "level": Out(range(depth + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = buffer = fifo.SyncFIFOBuffered(
            width=self._shape.size, depth=self._depth
        )
        m.d.comb += [
            buffer.w_data.eq(self.i.payload.as_value()),
            buffer.w_en.eq(self.i.valid),
            self.i.ready.eq(buffer.w_rdy),
            self.o.payload.as_value().eq(buffer.r_data),
            self.o.valid.eq(buffer.r_rdy),
            buffer.r_en.eq(self.o.ready),
            self.level.eq(buffer.level),
        ]
        return m
