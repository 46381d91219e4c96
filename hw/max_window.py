"""The largest cell of a window that slides along lines."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..golden.parameters import WINDOW, Parameters
from .delay import delays
from .requantize import saturate

__all__ = ["MaxWindow", "largest"]


def largest(a: Value, b: Value) -> Value:
    """Return the larger of two signed(8)."""
    return Mux(a > b, a, b)


class MaxWindow(wiring.Component):
    """Takes the maximum over the last lines and the last cells, and clamps it, for each column.

    One cell per cycle at most, with any pauses; those that are valid follow each other. The
    registers of a stage hold while no cell, or no window, enters it.

    Parameters
    ----------
    parameters : Parameters
        Uses `cols`.

    Members
    -------
    valid, lines : 1, signed(8), `WINDOW` lines by one per column
        A cell and those above it, as `LineBuffer` gives them.
    emit : 1
        The cell completes a window: it is the last of its last line.
    window_height, window_width : 2
        Lines and cells of the window, 1 to `WINDOW`, constant while cells are in flight.
    low, high : signed(8)
        Codes minus 128, constant while cells are in flight.
    valid_out, y : 1, signed(8) per column
        The window's maximum, `LATENCY` cycles after the cell.
    """

    #: Cycles from a cell with `emit` to its window's maximum.
    LATENCY = 5

    def __init__(self, parameters: Parameters):
        self._cols = parameters.cols
        super().__init__(
            {
                "valid": In(1),
                "emit": In(1),
                "lines": In(signed(8)).array(WINDOW, self._cols),
                "window_height": In(2),
                "window_width": In(2),
                "low": In(signed(8)),
                "high": In(signed(8)),
                "valid_out": Out(1),
                "y": Out(signed(8)).array(self._cols),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()

        def register(name: str) -> list[Signal]:
            columns = range(self._cols)
            return [Signal(signed(8), name=f"{name}_{j}", reset_less=True) for j in columns]

        lower, upper, newest, previous = map(register, ("lower", "upper", "newest", "previous"))
        older, near, far, window, y = map(register, ("older", "near", "far", "window", "y"))
        valid = delays(m, "valid", self.valid, 2, reset_less=False)
        emit = delays(m, "emit", self.valid & self.emit, self.LATENCY, reset_less=False)
        for j in range(self._cols):
            top, middle, bottom = (line[j] for line in self.lines)
            # Cycle 1: the last line, or the last two
            with m.If(valid[0]):
                m.d.sync += [
                    lower[j].eq(Mux(self.window_height == 1, bottom, largest(middle, bottom))),
                    upper[j].eq(top),
                ]
            # Cycle 2: the first of three lines; the cells before move on
            with m.If(valid[1]):
                tall = self.window_height == WINDOW
                m.d.sync += [
                    newest[j].eq(Mux(tall, largest(upper[j], lower[j]), lower[j])),
                    previous[j].eq(newest[j]),
                    older[j].eq(previous[j]),
                ]
            # Cycle 3: the last cell, or the last two
            with m.If(emit[2]):
                both = largest(previous[j], newest[j])
                m.d.sync += [
                    near[j].eq(Mux(self.window_width == 1, newest[j], both)),
                    far[j].eq(older[j]),
                ]
            # Cycle 4: the first of three cells
            with m.If(emit[3]):
                wide = self.window_width == WINDOW
                m.d.sync += window[j].eq(Mux(wide, largest(far[j], near[j]), near[j]))
            # Cycle 5: clamp
            with m.If(emit[4]):
                m.d.sync += y[j].eq(saturate(window[j], self.low, self.high))
            m.d.comb += self.y[j].eq(y[j])
        m.d.comb += self.valid_out.eq(emit[self.LATENCY])
        return m
