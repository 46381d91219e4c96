"""Issues the vectors of each pass: activation scratchpad addresses, and vector control."""

from __future__ import annotations

from typing import NamedTuple

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.isa import Mode, Opcode, Unit
from ...spec.parameters import Parameters
from ...spec.registers import UnitState
from ..layouts import compute_layout, fields_layout, unit_port, vector_layout, window_cells
from .cell_walker import CellWalker
from .compute_commands import ComputeCommands, outputs_layout

__all__ = ["ActivationFeeder", "read_layout"]

_STORE = 1 << Unit.STORE


def read_layout(parameters: Parameters) -> data.StructLayout:
    """Return the control of a cell's read: index in its line, and whether it completes a window."""
    return data.StructLayout({"valid": 1, "cell": range(parameters.line_cells), "emit": 1})


class _Step(NamedTuple):
    """A step's flags: a cell is read, first of its pass, completes a window, last of its pass."""

    go: Signal
    start: Signal
    emit: Signal
    end: Signal


class ActivationFeeder(wiring.Component):
    """Executes COMPUTE: each pass reads the cells under the tile's pixels, one per cycle.

    A pass starts when the reduction and the weights are ready, back to back with the previous one
    at best; its reads follow `LATENCY` cycles later. The next command is accepted while the last
    pass is issued, so commands follow each other without a gap if that pass has at least ten
    cells. Vectors of a dense tile's last pass are spaced as the requantizers need.

    Parameters
    ----------
    parameters : Parameters
    drain : int
        Cycles from a read until it has left the pipeline.

    Members
    -------
    i : commands; SETUP takes effect when the pipeline is empty
    halt : starts no further command
    held, take, give : tokens, masks of units; tokens of the weight unit are taken earlier
    setup : active geometry; SETUP_ADD sets its shared fields and windows of two cells, a dense
        SETUP windows of one cell
    setup_add : active addition
    setup_mul, multiplies : as in `ComputeCommands`, if the parameters have `product`
    begin, restart, activation : to `Reduction`
    reduction_ready, reduction_a, reduction_b, reduction_split, reduction_used, reduction_past,
        reduction_next : from and to it
    weights_ready, swap : from and to `WeightFeeder`
    a, b, split, read : activation scratchpad read port
    vector : vector control, to the datapath, aligned with the read
    lanes : rows of the array that multiply by the layer's weights for this vector
    columns : columns of the array in use for this vector
    outputs : destination of results, one for each tile with `last`
    issuing : a cell was issued in the previous cycle
    throttled : held back, no requantizer lane is free
    running : passes remain
    missing : units whose tokens the next command waits for
    drained : no read is in flight
    illegal : a COMPUTE continues no walk of the active mode, or exceeds the walk's end
    beyond : a COMPUTE has too many passes or pixels
    state : state of the unit
    """

    #: Cycles from issuing a cell to its read.
    LATENCY = CellWalker.LATENCY + 1
    SETUP_GAP = 9  # minimum number of cycles from a change of `setup` to a read

    i: stream.Interface
    outputs: stream.Interface

    def __init__(self, parameters: Parameters, *, drain: int) -> None:
        self._parameters = parameters
        self._interval = parameters.columns_per_lane
        self._drain = drain
        address = range(parameters.activation_bytes)
        lanes = range(parameters.rows + 1)
        products = {"setup_mul": Out(fields_layout(Opcode.SETUP_MUL)), "multiplies": Out(1)}
        super().__init__(
            unit_port(compute_layout(parameters))
            | {
                "setup": Out(fields_layout(Opcode.SETUP)),
                "setup_add": Out(fields_layout(Opcode.SETUP_ADD, half_up=parameters.half_up)),
                "begin": Out(1),
                "restart": Out(1),
                "activation": Out(24),
                "reduction_ready": In(1),
                "reduction_a": In(address),
                "reduction_b": In(address),
                "reduction_split": In(lanes),
                "reduction_used": In(lanes),
                "reduction_past": In(1),
                "reduction_next": Out(1),
                "weights_ready": In(1),
                "swap": Out(1),
                "a": Out(address),
                "b": Out(address),
                "split": Out(range(parameters.vector_bytes + 1)),
                "read": Out(read_layout(parameters)),
                "vector": Out(vector_layout(parameters)),
                "lanes": Out(lanes),
                "columns": Out(range(parameters.cols + 1)),
                "outputs": Out(stream.Signature(outputs_layout())),
                "issuing": Out(1),
                "throttled": Out(1),
                "running": Out(1),
                "missing": Out(len(Unit)),
                "drained": Out(1),
                "illegal": Out(1),
                "beyond": Out(1),
            }
            | (products if parameters.product else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self._parameters
        m.submodules.commands = commands = ComputeCommands(p)
        m.submodules.walker = walker = CellWalker(p)
        self._command(m, commands)
        tile = Signal(fields_layout(Opcode.COMPUTE, gather=p.gather), reset_less=True)
        signal = Signal(len(Unit), reset_less=True)
        with m.If(commands.begin):
            m.d.sync += [tile.eq(self.i.payload.fields.compute), signal.eq(self.i.payload.signal)]
        free, pending, only = Signal(), Signal(), Signal()  # passes remain; one remains
        self._decide(m, walker, commands, pending, only, free)
        tile_started, first, last = Signal(), Signal(), Signal()  # first, last: of the tile
        with m.If(walker.start):
            m.d.sync += [first.eq(tile.first & ~tile_started), last.eq(tile.last & only)]
        loads = first  # parameters
        keep: Value | None = None
        if p.gather:
            keep = Signal(2)
            loads = Signal()
            with m.If(walker.start):
                m.d.sync += [
                    loads.eq(tile.first & ~tile_started & ~tile.kept),
                    keep.eq(Mux(only, tile.keep, 0)),
                ]
        # Cycle 1: the issued cell
        step = _Step(*(Signal(name=f"stepped_{name}") for name in _Step._fields))
        m.d.sync += [
            step.go.eq(walker.go),
            step.start.eq(walker.start),
            step.emit.eq(walker.go & walker.emit),
            step.end.eq(walker.go & walker.end),
            tile_started.eq((tile_started | step.start) & ~commands.begin),
        ]
        m.d.comb += self.issuing.eq(step.go)
        self._count(m, commands, step.start, only)
        requantized = commands.weighted
        if p.product:
            requantized |= commands.multiplies
            m.d.comb += [
                self.setup_mul.eq(commands.setup_mul),
                self.multiplies.eq(commands.multiplies),
                walker.broadcast.eq(commands.setup_mul.broadcast),
            ]
        self._space(m, step.emit & last & requantized, free)
        final, gives = Signal(), Signal(len(Unit), reset_less=True)  # of the command
        with m.If(step.start):
            m.d.sync += [final.eq(only), gives.eq(signal & ~_STORE)]
        # Cycle 2
        ended = Signal()
        m.d.sync += [ended.eq(step.end), self.give.eq(Mux(ended & final, gives, 0))]
        self._walk(m, walker, tile, step)
        vector = self._issue(m, tile.accumulator, step, (first, last, loads), commands.weighted)
        if keep is not None:
            m.d.sync += vector.keep.eq(keep)
        self._drain_reads(m, step.go)
        self._judge(m, commands, tile.accumulator, step)
        return m

    def _judge(self, m: Module, commands: ComputeCommands, accumulator: Value, step: _Step) -> None:
        """Report passes beyond the walk's end, and pixels beyond the accumulators.

        In modes without weights, the output scratchpad's size limits the pixels.
        """
        entries, bytes_ = self._parameters.accumulators, self._parameters.output_bytes
        place = Signal(range(2 * max(entries, bytes_)), reset_less=True)  # behind this pixel
        emits = Signal()
        past, weighted = Signal(), commands.weighted
        limit = Mux(weighted, entries, bytes_)
        m.d.sync += [
            emits.eq(step.emit),
            past.eq(step.start & weighted & self.reduction_past),
            self.illegal.eq(commands.illegal | past),
            self.beyond.eq(commands.beyond | (emits & (place > limit))),
        ]
        with m.If(step.start):
            m.d.sync += place.eq(Mux(weighted, accumulator, 0) + step.emit)
        with m.Elif(step.emit):
            m.d.sync += place.eq(place + 1)

    def _command(self, m: Module, commands: ComputeCommands) -> None:
        fields = self.i.payload.fields.compute
        wiring.connect(m, wiring.flipped(self.i), commands.i)
        wiring.connect(m, commands.outputs, wiring.flipped(self.outputs))
        m.d.comb += [
            commands.halt.eq(self.halt),
            commands.held.eq(self.held),
            commands.running.eq(self.running),
            commands.drained.eq(self.drained),
            self.take.eq(commands.take),
            self.missing.eq(commands.missing),
            self.setup.eq(commands.setup),
            self.setup_add.eq(commands.setup_add),
            self.begin.eq(commands.begin),
            self.restart.eq(fields.first | ~commands.weighted),
            self.activation.eq(fields.activation),
        ]
        with m.If(self.running):
            m.d.comb += self.state.eq(UnitState.RUNNING)
        with m.Elif(commands.blocked):
            m.d.comb += self.state.eq(UnitState.WAITING)

    def _decide(
        self,
        m: Module,
        walker: CellWalker,
        commands: ComputeCommands,
        pending: Signal,
        only: Signal,
        free: Signal,
    ) -> None:
        """Decide whether the next pass may start in the next cycle."""
        stale = Signal()  # the weights that are ready are those of the pass that has started
        m.d.comb += [
            walker.free.eq(self._may_go(walker, commands, free)),
            commands.pending.eq(pending),
            self.running.eq(walker.under_way | pending),
        ]
        ready = self.reduction_ready & (self.weights_ready | ~commands.weighted)
        m.d.sync += [
            walker.armed.eq(pending & ready & ~stale & ~walker.start),
            stale.eq(walker.start | (stale & commands.weighted & ~self.swap)),
            pending.eq(commands.begin | (pending & ~(walker.start & only))),
        ]

    def _may_go(self, walker: CellWalker, commands: ComputeCommands, free: Signal) -> Value:
        """Whether the next cell may be read: a product's first operand needs no requantizer."""
        if not self._parameters.product:
            return free
        return free | (commands.multiplies & ~walker.emit)

    def _count(self, m: Module, commands: ComputeCommands, started: Signal, only: Signal) -> None:
        """Count passes not yet started."""
        passes = Signal(16, reset_less=True)
        # Modes without weights have one pass
        count = Mux(commands.weighted, self.i.payload.fields.compute.passes, 1)
        m.d.sync += only.eq(passes == 1)
        with m.If(commands.begin):
            m.d.sync += passes.eq(count)
        with m.Elif(started):
            m.d.sync += passes.eq(passes - 1)
        # The walk stops at a command's end: the next command may have another origin.
        m.d.comb += self.reduction_next.eq(started & ~only)

    def _space(self, m: Module, issued: Value, free: Signal) -> None:
        """Space the vectors of a last pass."""
        if self._interval == 1:
            m.d.comb += free.eq(1)
            return
        wait = Signal(range(-1, self._interval), init=-1)
        with m.If(issued):
            m.d.sync += wait.eq(self._interval - 3)
        with m.Elif(~wait[-1]):
            m.d.sync += wait.eq(wait - 1)
        m.d.comb += [free.eq(~issued & wait[-1]), self.throttled.eq(~free)]

    def _drain_reads(self, m: Module, going: Signal) -> None:
        """Track whether reads are in flight."""
        left = Signal(range(-1, self._drain + 2), init=-1)
        with m.If(going):
            m.d.sync += left.eq(self._drain + 1)
        with m.Elif(~left[-1]):
            m.d.sync += left.eq(left - 1)
        m.d.comb += self.drained.eq(~going & left[-1])

    def _walk(self, m: Module, walker: CellWalker, tile: data.View, step: _Step) -> None:
        """Connect the walker: addresses of a pass, and its constants."""
        setup = self.setup
        lanes, columns = Signal.like(self.lanes), Signal.like(self.columns)
        window, high = Signal(4), setup.window_height
        wide = window_cells(setup, self._parameters)
        dense = Signal()
        m.d.comb += [
            walker.setup.eq(setup),
            walker.width.eq(tile.width),
            walker.height.eq(tile.height),
            walker.origin_a.eq(self.reduction_a),
            walker.origin_b.eq(self.reduction_b),
            walker.split.eq(self.reduction_split),
        ]
        m.d.sync += [
            dense.eq(setup.mode == Mode.DENSE),
            # Without a multiplier
            window.eq(Mux(high[0], wide, 0) + (Mux(high[1], wide, 0) << 1)),
        ]
        with m.If(step.start):
            m.d.sync += [
                columns.eq(tile.columns),
                lanes.eq(Mux(dense, self.reduction_used, window)),
            ]
        a = walker.a
        if self._parameters.product:
            a = Mux(walker.only_b, walker.b, a)
        # Cycle 3: to the scratchpad
        m.d.sync += [
            self.a.eq(a),
            self.b.eq(walker.b),
            self.split.eq(walker.read_split),
            self.read.cell.eq(walker.cell),
            self.lanes.eq(lanes),
            self.columns.eq(columns),
        ]

    def _issue(
        self,
        m: Module,
        accumulator: Value,
        step: _Step,
        ends_of_tile: tuple[Signal, Signal, Signal],
        weighted: Signal,
    ) -> data.View:
        """Send a vector's control with the cell that completes its window; return it."""
        first, last, loads = ends_of_tile
        read, vector = Signal.like(self.read), Signal.like(self.vector)
        begun = Signal()  # a window of the pass has been completed
        emits = step.emit & weighted
        with m.If(step.go):
            m.d.sync += begun.eq((begun | step.emit) & ~step.end)
        m.d.sync += [
            read.valid.eq(step.go),
            read.emit.eq(step.emit),
            self.swap.eq(emits & ~begun),
            vector.valid.eq(emits),
            vector.swap.eq(~begun),
            vector.first.eq(first),
            vector.last.eq(last),
            vector.load_bias.eq(~begun & loads),
            vector.load_multiplier.eq(~begun & last),
        ]
        with m.If(step.start):
            m.d.sync += vector.address.eq(accumulator)
        with m.Elif(step.emit):
            m.d.sync += vector.address.eq(vector.address + begun)
        # Cycle 3: to the scratchpad
        m.d.sync += [
            self.vector.eq(vector),
            self.read.valid.eq(read.valid),
            self.read.emit.eq(read.emit),
        ]
        return vector
