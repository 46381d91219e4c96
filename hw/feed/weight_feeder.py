"""Brings weight tiles from the weight scratchpad into the array, one pass ahead."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import PARAMETER_ROWS, Mode, Unit
from ...spec.parameters import Parameters
from ...spec.registers import UnitState
from ..layouts import compute_layout

__all__ = ["WeightFeeder"]


class WeightFeeder(wiring.Component):
    """Reads the rows of each pass's weight tile, one a cycle, and hands commands on.

    The array holds two tiles: the one in use and the one waiting, which `swap` puts in use. The
    next tile starts to load in the cycle after `swap`, so that passes follow each other every
    `rows` cycles at best. What is read leaves through registers.

    Commands come in order, so that the last setup that has passed here is the one that a COMPUTE
    will meet: in the modes MAX and ADD it has no weights.

    Parameters
    ----------
    parameters : Parameters
    parameter_gap : int
        Fewest cycles from the vector with a tile's last `swap` to the first row of the next
        tile's parameters.

    Members
    -------
    i, o : commands; o when their weights have arrived in the scratchpad
    halt : starts no further command
    held, take : whether a token from the weight unit is held, is taken
    swap : the activation feeder starts a pass with the waiting tile; in the cycle before its first
        vector
    ready : a pass may be decided on, to start in the next cycle: its first vector comes four
        cycles from now or later, and `swap` the cycle before; does not know of a decision before
        its `swap`
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
        rows = self._parameters.rows
        command, fields = self.i.payload, self.i.payload.fields.compute
        pending = Signal()  # tiles are still to start
        # Of the parameters, of the tile that comes next, of the one after
        param_row, next_row, row_after = (Signal.like(self.row, reset_less=True) for _ in range(3))
        parameters, param = Signal(), Signal()  # rows of parameters are to be read; one is
        start, taken = Signal(), Signal()
        weighted = self._follow(m, taken)
        begins = Signal()
        waits = self._offer(m, pending | parameters, taken)
        m.d.comb += begins.eq(taken & ~command.setup & weighted)
        self._passes(m, pending, begins, start)
        row = Signal.like(self.row, reset_less=True)  # of the tile that loads
        loading, waiting = Signal(), Signal()  # a tile is on its way, is complete
        index = Signal(range(rows))
        first_row, last_row, near, ends = (Signal() for _ in range(4))
        late = index >= rows - 5 if rows > 5 else 1
        m.d.comb += [
            ends.eq(loading & last_row),
            start.eq(
                pending & ~parameters & Mux(loading, last_row & self.swap, ~waiting | self.swap)
            ),
            self.ready.eq(waiting | near),
        ]
        m.d.sync += [
            loading.eq(start | (loading & ~ends)),
            waiting.eq((waiting | ends) & ~self.swap),
            index.eq(Mux(loading & ~ends, index + 1, 0)),
            first_row.eq(start),
            last_row.eq(loading & ~ends & (index == rows - 2)),
            near.eq(Mux(start, rows == 4, loading & ~ends & late)),
        ]
        with m.If(start | loading):
            m.d.sync += row.eq(Mux(start, next_row, row + 1))
        m.d.sync += row_after.eq(next_row + rows)
        with m.If(~(pending | parameters)):
            m.d.sync += [
                param_row.eq(fields.weight),
                next_row.eq(fields.weight + Mux(fields.first, PARAMETER_ROWS, 0)),
            ]
        with m.If(start):
            m.d.sync += next_row.eq(row_after)
        with m.If(param):
            m.d.sync += param_row.eq(param_row + 1)
        self._load_parameters(m, parameters, param, begins & fields.first, loading | waiting)
        m.d.sync += [
            self.read_enable.eq(loading | param),
            self.capture.eq(loading & first_row),
            self.param.eq(param),
        ]
        with m.If(loading | param):
            m.d.sync += self.row.eq(Mux(param, param_row, row))
        self._report(m, pending | parameters | loading, waits)
        return m

    def _offer(self, m: Module, busy: Value, taken: Signal) -> Value:
        """Hand a command on when its weights are there: whether it waits for them."""
        command, offered = self.i.payload, Signal()
        waits = command.wait[Unit.WEIGHT] & ~command.setup
        m.d.comb += [
            self.o.valid.eq(offered),
            self.o.payload.eq(command),
            taken.eq(offered & self.o.ready),
            self.i.ready.eq(taken),
            self.take.eq(taken & waits),
        ]
        there = self.i.valid & ~busy & ~self.halt & (~waits | self.held)
        m.d.sync += offered.eq((offered | there) & ~taken)
        return waits

    def _passes(self, m: Module, pending: Signal, begins: Signal, start: Signal) -> None:
        """Count the tiles that are still to start."""
        passes, only = Signal(16, reset_less=True), Signal(reset_less=True)
        m.d.sync += [
            only.eq(passes == 1),
            pending.eq(begins | (pending & ~(start & only))),
        ]
        with m.If(~pending):
            m.d.sync += passes.eq(self.i.payload.fields.compute.passes)
        with m.Elif(start):
            m.d.sync += passes.eq(passes - 1)

    def _load_parameters(
        self, m: Module, parameters: Signal, param: Signal, begins: Value, busy: Value
    ) -> None:
        """Read rows of parameters when the tile before does not need its own any more."""
        left = Signal(range(-1, PARAMETER_ROWS), reset_less=True)
        gap = Signal(range(-1, max(self._gap, 2)), init=-1)
        m.d.comb += param.eq(parameters & ~busy & gap[-1])
        m.d.sync += parameters.eq(begins | (parameters & ~(param & left[-1])))
        with m.If(~parameters):
            m.d.sync += left.eq(PARAMETER_ROWS - 2)
        with m.Elif(param):
            m.d.sync += left.eq(left - 1)
        with m.If(self.swap):
            m.d.sync += gap.eq(self._gap - 2)
        with m.Elif(~gap[-1]):
            m.d.sync += gap.eq(gap - 1)

    def _report(self, m: Module, running: Value, waits: Value) -> None:
        with m.If(running):
            m.d.comb += self.state.eq(UnitState.RUNNING)
        with m.Elif(self.i.valid & waits & ~self.held):
            m.d.comb += self.state.eq(UnitState.WAITING)

    def _follow(self, m: Module, taken: Signal) -> Signal:
        """Whether the mode of the last SETUP has weights."""
        weighted = Signal(init=1)
        command = self.i.payload
        mode = command.fields.setup.mode
        with m.If(taken & command.setup):
            m.d.sync += weighted.eq(
                ~command.add & ((mode == Mode.DENSE) | (mode == Mode.DEPTHWISE))
            )
        return weighted
