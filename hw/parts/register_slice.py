"""Two registers in a stream, so that no path goes through it."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RegisterSlice"]


class RegisterSlice(wiring.Component):
    """Cuts a stream's paths, `ready`'s too; one payload a cycle, `LATENCY` cycles later.

    The payloads lie in two registers by turns. Each loads in every cycle in which its turn comes
    and it holds nothing, whether there is a payload or not: neither `valid` nor `ready` has to
    reach all of its bits. What has come and what has gone is counted apart, modulo 4 and in Gray
    code: no signal of one side reaches a register of the other's.

    Parameters
    ----------
    shape : ShapeLike
        Of the payload.

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
        put, get = Signal(), Signal()  # whose turn it is
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
