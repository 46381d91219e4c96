"""Generates the reads of a pass, and marks the cells that complete a window."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import Mode, Opcode
from ...spec.parameters import Parameters
from ..layouts import fields_layout, window_cells

__all__ = ["CellWalker"]


class CellWalker(wiring.Component):
    """Reads the cells under a tile's windows, one per cycle, left to right and top to bottom.

    A dense pixel is a window of one cell. A pixel of a sum or product is a window of two cells,
    read from `a` and from `b`. With `broadcast`, only a line's first cell is read from `b`, always
    at its origin: its pixels are windows of two cells, one cell apart.

    Counters count down; a negative value means that none is left.

    Members
    -------
    setup : geometry and window shape, constant during a walk
    width, height : pixels of the tile, constant from three cycles before its first pass until its
        last pass starts
    origin_a, origin_b, split : of the pass, one cycle after it starts
    armed : the next pass may start when the current one ends
    free : the walk may advance
    broadcast : of the product, if the parameters have it
    under_way : cells of the pass remain
    go : the walk advances to the next cell
    start : the walk advances to a pass's first cell
    emit : the next cell completes a window
    end : the next cell is the last of its pass
    a, b, read_split : addresses of the cell, `LATENCY` cycles after `go`
    cell : its index in its line, in the same cycle
    only_b : the cell is read from `b`, whose bank need not be that of `a`; as `broadcast`
    """

    #: Cycles from `go` to a cell's addresses.
    LATENCY = 2

    def __init__(self, parameters: Parameters) -> None:
        self._lanes = parameters.vector_bytes
        self._product = parameters.product
        self._parameters = parameters
        address = range(parameters.activation_bytes)
        super().__init__(
            {
                "setup": In(fields_layout(Opcode.SETUP)),
                "width": In(16),
                "height": In(16),
                "origin_a": In(address),
                "origin_b": In(address),
                "split": In(range(parameters.rows + 1)),
                "armed": In(1),
                "free": In(1),
                "under_way": Out(1),
                "go": Out(1),
                "start": Out(1),
                "emit": Out(1),
                "end": Out(1),
                "a": Out(address),
                "b": Out(address),
                "read_split": Out(range(self._lanes + 1)),
                "cell": Out(range(parameters.line_cells)),
            }
            | ({"broadcast": In(1), "only_b": Out(1)} if parameters.product else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        setup = self.setup
        line_start = Signal(init=1)  # the next cell is the first of its line
        adds, dense = Signal(), Signal()
        busy, move_y = Signal(), Signal()
        width = window_cells(setup, self._parameters)
        line, line_ends = self._count(
            m, "y", (setup.window_height, setup.stride_y, self.height), busy, move_y, None
        )
        column, column_ends = self._count(
            m, "x", (width, setup.stride_x, self.width), busy, self.go, line_ends
        )
        m.d.comb += [
            busy.eq(self.armed | self.under_way),
            self.go.eq(busy & self.free),
            self.start.eq(self.armed & ~self.under_way & self.free),
            move_y.eq(self.go & column_ends),
            self.emit.eq(column & line),
            self.end.eq(column_ends & line_ends),
        ]
        m.d.sync += [adds.eq(setup.mode == Mode.ADD), dense.eq(setup.mode == Mode.DENSE)]
        # Cycle 1: the move
        start, moved, new_line, second, going = (Signal() for _ in range(5))
        stays, reads_b = self._pair(m, adds, line_start)
        m.d.sync += [
            going.eq(self.go),
            start.eq(self.start),
            moved.eq(self.go & ~stays),
            new_line.eq(line_start),
            second.eq(reads_b),
        ]
        with m.If(self.go):
            m.d.sync += [self.under_way.eq(~self.end), line_start.eq(column_ends)]
        # Cycle 2: the addresses
        with m.If(going):
            m.d.sync += self.cell.eq(Mux(new_line, 0, self.cell + 1))
        if self._product:
            with m.If(going):
                m.d.sync += self.only_b.eq(second & self.broadcast)
        with m.If(start | (going & adds)):
            m.d.sync += self.read_split.eq(Mux(second, 0, Mux(dense, self.split, self._lanes)))
        for address, origin in ((self.a, self.origin_a), (self.b, self.origin_b)):
            next_line = Signal.like(address, name=f"line_{address.name}", reset_less=True)
            moves = moved
            if self._product and origin is self.origin_b:
                moves = moved & (start | ~self.broadcast)
            with m.If(moves):
                m.d.sync += address.eq(
                    Mux(start, origin, Mux(new_line, next_line, address + setup.step_x))
                )
            with m.If(moved & new_line):
                m.d.sync += next_line.eq(Mux(start, origin, next_line) + setup.step_y)
        return m

    def _pair(self, m: Module, adds: Signal, line_start: Signal) -> tuple[Value, Value]:
        """Whether the next cell is at the previous one's pixel, and whether it is read from `b`."""
        second = adds & self.emit
        if not self._product:
            return second, second
        follows = Signal()  # the previous cell was the first of its line
        with m.If(self.go):
            m.d.sync += follows.eq(line_start)
        first_pixel = follows & ~line_start
        return Mux(self.broadcast, first_pixel, second), Mux(self.broadcast, line_start, second)

    def _count(
        self,
        m: Module,
        axis: str,
        shape: tuple[Value, Value, Value],
        busy: Signal,
        move: Signal,
        final: Value | None,
    ) -> tuple[Value, Value]:
        """Count cells of a dimension: whether the next completes a pixel, and whether it is last.

        After the last cell of a `final` line comes another pass, possibly of another tile.
        """
        window, stride, cells = (
            Signal(signed(5), name=f"{name}_{axis}", reset_less=True)
            for name in ("window", "stride", "cells")
        )
        # Of the next pass, of this one
        ahead, pixels = (
            Signal(signed(17), name=f"{name}_{axis}", reset_less=True)
            for name in ("ahead", "pixels")
        )
        m.d.sync += [a.eq(b - 2) for a, b in zip((window, stride, ahead), shape, strict=True)]
        completes, last = cells[-1], pixels[-1]
        with m.If(~busy | move):
            m.d.sync += cells.eq(
                Mux(~busy | (completes & last), window, Mux(completes, stride, cells - 1))
            )
        anew: Value = ahead
        if final is not None:
            whole = Signal.like(ahead, name=f"whole_{axis}", reset_less=True)
            # Unused in the last line
            with m.If(~busy | final):
                m.d.sync += whole.eq(ahead)
            anew = Mux(~busy | final, ahead, whole)
        with m.If(~busy | (move & completes)):
            m.d.sync += pixels.eq(Mux(~busy | last, anew, pixels - 1))
        return completes, completes & last
