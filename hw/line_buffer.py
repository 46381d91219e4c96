"""Keeps the last lines of cells, so that a cell comes with those above it."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..golden.parameters import WINDOW, Parameters

__all__ = ["LineBuffer"]


class LineBuffer(wiring.Component):
    """Gives each cell together with the cells of the same index in the `WINDOW` - 1 lines before.

    One cell per cycle at most; they leave `LATENCY` cycles later and stay until the next cell.
    Before a line has been seen, what stands for it is whatever was there.

    One memory per line, a read and a write port each: a cell is written in the cycle after it
    came, when the cell that it pushes out has been read. Where an index comes twice in a row, as
    in lines of one cell, the cells pass by the memories.

    Parameters
    ----------
    parameters : Parameters
        Uses `line_cells` and `cols`.

    Members
    -------
    valid, cell, data : 1, unsigned, 8 bits per column
        A cell and its index in its line: 0, 1, 2 and so on.
    lines : signed(8), `WINDOW` lines by one per column
        The last line is the cell itself, the one before the cell above it, and so on.
    """

    #: Cycles from a cell to its `lines`.
    LATENCY = 1

    def __init__(self, parameters: Parameters):
        self._depth = parameters.line_cells
        self._cols = parameters.cols
        super().__init__(
            {
                "valid": In(1),
                "cell": In(range(self._depth)),
                "data": In(8 * self._cols),
                "lines": Out(signed(8)).array(WINDOW, self._cols),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = 8 * self._cols
        written, passing = Signal(), Signal(reset_less=True)
        cell = Signal.like(self.cell, reset_less=True)
        newest = Signal(width, reset_less=True)
        m.d.sync += written.eq(self.valid)
        with m.If(self.valid):
            m.d.sync += [
                cell.eq(self.cell),
                newest.eq(self.data),
                passing.eq(self.cell == cell),
            ]
        lines = [newest]
        for index in reversed(range(WINDOW - 1)):
            m.submodules[f"line_{index}"] = memory = Memory(shape=width, depth=self._depth, init=[])
            read, write = memory.read_port(), memory.write_port()
            passed = Signal(width, reset_less=True, name=f"passed_{index}")
            below, line = lines[0], Signal(width, name=f"line_{index}")
            with m.If(self.valid):
                m.d.sync += passed.eq(below)
            m.d.comb += [
                read.en.eq(self.valid),
                read.addr.eq(self.cell),
                write.en.eq(written),
                write.addr.eq(cell),
                write.data.eq(below),
                line.eq(Mux(passing, passed, read.data)),
            ]
            lines.insert(0, line)
        for members, line in zip(self.lines, lines, strict=True):
            m.d.comb += Cat(members).eq(line)
        return m
