"""Line buffer: outputs each cell together with the cells above it."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.parameters import WINDOW, Parameters
from ..family.ram import Ram
from ..parts.delay import delays

__all__ = ["LineBuffer"]


class LineBuffer(wiring.Component):
    """Outputs each cell together with the cells of the same index in the `WINDOW` - 1 lines before.

    Throughput is at most one cell per cycle. The output follows `LATENCY` cycles later and holds
    until the next cell. A line that has not been written yet reads as undefined data.

    There is one memory per line, with one read and one write port. A cell overwrites an older cell
    after that has been read. If an index recurs within the next two cells, as in lines of one or
    two cells, the cells bypass the memories.

    Parameters
    ----------
    parameters : Parameters
        Uses `line_cells`, `cols` and `family`.

    Members
    -------
    valid, cell, data : 1, unsigned, 8 bits per column
        A cell and its index in its line: 0, 1, 2 and so on.
    lines : signed(8), `WINDOW` lines by one per column
        The last line is the cell itself, the one before the cell above it, and so on.
    """

    #: Cycles from a cell to its `lines`.
    LATENCY = Ram.LATENCY

    def __init__(self, parameters: Parameters) -> None:
        self._depth = parameters.line_cells
        self._cols = parameters.cols
        self._family = parameters.family
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
        # Cycle 1: the cell, its index compared with the last two; cycle 2: lines
        valid = delays(m, "valid", self.valid, self.LATENCY, reset_less=False)
        cells = [Signal.like(self.cell, reset_less=True, name=f"cell_{k}") for k in range(2)]
        entered, newest = (Signal(width, reset_less=True, name=name) for name in ("in", "newest"))
        repeats = [Signal(2, reset_less=True, name=f"repeats_{k}") for k in range(2)]
        written = Signal.like(self.cell, reset_less=True)
        with m.If(self.valid):
            m.d.sync += [
                entered.eq(self.data),
                Cat(cells).eq(Cat(self.cell, cells[0])),
                repeats[0].eq(Cat(self.cell == cell for cell in cells)),
            ]
        with m.If(valid[1]):
            m.d.sync += [newest.eq(entered), repeats[1].eq(repeats[0]), written.eq(cells[0])]
        lines = [newest]
        for index in reversed(range(WINDOW - 1)):
            memory = Ram(width=width, depth=self._depth, family=self._family, hold=True)
            m.submodules[f"memory_{index}"] = memory
            last, older = (
                Signal(width, reset_less=True, name=f"{name}_{index}") for name in ("last", "older")
            )
            below, line = lines[0], Signal(width, name=f"line_{index}")
            with m.If(valid[1]):
                m.d.sync += [last.eq(below), older.eq(last)]
            passed = Mux(repeats[1][0], last, older)
            m.d.comb += [
                memory.read_enable.eq(self.valid),
                memory.read_address.eq(self.cell),
                memory.write_enable.eq(valid[2]),
                memory.write_address.eq(written),
                memory.write_data.eq(below),
                line.eq(Mux(repeats[1].any(), passed, memory.read_data)),
            ]
            lines.insert(0, line)
        for members, line in zip(self.lines, lines, strict=True):
            m.d.comb += Cat(members).eq(line)
        return m
