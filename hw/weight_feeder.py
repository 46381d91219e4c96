"""Brings weight tiles from the weight scratchpad into the array, one pass ahead."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.isa import PARAMETER_ROWS, Mode, Unit
from ..golden.parameters import Parameters
from ..golden.registers import UnitState
from .layouts import compute_layout

__all__ = ["WeightFeeder"]


class WeightFeeder(wiring.Component):
    """Reads the rows of each pass's weight tile, one a cycle, and hands commands on.

    The array holds two tiles: the one in use and the one waiting, which `swap` puts in use. The
    next tile starts to load in the cycle after `swap`, so that passes follow each other every
    `rows` cycles at best.

    Commands come in order, so that the last setup that has passed here is the one that a COMPUTE
    will meet: in the modes MAX and ADD it has no weights.

    Parameters
    ----------
    parameters : Parameters
    parameter_gap : int
        Fewest cycles from a tile's last `swap` to the first row of the next tile's parameters.

    Members
    -------
    i, o : commands; o when their weights have arrived in the scratchpad
    halt : starts no further command
    held, take : whether a token from the weight unit is held, is taken
    swap : the activation feeder starts a pass with the waiting tile
    ready : a pass may be decided on, to start in the next cycle
    read_enable, row : of the weight scratchpad
    capture, param : the row is the first of a tile, is one of parameters
    state : what the unit is doing
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, parameters: Parameters, *, parameter_gap: int) -> None:
        self._parameters = parameters
        self._gap = max(parameter_gap, 1)
        layout = compute_layout()
        super().__init__(
            {
                "i": In(stream.Signature(layout)),
                "o": Out(stream.Signature(layout)),
                "halt": In(1),
                "held": In(1),
                "take": Out(1),
                "swap": In(1),
                "ready": Out(1),
                "read_enable": Out(1),
                "row": Out(range(parameters.weight_rows)),
                "capture": Out(1),
                "param": Out(1),
                "state": Out(UnitState),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        last_row = self._parameters.rows - 1
        command, fields = self.i.payload, self.i.payload.fields.compute
        waits = command.wait[Unit.WEIGHT] & ~command.setup
        weighted = Signal(init=1)  # the mode has weights
        passes = Signal(16)  # tiles still to start
        parameters = Signal(range(PARAMETER_ROWS + 1))  # rows of parameters still to read
        accept = Signal()
        m.d.comb += [
            accept.eq(
                self.i.valid & (passes == 0) & (parameters == 0) & ~self.halt & (~waits | self.held)
            ),
            self.o.valid.eq(accept),
            self.o.payload.eq(command),
            self.i.ready.eq(accept & self.o.ready),
            self.take.eq(self.i.ready & waits),
        ]
        row = Signal.like(self.row)  # of the tile that loads
        next_row = Signal.like(self.row)  # of what comes next; the last tile may still be loading
        loading, waiting = Signal(), Signal()  # a tile is on its way, is complete
        index = Signal(range(self._parameters.rows))
        since_swap = Signal(range(self._gap + 1), init=self._gap)
        ends, start, param = Signal(), Signal(), Signal()
        m.d.comb += [
            ends.eq(loading & (index == last_row)),
            start.eq(
                (passes != 0)
                & (parameters == 0)
                & Mux(loading, ends & self.swap, ~waiting | self.swap)
            ),
            param.eq((parameters != 0) & ~loading & ~waiting & (since_swap == self._gap)),
            self.read_enable.eq(loading | param),
            self.capture.eq(loading & (index == 0)),
            self.param.eq(param),
            self.row.eq(Mux(param, next_row, row)),
            self.ready.eq((waiting | (loading & (index >= last_row - 1))) & ~self.swap),
        ]
        m.d.sync += [
            loading.eq(start | (loading & ~ends)),
            waiting.eq((waiting | ends) & ~self.swap),
            index.eq(Mux(loading & ~ends, index + 1, 0)),
            passes.eq(passes - start),
            parameters.eq(parameters - param),
            row.eq(Mux(start, next_row, row + 1)),
            next_row.eq(next_row + Mux(start, self._parameters.rows, param)),
        ]
        with m.If(since_swap != self._gap):
            m.d.sync += since_swap.eq(since_swap + 1)
        with m.If(self.swap):
            m.d.sync += since_swap.eq(1 if self._gap > 1 else self._gap)
        self._follow(m, weighted)
        with m.If(self.i.ready & ~command.setup & weighted):
            m.d.sync += [
                passes.eq(fields.passes),
                parameters.eq(Mux(fields.first, PARAMETER_ROWS, 0)),
                next_row.eq(fields.weight),
            ]
        self._report(m, (passes != 0) | (parameters != 0) | loading, waits)
        return m

    def _report(self, m: Module, running: Value, waits: Value) -> None:
        with m.If(running):
            m.d.comb += self.state.eq(UnitState.RUNNING)
        with m.Elif(self.i.valid & waits & ~self.held):
            m.d.comb += self.state.eq(UnitState.WAITING)

    def _follow(self, m: Module, weighted: Signal) -> None:
        """Keep whether the mode of the last SETUP has weights."""
        command = self.i.payload
        mode = command.fields.setup.mode
        with m.If(self.i.ready & command.setup):
            m.d.sync += weighted.eq(
                ~command.add & ((mode == Mode.DENSE) | (mode == Mode.DEPTHWISE))
            )
