"""Register slice: breaks all combinational paths of a stream."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RegisterSlice"]


class RegisterSlice(wiring.Component):
    """Registers a stream in both directions: full throughput, latency `LATENCY` cycles.

    Payloads alternate between two registers. A register whose turn it is and which is empty loads
    in every cycle, with or without a payload: neither `valid` nor `ready` fans out to the payload
    bits. Each side counts its handshakes modulo 4, in Gray code; neither side's signals drive the
    other's count.

    Parameters
    ----------
    shape : ShapeLike
        Shape of the payload.

    Members
    -------
    i, o : streams of `shape`
    """

    LATENCY = 1
    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape: ShapeLike) -> None:
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = Value.cast(self.i.payload)
        held = [Signal(len(bits), name=f"held{turn}", reset_less=True) for turn in range(2)]
        came, went = Signal(2), Signal(2)
        put, get = Signal(), Signal()  # register to write, register to read
        m.d.comb += [
            self.i.ready.eq(~(came ^ went).all()),
            self.o.valid.eq((came ^ went).any()),
            Value.cast(self.o.payload).eq(Mux(get, held[1], held[0])),
        ]
        for stream_, count, turn in ((self.i, came, put), (self.o, went, get)):
            with m.If(stream_.valid & stream_.ready):
                m.d.sync += [count.eq(Cat(~count[1], count[0])), turn.eq(~turn)]
        for turn, ours in enumerate(Cat(~put, put)):
            with m.If(ours & self.i.ready):
                m.d.sync += held[turn].eq(bits)
        return m
