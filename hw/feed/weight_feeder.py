"""Loads weight tiles from the weight scratchpad into the array, one pass ahead."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import Module, Mux, Signal, Value, ValueLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import PARAMETER_ROWS, Mode, Unit
from ...spec.parameters import Parameters
from ...spec.registers import UnitState
from ...spec.weight_widths import FEWEST_CYCLES, WIDTH_CODES, packed_rows
from ..layouts import compute_layout

__all__ = ["WeightFeeder"]


class WeightFeeder(wiring.Component):
    """Reads the rows of each pass's weight tile, one per cycle, and forwards commands.

    The array double-buffers tiles: `swap` activates the waiting one. The next tile starts to load
    in the cycle after `swap`, so passes follow each other every `rows` cycles at best, or every
    `packed_rows` cycles, at least `FEWEST_CYCLES`, with packed weights. Outputs are registered.

    Commands pass in order, so the last SETUP seen here is the one that applies to a COMPUTE. In
    the modes MAX, ADD and MUL, a COMPUTE has no weights.

    Parameters
    ----------
    parameters : Parameters
    parameter_gap : int
        Minimum number of cycles from the vector with a tile's last `swap` to the first row of the
        next tile's parameters.

    Members
    -------
    i : commands
    o : commands whose weights have arrived in the scratchpad
    halt : starts no further command
    held : a token from the weight unit is held
    take : takes it
    swap : a pass starts with the waiting tile, in the cycle before its first vector
    ready : a pass may be issued in the next cycle, with its first vector at least four cycles from
        now and `swap` one cycle earlier; does not reflect an issued pass before its `swap`
    read_enable, row : weight scratchpad read port
    capture : the row is the first of a tile
    width : code of the tile's width, with `capture`, if there are several `weight_widths`
    param : the row is one of parameters
    state : state of the unit
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, parameters: Parameters, *, parameter_gap: int) -> None:
        self._parameters = parameters
        self._gap = max(parameter_gap, 1)
        layout = compute_layout(parameters)
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
            | ({"width": Out(2)} if parameters.mixes_widths else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        command, fields = self.i.payload, self.i.payload.fields.compute
        pending = Signal()  # tiles have not started
        # Of the parameters, of the next tile, of the one after
        param_row, next_row, row_after = (Signal.like(self.row, reset_less=True) for _ in range(3))
        parameters, param = Signal(), Signal()  # rows of parameters remain; one is read
        start, taken = Signal(), Signal()
        weighted, width = self._follow(m, taken)
        begins = Signal()
        waits = self._offer(m, pending | parameters, taken)
        opens = fields.first
        if self._parameters.gather:
            opens &= ~fields.kept
        computes = ~command.setup
        if self._parameters.lookup:
            computes &= ~command.add  # else it is a TABLE
        m.d.comb += begins.eq(taken & computes & weighted)
        self._passes(m, pending, begins, start)
        row = Signal.like(self.row, reset_less=True)  # of the loading tile
        loading, waiting = Signal(), Signal()  # a tile is loading; a tile is complete
        index = Signal(range(self._parameters.rows))
        first_row, last_row, near, ends = (Signal() for _ in range(4))
        loaded = self._latch(m, start, width)  # width of the loading tile
        late = self._by(loaded, lambda n: index >= n - 5 if n > 5 else 1)
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
            last_row.eq(loading & ~ends & self._by(loaded, lambda n: index == n - 2)),
            near.eq(
                Mux(start, self._by(width, lambda n: n == FEWEST_CYCLES), loading & ~ends & late)
            ),
        ]
        with m.If(start | loading):
            m.d.sync += row.eq(Mux(start, next_row, row + 1))
        m.d.sync += row_after.eq(next_row + self._by(width, lambda n: n, 1))
        with m.If(~(pending | parameters)):
            m.d.sync += [
                param_row.eq(fields.weight),
                next_row.eq(fields.weight + Mux(opens, PARAMETER_ROWS, 0)),
            ]
        with m.If(start):
            m.d.sync += next_row.eq(row_after)
        with m.If(param):
            m.d.sync += param_row.eq(param_row + 1)
        self._load_parameters(m, parameters, param, begins & opens, loading | waiting)
        m.d.sync += [
            self.read_enable.eq(self._reads(loading, loaded, index) | param),
            self.capture.eq(loading & first_row),
            self.param.eq(param),
        ]
        with m.If(loading | param):
            m.d.sync += self.row.eq(Mux(param, param_row, row))
        self._report(m, pending | parameters | loading, waits)
        return m

    def _by(
        self, width: Value | None, of: Callable[[int], ValueLike], fewest: int = FEWEST_CYCLES
    ) -> ValueLike:
        """Select by width: `of` the rows that a tile takes, or of its cycles."""
        widths = self._parameters.weight_widths
        first, *others = (max(packed_rows(self._parameters.rows, n), fewest) for n in widths)
        found = of(first)
        for bits, taken in zip(widths[1:], others, strict=True):
            found = Mux(width == WIDTH_CODES[bits], of(taken), found)
        return found

    def _latch(self, m: Module, start: Signal, width: Value | None) -> Value | None:
        """Hold the width of the loading tile: the next SETUP may come before its last row."""
        if width is None:
            return None
        loaded = Signal(2, reset_less=True)
        with m.If(start):
            m.d.sync += loaded.eq(width)
        m.d.sync += self.width.eq(loaded)
        return loaded

    def _reads(self, loading: Signal, loaded: Value | None, index: Signal) -> Value:
        """Whether a row is read: a tile may have fewer than `FEWEST_CYCLES`."""
        fewest = packed_rows(self._parameters.rows, self._parameters.weight_widths[-1])
        if fewest >= FEWEST_CYCLES:
            return loading
        return loading & self._by(loaded, lambda n: index < n, 1)

    def _offer(self, m: Module, busy: Value, taken: Signal) -> Value:
        """Forward a command once its weights are loaded; return whether it waits for them."""
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
        """Count the tiles not yet started."""
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
        """Read rows of parameters once the previous tile no longer needs its own."""
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

    def _follow(self, m: Module, taken: Signal) -> tuple[Signal, Signal | None]:
        """Whether the mode of the last SETUP has weights, and the code of their width."""
        weighted = Signal(init=1)
        command = self.i.payload
        mode = command.fields.setup.mode
        with m.If(taken & command.setup):
            m.d.sync += weighted.eq(
                ~command.add & ((mode == Mode.DENSE) | (mode == Mode.DEPTHWISE))
            )
        if not self._parameters.mixes_widths:
            return weighted, None
        width = Signal(2)
        with m.If(taken & command.setup & ~command.add):
            m.d.sync += width.eq(command.fields.setup.weight_width)
        return weighted, width
