"""Walks the cells of a pass: what is read, and which cells complete a window."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..golden.isa import Mode, Opcode
from ..golden.parameters import Parameters
from .layouts import fields_layout

__all__ = ["CellWalker"]


class CellWalker(wiring.Component):
    """Reads one cell a cycle, left to right and top to bottom, under the windows of a tile.

    A dense pixel is a window of one cell. A pixel of an addition is one of two cells, which are
    read from `a` and from `b`.

    Members
    -------
    setup, operand_pitch : geometry, the windows' shape included, constant while walking; from an
        addition's first operand to its second, else 0
    last_x, last_y : place of the tile's last pixel, constant from `start` to `end`
    origin_a, origin_b, split : of the pass, with `start`
    start, step : move to the first, to the next cell
    emit, end : the cell moved to completes a window, the pass's last one
    a, b, read_split, cell : where to read the cell, and its index in its line, a cycle after
        `start` or `step`
    """

    def __init__(self, parameters: Parameters) -> None:
        self._lanes = parameters.vector_bytes
        address = range(parameters.activation_bytes)
        super().__init__(
            {
                "setup": In(fields_layout(Opcode.SETUP)),
                "operand_pitch": In(24),
                "last_x": In(16),
                "last_y": In(16),
                "origin_a": In(24),
                "origin_b": In(24),
                "split": In(range(parameters.rows + 1)),
                "start": In(1),
                "step": In(1),
                "emit": Out(1),
                "end": Out(1),
                "a": Out(address),
                "b": Out(address),
                "read_split": Out(range(self._lanes + 1)),
                "cell": Out(range(parameters.line_cells)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        setup = self.setup
        line_start = Signal(init=1)  # the next cell is the first of its line
        column, column_ends = self._count(
            m, "x", setup.window_width, setup.stride_x, self.last_x, self.start | self.step
        )
        line, line_ends = self._count(
            m, "y", setup.window_height, setup.stride_y, self.last_y, column_ends
        )
        m.d.comb += [self.emit.eq(column & line), self.end.eq(line_ends)]
        with m.If(self.start | self.step):
            m.d.sync += [
                line_start.eq(column_ends),
                self.cell.eq(Mux(line_start, 0, self.cell + 1)),
            ]
        self._address(m, line_start)
        return m

    def _count(
        self, m: Module, axis: str, window: Signal, stride: Signal, last: Signal, move: Signal
    ) -> tuple[Signal, Signal]:
        """Count cells of a dimension, if `move`: whether one completes a pixel, and the last."""
        skipped = Signal(4, name=f"skipped_{axis}")  # cells since the last pixel
        begun = Signal(name=f"begun_{axis}")  # there was a pixel
        pixel = Signal(16, name=f"{axis}")
        completes, ends = Signal(name=f"completes_{axis}"), Signal(name=f"ends_{axis}")
        m.d.comb += [
            completes.eq(skipped == (Mux(begun, stride, window) - 1)[: len(skipped)]),
            ends.eq(move & completes & (pixel == last)),
        ]
        with m.If(move):
            m.d.sync += [
                skipped.eq(Mux(completes, 0, skipped + 1)),
                begun.eq((begun | completes) & ~ends),
                pixel.eq(Mux(ends, 0, pixel + completes)),
            ]
        return completes, ends

    def _address(self, m: Module, line_start: Signal) -> None:
        setup = self.setup
        line_a, line_b = Signal.like(self.a), Signal.like(self.b)  # of the line's first cell
        with m.If(self.start):
            m.d.sync += [
                self.a.eq(self.origin_a),
                self.b.eq(self.origin_b + self.operand_pitch),
                line_a.eq(self.origin_a),
                line_b.eq(self.origin_b + self.operand_pitch),
                self.read_split.eq(Mux(setup.mode == Mode.DENSE, self.split, self._lanes)),
            ]
        adds, second = Signal(), Signal()
        m.d.comb += [adds.eq(setup.mode == Mode.ADD), second.eq(adds & self.emit)]
        with m.If(self.step & adds):
            m.d.sync += self.read_split.eq(Mux(second, 0, self._lanes))
        with m.If(self.step & ~second & line_start):
            m.d.sync += [
                self.a.eq(line_a + setup.step_y),
                self.b.eq(line_b + setup.step_y),
                line_a.eq(line_a + setup.step_y),
                line_b.eq(line_b + setup.step_y),
            ]
        with m.Elif(self.step & ~second):
            m.d.sync += [self.a.eq(self.a + setup.step_x), self.b.eq(self.b + setup.step_x)]
