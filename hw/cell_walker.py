"""Walks the cells of a pass: what is read, and which cells complete a window."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed
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

    What is counted counts down: a sign says that nothing is left.

    Members
    -------
    setup : geometry, the windows' shape included, constant while walking
    width, height : pixels of the tile, constant from three cycles before its first pass to the
        start of its last one
    origin_a, origin_b, split : of the pass, in the cycle after it started
    go : move to the next cell, a pass's first one if none is `under_way`
    under_way : the pass has cells left
    emit, end : the cell to move to completes a window, is the pass's last one
    a, b, read_split, cell : where to read the cell, and its index in its line, `LATENCY` cycles
        after `go`
    """

    #: Cycles from `go` to a cell's addresses.
    LATENCY = 2

    def __init__(self, parameters: Parameters) -> None:
        self._lanes = parameters.vector_bytes
        address = range(parameters.activation_bytes)
        super().__init__(
            {
                "setup": In(fields_layout(Opcode.SETUP)),
                "width": In(16),
                "height": In(16),
                "origin_a": In(address),
                "origin_b": In(address),
                "split": In(range(parameters.rows + 1)),
                "go": In(1),
                "under_way": Out(1),
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
        line_start = Signal(init=1)  # the cell to move to is the first of its line
        adds, dense = Signal(), Signal()
        reload = Signal()  # between two passes: the next one may be another tile's
        m.d.comb += reload.eq(Mux(self.go, self.end, ~self.under_way))
        column, column_ends = self._count(
            m, "x", (setup.window_width, setup.stride_x, self.width), self.go, reload
        )
        line, line_ends = self._count(
            m,
            "y",
            (setup.window_height, setup.stride_y, self.height),
            self.go & column_ends,
            reload,
        )
        m.d.comb += [self.emit.eq(column & line), self.end.eq(column_ends & line_ends)]
        m.d.sync += [adds.eq(setup.mode == Mode.ADD), dense.eq(setup.mode == Mode.DENSE)]
        # Cycle 1: the move
        start, moved, new_line, second, going = (Signal() for _ in range(5))
        m.d.sync += [
            going.eq(self.go),
            start.eq(self.go & ~self.under_way),
            moved.eq(self.go & ~(adds & self.emit)),
            new_line.eq(line_start),
            second.eq(adds & self.emit),
        ]
        with m.If(self.go):
            m.d.sync += [self.under_way.eq(~self.end), line_start.eq(column_ends)]
        # Cycle 2: the addresses
        with m.If(going):
            m.d.sync += self.cell.eq(Mux(new_line, 0, self.cell + 1))
        with m.If(start | (going & adds)):
            m.d.sync += self.read_split.eq(Mux(second, 0, Mux(dense, self.split, self._lanes)))
        for address, origin in ((self.a, self.origin_a), (self.b, self.origin_b)):
            next_line = Signal.like(address, name=f"line_{address.name}", reset_less=True)
            with m.If(moved):
                m.d.sync += address.eq(
                    Mux(start, origin, Mux(new_line, next_line, address + setup.step_x))
                )
            with m.If(moved & new_line):
                m.d.sync += next_line.eq(Mux(start, origin, next_line) + setup.step_y)
        return m

    def _count(
        self,
        m: Module,
        axis: str,
        shape: tuple[Value, Value, Value],
        move: Value,
        reload: Signal,
    ) -> tuple[Value, Value]:
        """Count cells of a dimension: whether the next completes a pixel, and the last one."""
        pixels = Signal(signed(17), name=f"pixels_{axis}", reset_less=True)
        whole = Signal(signed(17), name=f"whole_{axis}", reset_less=True)
        ahead = Signal(signed(17), name=f"ahead_{axis}", reset_less=True)  # of the next pass
        cells = Signal(signed(5), name=f"cells_{axis}", reset_less=True)
        window = Signal(signed(5), name=f"window_{axis}", reset_less=True)
        stride = Signal(signed(5), name=f"stride_{axis}", reset_less=True)
        m.d.sync += [a.eq(b - 2) for a, b in zip((window, stride, ahead), shape, strict=True)]
        completes, last = cells[-1], pixels[-1]
        with m.If(move):
            m.d.sync += cells.eq(Mux(completes, Mux(last, window, stride), cells - 1))
        with m.If(move & completes):
            m.d.sync += pixels.eq(Mux(last, whole, pixels - 1))
        with m.If(reload):
            m.d.sync += [cells.eq(window), pixels.eq(ahead), whole.eq(ahead)]
        return completes, completes & last
