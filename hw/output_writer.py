"""Places requantized vectors in the output scratchpad."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.isa import Unit
from ..golden.parameters import Parameters
from .activation_feeder import outputs_layout

__all__ = ["OutputWriter"]


class OutputWriter(wiring.Component):
    """Writes one vector a cycle, pixel by pixel; takes whatever comes.

    Members
    -------
    i : where the tiles' outputs go, there before the tile's first vector
    valid : a vector leaves the requantizers
    write_enable, write_address : lanes and byte address in the output scratchpad
    give : tokens, a mask of units, with a tile's last vector
    """

    i: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        self._cols = parameters.cols
        super().__init__(
            {
                "i": In(stream.Signature(outputs_layout())),
                "valid": In(1),
                "write_enable": Out(self._cols),
                "write_address": Out(24),
                "give": Out(len(Unit)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tile = self.i.payload
        started = Signal()
        address = Signal(24)  # of the next vector, once started
        x, y = Signal(16), Signal(16)
        row_end, end = Signal(), Signal()
        m.d.comb += [
            row_end.eq(x == tile.width - 1),
            end.eq(self.valid & row_end & (y == tile.height - 1)),
            self.write_address.eq(Mux(started, address, tile.output)),
            self.write_enable.eq(
                Mux(self.valid, Cat(i < tile.columns for i in range(self._cols)), 0)
            ),
            self.give.eq(Mux(end, tile.signal, 0)),
            self.i.ready.eq(end),
        ]
        with m.If(self.valid):
            m.d.sync += [
                started.eq(~end),
                address.eq(self.write_address + tile.output_pitch),
                x.eq(Mux(row_end, 0, x + 1)),
                y.eq(Mux(end, 0, y + row_end)),
            ]
        return m
