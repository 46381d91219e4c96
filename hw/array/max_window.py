"""Sliding-window maximum."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.parameters import WINDOW, Parameters
from ..parts.delay import delays
from ..parts.stages import clamp, stages

__all__ = ["MaxWindow", "exceeds"]


def exceeds(a: Value, b: Value) -> Value:
    """Whether a > b, both signed, with one carry chain: the sign of b - a."""
    return (b - a)[-1]


def leader(values: Sequence[Value], count: Value) -> Value:
    """Locate the maximum of the last `count` of three values: bit 0 the first, bit 1 the second."""
    first, second, third = values
    is_first = (count == WINDOW) & exceeds(first, second) & exceeds(first, third)
    return Cat(is_first, (count != 1) & exceeds(second, third))


def chosen(values: Sequence[Value], place: Value) -> Value:
    """Select the value that `leader` located."""
    first, second, third = values
    return Mux(place[0], first, Mux(place[1], second, third))


class MaxWindow(wiring.Component):
    """Computes and clamps each column's maximum over a window of lines and cells.

    Throughput is at most one cell per cycle; cycles without a valid cell do not shift the window.
    The registers of an empty stage hold.

    Parameters
    ----------
    parameters : Parameters
        Uses `cols`.

    Members
    -------
    valid, lines : 1, signed(8), `WINDOW` lines by one per column
        A cell and the cells above it, as output by `LineBuffer`.
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
    LATENCY = 7

    def __init__(self, parameters: Parameters) -> None:
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
        valid = delays(m, "valid", self.valid, 2, reset_less=False)
        emit = delays(m, "emit", self.valid & self.emit, self.LATENCY, reset_less=False)
        for j in range(self._cols):
            cut = stages(m, valid, f"_{j}")
            # Cycle 1: the lines, from their memories
            names = ("upper", "centre", "lower")
            line = cut(**{n: each[j] for n, each in zip(names, self.lines, strict=True)})
            # Cycle 2: locate the maximum of the lines
            first, second, third, place = cut(
                **dict(zip(("top", "middle", "bottom"), line, strict=True)),
                highest=leader(line, self.window_height),
            )
            # Cycle 3: select it; shift the earlier cells
            cells = [
                Signal(signed(8), name=f"{name}_{j}", reset_less=True)
                for name in ("older", "previous", "newest")
            ]
            with m.If(valid[2]):
                newest = chosen((first, second, third), place)
                m.d.sync += Cat(cells).eq(Cat(cells[1:], newest))
            # Cycle 4: locate the maximum of the cells
            cut = stages(m, emit[3:], f"_{j}", first=4)
            first, second, third, place = cut(
                **dict(zip(("far", "near", "last"), cells, strict=True)),
                widest=leader(cells, self.window_width),
            )
            # Cycle 5: select it
            (window,) = cut(window=chosen((first, second, third), place))
            # Cycles 6 and 7: clamp
            m.d.comb += self.y[j].eq(clamp(window, self.low, self.high, cut))
        m.d.comb += self.valid_out.eq(emit[self.LATENCY])
        return m
