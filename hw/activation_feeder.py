"""Issues the vectors of each pass: addresses in the activation scratchpad, and their control."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.isa import Mode, Opcode, Unit
from ..golden.parameters import Parameters
from ..golden.registers import UnitState
from .cell_walker import CellWalker
from .datapath import vector_layout
from .layouts import compute_layout, fields_layout, unit_port

__all__ = ["ActivationFeeder", "outputs_layout", "read_layout"]

_WEIGHT = 1 << Unit.WEIGHT
_STORE = 1 << Unit.STORE
_ONE = {"window_height": 1, "window_width": 1, "stride_y": 1, "stride_x": 1}
_PAIR = {"window_height": 1, "window_width": 2, "stride_y": 1, "stride_x": 2}
_SHARED = ("step_x", "step_y", "zero_point", "low", "high")  # by SETUP and SETUP_ADD


def outputs_layout() -> data.StructLayout:
    """Where the outputs of a tile go, and the token mask to give when they are there."""
    return data.StructLayout(
        {"output": 24, "output_pitch": 24, "columns": 8, "width": 16, "height": 16, "signal": 4}
    )


def read_layout(parameters: Parameters) -> data.StructLayout:
    """A read of a cell: its index in its line, and whether it completes a window."""
    return data.StructLayout({"valid": 1, "cell": range(parameters.line_cells), "emit": 1})


class ActivationFeeder(wiring.Component):
    """Runs COMPUTE: for each pass, one cell a cycle under the pixels of the tile.

    Starts a pass when the reduction and the weights are ready, in the cycle after the last pass
    when they are. The next command is taken while the last pass goes out, so that passes follow
    each other alike from one command to the next. Vectors of a dense tile's last pass keep the
    distance that the requantizers need.

    Parameters
    ----------
    parameters : Parameters
    drain : int
        Cycles from a read to the end of its effects.

    Members
    -------
    i : commands; SETUP takes effect when the pipeline is empty
    halt : starts no further command
    held, take, give : tokens, masks of units; the weight unit's are taken before
    setup, setup_add : what is in force; SETUP_ADD gives `setup`, too, what the two share and the
        shape of what is read, so does a dense SETUP: windows of one cell
    begin, restart, activation : to `Reduction`
    reduction_ready, reduction_a, reduction_b, reduction_split, reduction_used, reduction_next :
        from and to it
    weights_ready : a pass may be decided on
    a, b, split, read : of the activation scratchpad
    vector : to the datapath with what it reads
    lanes, columns : rows and columns of the array that multiply by the layer's weights, of the
        pass under way
    outputs : where results go, one for each tile with `last`
    throttled, running : why no vector comes: requantizers; or passes remain
    missing : units whose tokens the next command waits for
    drained : nothing that was read is in flight
    state : what the unit is doing
    """

    SETUP_GAP = 4  # fewest cycles from a change of `setup` to a read

    i: stream.Interface
    outputs: stream.Interface

    def __init__(self, parameters: Parameters, *, drain: int) -> None:
        self._parameters = parameters
        self._interval = parameters.columns_per_lane
        self._drain = drain
        address = range(parameters.activation_bytes)
        lanes = range(parameters.rows + 1)
        super().__init__(
            unit_port(compute_layout())
            | {
                "setup": Out(fields_layout(Opcode.SETUP)),
                "setup_add": Out(fields_layout(Opcode.SETUP_ADD)),
                "begin": Out(1),
                "restart": Out(1),
                "activation": Out(24),
                "reduction_ready": In(1),
                "reduction_a": In(24),
                "reduction_b": In(24),
                "reduction_split": In(lanes),
                "reduction_used": In(lanes),
                "reduction_next": Out(1),
                "weights_ready": In(1),
                "a": Out(address),
                "b": Out(address),
                "split": Out(range(parameters.vector_bytes + 1)),
                "read": Out(read_layout(parameters)),
                "vector": Out(vector_layout(parameters)),
                "lanes": Out(lanes),
                "columns": Out(range(parameters.cols + 1)),
                "outputs": Out(stream.Signature(outputs_layout())),
                "throttled": Out(1),
                "running": Out(1),
                "missing": Out(len(Unit)),
                "drained": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.walker = walker = CellWalker(self._parameters)
        next_tile = Signal(fields_layout(Opcode.COMPUTE))  # of the pass to start
        next_signal, signal = Signal(len(Unit)), Signal(len(Unit))
        passes = Signal(16)  # still to start
        in_pass = Signal()  # the pass under way has cells left
        # MAX and ADD have one pass, and no weights to wait for
        self._weighted = weighted = Signal()
        m.d.comb += weighted.eq(
            (self.setup.mode == Mode.DENSE) | (self.setup.mode == Mode.DEPTHWISE)
        )
        accept = self._accept(m, passes)
        free = self._spacing(m)
        start, step, go = Signal(), Signal(), Signal()
        m.d.comb += [
            start.eq(
                ~in_pass
                & (passes != 0)
                & self.reduction_ready
                & (self.weights_ready | ~weighted)
                & free
            ),
            step.eq(in_pass & free),
            go.eq(start | step),
            # The walk halts at a command's end: the next one may come with another origin.
            self.reduction_next.eq(start & (passes != 1)),
            self.running.eq(in_pass | (passes != 0)),
        ]
        tile_started, final = Signal(), Signal()  # final: the pass under way is the command's last
        with m.If(start):
            m.d.sync += [
                passes.eq(passes - 1),
                tile_started.eq(1),
                final.eq(passes == 1),
                signal.eq(next_signal),
            ]
        with m.If(accept):
            m.d.sync += [
                next_tile.eq(self.i.payload.fields.compute),
                next_signal.eq(self.i.payload.signal),
                passes.eq(Mux(weighted, self.i.payload.fields.compute.passes, 1)),
                tile_started.eq(0),
            ]
        ends = Signal()  # with the command's last cell
        m.d.comb += ends.eq(walker.end & Mux(start, passes == 1, final))
        m.d.sync += [
            in_pass.eq((start | in_pass) & ~walker.end),
            self.give.eq(Mux(ends, Mux(start, next_signal, signal) & ~_STORE, 0)),
        ]
        self._walk(m, walker, next_tile, in_pass, start, step)
        first, last = Signal(), Signal()
        m.d.comb += [
            first.eq(next_tile.first & ~tile_started),
            last.eq(next_tile.last & (passes == 1)),
        ]
        self._issue(m, walker, next_tile.accumulator, start, step, first, last)
        return m

    def _accept(self, m: Module, passes: Signal) -> Signal:
        """Take the next command when its tokens are there: true for a COMPUTE."""
        command, fields = self.i.payload, self.i.payload.fields.compute
        shown, accept, change, changed, blocked, placed = (Signal() for _ in range(6))
        wait = command.wait & ~_WEIGHT
        outputs = self.outputs
        m.d.comb += [
            shown.eq(self.i.valid & ~command.setup & (passes == 0) & ~changed),
            self.missing.eq(Mux(shown, wait & ~self.held, 0)),
            blocked.eq(self.missing.any() | self.halt),
            placed.eq(fields.last | ~self._weighted),
            accept.eq(shown & ~blocked & (outputs.ready | ~placed)),
            change.eq(self.i.valid & command.setup & ~self.running & self.drained),
            outputs.valid.eq(shown & ~blocked & placed),
            outputs.payload.signal.eq(command.signal & _STORE),
            self.take.eq(Mux(accept, wait, 0)),
            self.i.ready.eq(accept | change),
            self.begin.eq(accept),
            self.restart.eq(fields.first | ~self._weighted),
            self.activation.eq(fields.activation),
        ]
        for name in ("output", "output_pitch", "columns", "width", "height"):
            m.d.comb += outputs.payload[name].eq(fields[name])
        m.d.sync += changed.eq(change)
        with m.If(change):
            self._set_up(m)
        with m.If(self.running):
            m.d.comb += self.state.eq(UnitState.RUNNING)
        with m.Elif(shown & blocked):
            m.d.comb += self.state.eq(UnitState.WAITING)
        return accept

    def _set_up(self, m: Module) -> None:
        """Put SETUP or SETUP_ADD in force."""
        setup, fields = self.setup, self.i.payload.fields
        one_run = {"run": self._parameters.rows, "taps": 1, "lines": 1, "mode": Mode.ADD}
        with m.If(self.i.payload.add):
            m.d.sync += self.setup_add.eq(fields.setup_add.as_value())
            m.d.sync += [setup[name].eq(fields.setup_add[name]) for name in _SHARED]
            m.d.sync += [setup[name].eq(value) for name, value in (one_run | _PAIR).items()]
        with m.Else():
            m.d.sync += [setup.eq(fields.setup.as_value()), self.setup_add.operand_pitch.eq(0)]
            with m.If(fields.setup.mode == Mode.DENSE):
                m.d.sync += [setup[name].eq(value) for name, value in _ONE.items()]

    def _spacing(self, m: Module) -> Signal:
        """Keep vectors of a last pass apart, and know when the last vector has left."""
        free = Signal(init=1)
        in_flight = Signal(range(self._drain + 1))
        with m.If(self.read.valid):
            m.d.sync += in_flight.eq(self._drain)
        with m.Elif(in_flight != 0):
            m.d.sync += in_flight.eq(in_flight - 1)
        m.d.comb += self.drained.eq(~self.read.valid & (in_flight == 0))
        if self._interval == 1:
            m.d.comb += free.eq(1)
            return free
        since = Signal(range(self._interval), init=self._interval - 1)
        with m.If(self.vector.valid & self.vector.last):
            m.d.sync += since.eq(1)
        with m.Elif(since != self._interval - 1):
            m.d.sync += since.eq(since + 1)
        # The vector that is out now counts before it is in `since`.
        m.d.comb += [
            free.eq(~(self.vector.valid & self.vector.last) & (since == self._interval - 1)),
            self.throttled.eq(~free),
        ]
        return free

    def _walk(
        self,
        m: Module,
        walker: CellWalker,
        tile: data.View,
        in_pass: Signal,
        start: Signal,
        step: Signal,
    ) -> None:
        """Addresses of a pass, and what is constant in it."""
        last_x, last_y = Signal(16), Signal(16)
        # Ready when a pass starts, even in the cycle after another tile's last cell
        with m.If(walker.end | ~in_pass):
            m.d.sync += [last_x.eq(tile.width - 1), last_y.eq(tile.height - 1)]
        m.d.comb += [
            walker.setup.eq(self.setup),
            walker.operand_pitch.eq(self.setup_add.operand_pitch),
            walker.last_x.eq(last_x),
            walker.last_y.eq(last_y),
            walker.origin_a.eq(self.reduction_a),
            walker.origin_b.eq(self.reduction_b),
            walker.split.eq(self.reduction_split),
            walker.start.eq(start),
            walker.step.eq(step),
            self.a.eq(walker.a),
            self.b.eq(walker.b),
            self.split.eq(walker.read_split),
            self.read.cell.eq(walker.cell),
        ]
        cells = self.setup.window_height * self.setup.window_width
        with m.If(start):
            m.d.sync += [
                self.columns.eq(tile.columns),
                self.lanes.eq(Mux(self.setup.mode == Mode.DENSE, self.reduction_used, cells)),
            ]

    def _issue(
        self,
        m: Module,
        walker: CellWalker,
        accumulator: Value,
        start: Signal,
        step: Signal,
        first: Signal,
        last: Signal,
    ) -> None:
        """The control of a vector goes with the cell that completes its windows."""
        vector, go = self.vector, start | step
        first_pass, last_pass = Signal(), Signal()  # the pass under way is the tile's
        begun = Signal()  # a window of the pass has been completed
        with m.If(go):
            m.d.sync += begun.eq((begun | walker.emit) & ~walker.end)
        m.d.sync += [
            self.read.valid.eq(go),
            self.read.emit.eq(walker.emit),
            vector.valid.eq(go & walker.emit & self._weighted),
            vector.swap.eq(~begun),
            vector.first.eq(first_pass),
            vector.last.eq(last_pass),
            vector.load_bias.eq(~begun & first_pass),
            vector.load_multiplier.eq(~begun & last_pass),
        ]
        with m.If(start):
            m.d.sync += [
                first_pass.eq(first),
                last_pass.eq(last),
                vector.first.eq(first),
                vector.last.eq(last),
                vector.load_bias.eq(first),
                vector.load_multiplier.eq(last),
                vector.address.eq(accumulator),
            ]
        with m.Elif(step & walker.emit):
            m.d.sync += vector.address.eq(vector.address + begun)
