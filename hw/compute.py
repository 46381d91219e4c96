"""The compute unit: scratchpads, feeders, datapath and output writer."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..golden.isa import Opcode, Unit
from ..golden.parameters import Parameters
from ..golden.registers import UnitState
from .activation_feeder import ActivationFeeder, outputs_layout
from .datapath import Datapath
from .delay import delay
from .layouts import command_layout, unit_port
from .output_writer import OutputWriter
from .queue import Queue
from .reduction import Reduction
from .scratchpad import Scratchpad
from .weight_feeder import WeightFeeder
from .weight_scratchpad import WeightScratchpad

__all__ = ["Compute"]


class Compute(wiring.Component):
    """Executes SETUP and COMPUTE.

    Members
    -------
    i : commands
    halt : starts no further command
    held, take, give : tokens, masks of units
    activation_*, weight_* : writes to the scratchpads, beats
    output_* : reads of the output scratchpad, beats; latency `Scratchpad.LATENCY`
    issuing, throttled, running : a vector goes out; none does for want of requantizers, of weights
    weight_state, state : what the weight feeder and the activation feeder are doing
    missing : units whose tokens the next tile waits for
    drained : nothing is in flight
    """

    i: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        width = parameters.axi_bytes
        super().__init__(
            unit_port(command_layout(Opcode.COMPUTE, setup=1))
            | {
                "activation_enable": In(width),
                "activation_address": In(24),
                "activation_data": In(8 * width),
                "weight_enable": In(1),
                "weight_address": In(24),
                "weight_data": In(8 * width),
                "output_enable": In(1),
                "output_address": In(24),
                "output_data": Out(8 * width),
                "issuing": Out(1),
                "throttled": Out(1),
                "running": Out(1),
                "missing": Out(len(Unit)),
                "drained": Out(1),
                "weight_state": Out(UnitState),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self._parameters
        m.submodules.datapath = datapath = Datapath(p)
        gap = datapath.param_gap + Scratchpad.LATENCY - WeightScratchpad.LATENCY
        m.submodules.weight_feeder = weights = WeightFeeder(p, parameter_gap=gap)
        m.submodules.commands = commands = Queue(command_layout(Opcode.COMPUTE, setup=1), depth=2)
        drain = Scratchpad.LATENCY + datapath.latency + 4
        m.submodules.activation_feeder = feeder = ActivationFeeder(p, drain=drain)
        m.submodules.output_writer = writer = OutputWriter(p)
        m.submodules.outputs = outputs = Queue(outputs_layout(), depth=4)
        wiring.connect(m, wiring.flipped(self.i), weights.i)
        wiring.connect(m, weights.o, commands.i)
        wiring.connect(m, commands.o, feeder.i)
        wiring.connect(m, feeder.outputs, outputs.i)
        wiring.connect(m, outputs.o, writer.i)
        m.d.comb += [
            weights.halt.eq(self.halt),
            weights.held.eq(self.held[Unit.WEIGHT]),
            weights.swap.eq(feeder.vector.valid & feeder.vector.swap),
            feeder.halt.eq(self.halt),
            feeder.held.eq(self.held),
            feeder.weights_ready.eq(weights.ready),
            self.take.eq(feeder.take | (weights.take << Unit.WEIGHT)),
            self.give.eq(feeder.give | writer.give),
            self.issuing.eq(feeder.vector.valid),
            self.throttled.eq(feeder.throttled),
            self.running.eq(feeder.running),
            self.missing.eq(feeder.missing),
            self.drained.eq(feeder.drained & ~commands.o.valid & ~outputs.o.valid),
            self.weight_state.eq(weights.state),
            self.state.eq(feeder.state),
        ]
        self._reduce(m, feeder)
        self._feed(m, feeder, weights, datapath)
        self._collect(m, datapath, writer)
        return m

    def _reduce(self, m: Module, feeder: ActivationFeeder) -> None:
        m.submodules.reduction = reduction = Reduction(self._parameters)
        m.d.comb += [
            reduction.setup.eq(feeder.setup),
            reduction.begin.eq(feeder.begin),
            reduction.restart.eq(feeder.restart),
            reduction.activation.eq(feeder.activation),
            reduction.next.eq(feeder.reduction_next),
            feeder.reduction_ready.eq(reduction.ready),
            feeder.reduction_a.eq(reduction.a),
            feeder.reduction_b.eq(reduction.b),
            feeder.reduction_split.eq(reduction.split),
        ]

    def _feed(
        self, m: Module, feeder: ActivationFeeder, weights: WeightFeeder, datapath: Datapath
    ) -> None:
        """Scratchpads between the feeders and the datapath; control is delayed alike."""
        p = self._parameters
        m.submodules.activations = activations = Scratchpad(
            banks=p.activation_banks,
            size=p.activation_bytes,
            write_lanes=p.axi_bytes,
            read_lanes=p.rows,
        )
        m.submodules.weights = store = WeightScratchpad(p)
        vector = Signal.like(feeder.vector)
        m.d.comb += [
            activations.write_enable.eq(self.activation_enable),
            activations.write_address.eq(self.activation_address),
            activations.write_data.eq(self.activation_data),
            activations.read_enable.eq(feeder.vector.valid),
            activations.a.eq(feeder.a),
            activations.b.eq(feeder.b),
            activations.split.eq(feeder.split),
            vector.eq(delay(m, "vector", feeder.vector, Scratchpad.LATENCY, reset_less=False)),
            datapath.vector.eq(vector),
            store.write_enable.eq(self.weight_enable),
            store.write_address.eq(self.weight_address),
            store.write_data.eq(self.weight_data),
            store.read_enable.eq(weights.read_enable),
            store.row.eq(weights.row),
            Cat(datapath.capture, datapath.param).eq(
                delay(
                    m,
                    "tile",
                    Cat(weights.capture, weights.param),
                    WeightScratchpad.LATENCY,
                    reset_less=False,
                )
            ),
        ]
        for lane in range(p.rows):
            m.d.comb += datapath.activation[lane].eq(activations.read_data.word_select(lane, 8))
        for column in range(p.cols):
            m.d.comb += datapath.weight[column].eq(store.read_data.word_select(column, 8))
        for name in ("zero_point", "low", "high"):
            m.d.comb += getattr(datapath, name).eq(feeder.setup[name])

    def _collect(self, m: Module, datapath: Datapath, writer: OutputWriter) -> None:
        """Results to the output scratchpad."""
        p = self._parameters
        m.submodules.results = results = Scratchpad(
            banks=p.output_banks,
            size=p.output_bytes,
            write_lanes=p.cols,
            read_lanes=p.axi_bytes,
        )
        m.d.comb += [
            writer.valid.eq(datapath.valid),
            results.write_enable.eq(writer.write_enable),
            results.write_address.eq(writer.write_address),
            results.write_data.eq(Cat(datapath.y)),
            results.read_enable.eq(self.output_enable),
            results.a.eq(self.output_address),
            results.b.eq(self.output_address),
            results.split.eq(p.axi_bytes),
            self.output_data.eq(results.read_data),
        ]
