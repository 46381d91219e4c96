"""Steps through a layer's flattened reduction, pass by pass, ahead of the array."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..golden.isa import Opcode
from ..golden.parameters import Parameters
from .layouts import fields_layout

__all__ = ["Reduction"]


class Reduction(wiring.Component):
    """Computes where each lane of a pass reads: the passes of `maccord.golden.reduction`.

    A pass takes two or three cycles, fewer than the weights of a pass take to load.

    Members
    -------
    setup : geometry, constant while walking
    begin : a new tile of `activation` starts, and with `restart` the walk, too
    ready : `a`, `b`, `split` and `used`, the lanes that carry data, of a pass are valid
    next : the pass is taken; the next one is computed
    """

    def __init__(self, parameters: Parameters) -> None:
        self._rows = parameters.rows
        super().__init__(
            {
                "setup": In(fields_layout(Opcode.SETUP)),
                "begin": In(1),
                "restart": In(1),
                "activation": In(24),
                "next": In(1),
                "ready": Out(1),
                "a": Out(24),
                "b": Out(24),
                "split": Out(range(self._rows + 1)),
                "used": Out(range(self._rows + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        setup, rows = self.setup, self._rows
        base = Signal(24)
        tap, line = Signal(8), Signal(8)
        tap_offset, line_offset = Signal(24), Signal(24)  # of this tap, of this line
        position = Signal(24)  # bytes of this run walked
        left = Signal(24)
        in_line, more, packs = Signal(), Signal(), Signal()
        m.d.comb += [
            left.eq(setup.run - position),
            in_line.eq(tap + 1 != setup.taps),
            more.eq(in_line | (line + 1 != setup.lines)),
            packs.eq((left < rows) & more & Mux(in_line, setup.pack_taps, setup.pack_lines)),
        ]
        advance = Signal()
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.begin):
                    m.next = "FIRST RUN"
            with m.State("FIRST RUN"):
                m.d.comb += advance.eq(left <= rows)
                m.d.sync += [
                    self.a.eq(base + tap_offset + position),
                    self.b.eq(base + tap_offset + position),
                    self.split.eq(Mux(packs, left, rows)),
                    self.used.eq(Mux(advance, left, rows)),
                    position.eq(Mux(advance, 0, position + rows)),
                ]
                m.next = "READY"
                with m.If(packs):
                    m.next = "SECOND RUN"
            with m.State("SECOND RUN"):
                m.d.comb += advance.eq(setup.run <= rows - self.split)
                m.d.sync += [
                    self.b.eq(base + tap_offset - self.split),
                    self.used.eq(Mux(advance, self.split + setup.run, rows)),
                    position.eq(Mux(advance, 0, rows - self.split)),
                ]
                m.next = "READY"
            with m.State("READY"):
                m.d.comb += self.ready.eq(~self.begin)
                with m.If(self.next | self.begin):
                    m.next = "FIRST RUN"
        with m.If(advance):
            m.d.sync += [tap.eq(tap + 1), tap_offset.eq(tap_offset + setup.tap_pitch)]
            with m.If(~in_line):
                m.d.sync += [
                    tap.eq(0),
                    line.eq(line + 1),
                    line_offset.eq(line_offset + setup.line_pitch),
                    tap_offset.eq(line_offset + setup.line_pitch),
                ]
        with m.If(self.begin):
            m.d.sync += base.eq(self.activation)
            with m.If(self.restart):
                m.d.sync += [s.eq(0) for s in (tap, line, tap_offset, line_offset, position)]
        return m
