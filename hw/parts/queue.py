"""First-in first-out buffer between two streams."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Queue"]


def _change(more: Value, less: Value) -> Value:
    """1, 0 or -1, so that one adder suffices."""
    return Cat(more ^ less, less & ~more).as_signed()


class Queue(wiring.Component):
    """Buffer of `depth` payloads, both sides registered.

    Minimum latency is `LATENCY` cycles. Throughput is one payload per cycle, or one every other
    cycle with a depth of 2 or `relaxed`.

    Parameters
    ----------
    shape : data.StructLayout
        Layout of the payload.
    depth : int
        At least 2.
    relaxed : bool
        The output payload may change while `o.valid` is low, so that `o.ready` does not fan out to
        its bits.

    Members
    -------
    i, o : streams of `shape`
    used : the queue is not empty

    Raises
    ------
    ValueError
        If `depth` is less than 2.
    """

    LATENCY = 2
    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape: data.StructLayout, *, depth: int, relaxed: bool = False) -> None:
        if depth < 2:
            raise ValueError(f"depth must be at least 2, got {depth}")
        self._shape = shape
        self._depth = depth
        self._relaxed = relaxed
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "used": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inside = self._depth - 1  # the output payload is not in the memory
        bits = (inside - 1).bit_length()
        m.submodules.storage = storage = memory.Memory(
            shape=self._shape.size, depth=1 << bits, init=[], attrs={"ram_style": "distributed"}
        )  # block RAM would be slower
        write, read = storage.write_port(), storage.read_port(domain="comb")
        stored = Signal(range(inside + 1))  # payloads in the memory
        full, some = Signal(), Signal()  # the memory is full; it is not empty
        push, free, load = Signal(), Signal(), Signal()
        shown = Signal(self._shape.size, reset_less=True)
        m.d.comb += [
            self.i.ready.eq(~full),
            push.eq(self.i.valid & ~full),
            self.used.eq(some | self.o.valid),
            free.eq(~self.o.valid if self._relaxed else ~self.o.valid | self.o.ready),
            load.eq(free & some),
            write.data.eq(self.i.payload.as_value()),
            write.en.eq(push),
            self.o.payload.as_value().eq(shown),
        ]
        m.d.sync += [
            stored.eq(stored + _change(push, load)),
            full.eq(~load & (full | (push & (stored == inside - 1)))),
            some.eq(push | (some & ~(load & (stored == 1)))),
            self.o.valid.eq(load | (self.o.valid & ~self.o.ready)),
        ]
        with m.If(load):
            m.d.sync += shown.eq(read.data)
        if bits:
            m.d.sync += [write.addr.eq(write.addr + push), read.addr.eq(read.addr + load)]
        return m
