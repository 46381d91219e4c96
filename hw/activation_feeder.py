"""Issues the vectors of each pass: addresses in the activation scratchpad, and their control."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.isa import Opcode, Unit
from ..golden.parameters import Parameters
from ..golden.registers import UnitState
from .datapath import vector_layout
from .layouts import command_layout, fields_layout, unit_port

__all__ = ["ActivationFeeder", "outputs_layout"]

_WEIGHT = 1 << Unit.WEIGHT
_STORE = 1 << Unit.STORE


def outputs_layout() -> data.StructLayout:
    """Where the outputs of a tile go, and the token mask to give when they are there."""
    return data.StructLayout(
        {"output": 24, "output_pitch": 24, "columns": 8, "width": 16, "height": 16, "signal": 4}
    )


class ActivationFeeder(wiring.Component):
    """Runs COMPUTE: for each pass, one vector a cycle over the pixels of the tile.

    Starts a pass when the reduction and the weights are ready, in the cycle after the last pass
    when they are. Vectors of the last pass keep the distance that the requantizers need.

    Members
    -------
    i : commands; SETUP takes effect when the pipeline is empty
    halt : starts no further command
    held, take, give : tokens, masks of units; the weight unit's are taken before
    setup : the geometry in force
    begin, restart, activation : to `Reduction`
    reduction_ready, reduction_a, reduction_b, reduction_split, reduction_next : from and to it
    weights_ready : a pass may be decided on
    a, b, split, vector : of the activation scratchpad, and to the datapath with what it reads
    outputs : where results go, one for each tile with `last`
    throttled, running : why no vector comes: requantizers; or passes remain
    missing : units whose tokens the next command waits for
    drained : no vector is in flight
    state : what the unit is doing
    """

    i: stream.Interface
    outputs: stream.Interface

    def __init__(self, parameters: Parameters, *, drain: int) -> None:
        self._interval = parameters.columns_per_lane
        self._drain = drain
        address = range(parameters.activation_bytes)
        super().__init__(
            unit_port(command_layout(Opcode.COMPUTE, setup=1))
            | {
                "setup": Out(fields_layout(Opcode.SETUP)),
                "begin": Out(1),
                "restart": Out(1),
                "activation": Out(24),
                "reduction_ready": In(1),
                "reduction_a": In(24),
                "reduction_b": In(24),
                "reduction_split": In(range(parameters.rows + 1)),
                "reduction_next": Out(1),
                "weights_ready": In(1),
                "a": Out(address),
                "b": Out(address),
                "split": Out(range(parameters.rows + 1)),
                "vector": Out(vector_layout(parameters)),
                "outputs": Out(stream.Signature(outputs_layout())),
                "throttled": Out(1),
                "running": Out(1),
                "missing": Out(len(Unit)),
                "drained": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tile = Signal(fields_layout(Opcode.COMPUTE))
        signal = Signal(len(Unit))
        passes = Signal(16)  # still to start
        first_pass, last_pass = Signal(), Signal()  # the pass under way is the tile's
        in_pass = Signal()  # the pass under way has pixels left
        accept = self._accept(m, passes, in_pass)
        with m.If(accept):
            m.d.sync += [tile.eq(self.i.payload.fields), signal.eq(self.i.payload.signal)]
        free = self._spacing(m)
        start, step, pixel_end = Signal(), Signal(), Signal()
        m.d.comb += [
            start.eq(~in_pass & (passes != 0) & self.reduction_ready & self.weights_ready & free),
            step.eq(in_pass & free),
            # The walk halts at a command's end: the next one may come with another origin.
            self.reduction_next.eq(start & (passes != 1)),
        ]
        first, last = Signal(), Signal()
        tile_started = Signal()
        m.d.comb += [
            first.eq(Mux(start, tile.first & ~tile_started, first_pass)),
            last.eq(Mux(start, tile.last & (passes == 1), last_pass)),
        ]
        with m.If(start):
            m.d.sync += [
                first_pass.eq(first),
                last_pass.eq(last),
                tile_started.eq(1),
                passes.eq(passes - 1),
            ]
        with m.If(accept):
            m.d.sync += [passes.eq(self.i.payload.fields.passes), tile_started.eq(0)]
        self._walk_pixels(m, tile, start, step, pixel_end)
        vector = self.vector
        m.d.sync += [
            in_pass.eq((start | in_pass) & ~((start | step) & pixel_end)),
            vector.valid.eq(start | step),
            vector.swap.eq(start),
            vector.first.eq(first),
            vector.last.eq(last),
            vector.load_bias.eq(start & first),
            vector.load_multiplier.eq(start & last),
            self.give.eq(Mux((start | step) & pixel_end & (passes == start), signal & ~_STORE, 0)),
        ]
        m.d.comb += self.running.eq(in_pass | (passes != 0))
        return m

    def _accept(self, m: Module, passes: Signal, in_pass: Signal) -> Signal:
        """Take the next command when its tokens are there: true for a COMPUTE."""
        command, fields = self.i.payload, self.i.payload.fields
        accept, idle, blocked = Signal(), Signal(), Signal()
        wait = command.wait & ~_WEIGHT
        outputs = self.outputs
        m.d.comb += [
            idle.eq((passes == 0) & ~in_pass),
            self.missing.eq(Mux(self.i.valid & ~command.setup & idle, wait & ~self.held, 0)),
            blocked.eq(self.missing.any() | self.halt),
            accept.eq(
                self.i.valid & ~command.setup & idle & ~blocked & (outputs.ready | ~fields.last)
            ),
            outputs.valid.eq(self.i.valid & ~command.setup & idle & ~blocked & fields.last),
            outputs.payload.signal.eq(command.signal & _STORE),
            self.take.eq(Mux(accept, wait, 0)),
            self.i.ready.eq(accept | (command.setup & idle & self.drained)),
            self.begin.eq(accept),
            self.restart.eq(fields.first),
            self.activation.eq(fields.activation),
        ]
        for name in ("output", "output_pitch", "columns", "width", "height"):
            m.d.comb += outputs.payload[name].eq(fields[name])
        with m.If(self.i.valid & command.setup & idle & self.drained):
            m.d.sync += self.setup.eq(fields.as_value())
        with m.If(~idle):
            m.d.comb += self.state.eq(UnitState.RUNNING)
        with m.Elif(self.i.valid & ~command.setup & blocked):
            m.d.comb += self.state.eq(UnitState.WAITING)
        return accept

    def _spacing(self, m: Module) -> Signal:
        """Keep vectors of a last pass apart, and know when the last vector has left."""
        free = Signal(init=1)
        in_flight = Signal(range(self._drain + 1))
        with m.If(self.vector.valid):
            m.d.sync += in_flight.eq(self._drain)
        with m.Elif(in_flight != 0):
            m.d.sync += in_flight.eq(in_flight - 1)
        m.d.comb += self.drained.eq(~self.vector.valid & (in_flight == 0))
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

    def _walk_pixels(
        self, m: Module, tile: data.View, start: Signal, step: Signal, pixel_end: Signal
    ) -> None:
        """Addresses and accumulators of the pixels, left to right and top to bottom."""
        x, y = Signal(16), Signal(16)  # of the next pixel of the pass
        row_a, row_b = Signal.like(self.a), Signal.like(self.b)
        row_end = Signal()
        at_x, at_y = Mux(start, 0, x), Mux(start, 0, y)
        m.d.comb += [
            row_end.eq(at_x == tile.width - 1),
            pixel_end.eq(row_end & (at_y == tile.height - 1)),
        ]
        with m.If(start | step):
            m.d.sync += [x.eq(Mux(row_end, 0, at_x + 1)), y.eq(at_y + row_end)]
        with m.If(start):
            m.d.sync += [
                self.a.eq(self.reduction_a),
                self.b.eq(self.reduction_b),
                row_a.eq(self.reduction_a),
                row_b.eq(self.reduction_b),
                self.split.eq(self.reduction_split),
                self.vector.address.eq(tile.accumulator),
            ]
        with m.Elif(step):
            m.d.sync += self.vector.address.eq(self.vector.address + 1)
            with m.If(x == 0):
                m.d.sync += [
                    self.a.eq(row_a + self.setup.step_y),
                    self.b.eq(row_b + self.setup.step_y),
                    row_a.eq(row_a + self.setup.step_y),
                    row_b.eq(row_b + self.setup.step_y),
                ]
            with m.Else():
                m.d.sync += [
                    self.a.eq(self.a + self.setup.step_x),
                    self.b.eq(self.b + self.setup.step_x),
                ]
