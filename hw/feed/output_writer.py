"""Writes requantized vectors to the output scratchpad."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import Unit
from ...spec.parameters import Parameters
from .compute_commands import outputs_layout

__all__ = ["OutputWriter"]


class OutputWriter(wiring.Component):
    """Writes one vector per cycle, pixel by pixel, without back-pressure.

    Members
    -------
    i : destination of a tile's outputs, valid two cycles before the tile's first vector
    valid : a vector leaves the requantizers; the first vectors of two tiles are at least two
        cycles apart
    write_enable : columns to write, `LATENCY` cycles after `valid`
    write_address : byte address in the output scratchpad, in the same cycle
    give : tokens, a mask of units, with the write of a tile's last vector
    """

    #: Cycles from a vector to its write.
    LATENCY = 3

    i: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        self._cols = parameters.cols
        super().__init__(
            {
                "i": In(stream.Signature(outputs_layout())),
                "valid": In(1),
                "write_enable": Out(self._cols),
                "write_address": Out(range(parameters.output_bytes)),
                "give": Out(len(Unit)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Of the tile after the current one
        output, pitch = (
            Signal.like(self.write_address, name=n, reset_less=True) for n in ("output", "pitch")
        )
        lanes = Signal.like(self.write_enable, reset_less=True)
        signal = Signal.like(self.give, reset_less=True)
        width, height = (Signal(signed(17), name=n, reset_less=True) for n in ("width", "height"))
        full, load = Signal(), Signal()
        payload = self.i.payload
        m.d.comb += self.i.ready.eq(~full)
        m.d.sync += full.eq(Mux(full, ~load, self.i.valid))
        with m.If(~full):
            m.d.sync += [
                output.eq(payload.output),
                pitch.eq(payload.output_pitch),
                lanes.eq(Cat(column < payload.columns for column in range(self._cols))),
                signal.eq(payload.signal),
                width.eq(payload.width - 2),
                height.eq(payload.height - 2),
            ]
        # Cycle 1: a vector
        vector = Signal()
        m.d.sync += vector.eq(self.valid)
        # Cycle 2: its position in the tile
        end = self._place(m, vector, (width, height), full, load)
        # Cycle 3: its address
        placed, ends, loads, first = (Signal() for _ in range(4))
        step = Signal.like(pitch)
        mask, gives = Signal.like(lanes), Signal.like(signal)
        m.d.sync += [
            placed.eq(vector),
            ends.eq(end),
            loads.eq(load),
            self.write_enable.eq(Mux(placed, mask, 0)),
            self.give.eq(Mux(ends, gives, 0)),
        ]
        start = Signal.like(output)
        with m.If(placed):
            m.d.sync += [
                self.write_address.eq(Mux(first, start, self.write_address + step)),
                first.eq(0),
            ]
        with m.If(loads):
            m.d.sync += [
                start.eq(output),
                step.eq(pitch),
                mask.eq(lanes),
                gives.eq(signal),
                first.eq(1),
            ]
        return m

    def _place(
        self, m: Module, vector: Signal, size: tuple[Signal, Signal], full: Signal, load: Signal
    ) -> Signal:
        """Count a tile's vectors, and `load` the next tile; return whether this is the last."""
        width, height = size
        loaded, fresh, end = Signal(), Signal(), Signal()
        # Remaining vectors of the line, and remaining lines, minus 1: negative means none
        x, y, line = (Signal(signed(17), name=n, reset_less=True) for n in ("x", "y", "line"))
        m.d.comb += [
            end.eq(vector & x[-1] & y[-1]),
            fresh.eq(full & ~loaded),
            load.eq(fresh | (full & end)),
        ]
        m.d.sync += loaded.eq(load | (loaded & ~end))
        # A tile's end is a vector, too: these need not wait for it
        with m.If(vector | fresh):
            m.d.sync += x.eq(Mux(load, width, Mux(x[-1], line, x - 1)))
        with m.If((vector & x[-1]) | fresh):
            m.d.sync += y.eq(Mux(load, height, y - 1))
        with m.If(load):
            m.d.sync += line.eq(width)
        return end
