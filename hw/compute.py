"""The compute unit: scratchpads, feeders, datapath and output writer."""

from __future__ import annotations

from amaranth.hdl import Cat, DomainRenamer, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.isa import Mode, Unit
from ..spec.parameters import Parameters
from ..spec.registers import UnitState
from .array.add import Adder
from .array.datapath import Datapath
from .array.line_buffer import LineBuffer
from .array.lookup import Lookup
from .array.max_window import MaxWindow
from .array.product import Product
from .feed.activation_feeder import ActivationFeeder
from .feed.compute_commands import outputs_layout
from .feed.output_writer import OutputWriter
from .feed.reduction import Reduction
from .feed.table_loader import TableLoader
from .feed.weight_feeder import WeightFeeder
from .feed.work import count_work
from .layouts import compute_layout, unit_port
from .memory.scratchpad import Scratchpad
from .memory.weight_scratchpad import WeightScratchpad
from .parts.delay import delay
from .parts.queue import Queue
from .parts.stages import activity

__all__ = ["COMMANDS_DEPTH", "Compute"]

COMMANDS_DEPTH = 2  # commands whose weights have arrived


class Compute(wiring.Component):
    """Executes SETUP, SETUP_ADD, SETUP_MUL, COMPUTE and, with `lookup`, TABLE.

    The address generators are in a clock domain of their own, `feeder`: see `resets`.

    The active mode selects the path of the data read: to the datapath, through the line buffer to
    the datapath or to `MaxWindow`, to the adder, or through the product unit to the requantizers.

    Members
    -------
    i : commands
    halt : starts no further command
    held, take, give : tokens, masks of units
    activation_* : writes to the activation scratchpad, one beat each
    weight_* : writes to the weight scratchpad, one beat each
    output_* : reads of the output scratchpad, one beat each, with latency `Scratchpad.LATENCY`
    writes, row_enable, row_address, row_data : with `row_lanes`: a result is written
        `OutputWriter.LATENCY` cycles later; writes of rows, in other cycles
    issuing : a vector or cell is sent
    throttled : held back, no requantizer lane is free
    running : a command is active but waits for weights
    work : multiplications by weights that a vector starts, some cycles after it is sent
    weight_state : state of the weight feeder
    state : state of the activation feeder
    missing : units whose tokens the next tile waits for
    drained : nothing is pending or in flight
    flowing : data read are in flight
    illegal : a COMPUTE continues no walk of the active mode
    beyond : a COMPUTE exceeds a scratchpad or the accumulators
    """

    i: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        width, lanes = parameters.axi_bytes, parameters.row_lanes
        rows = {
            "writes": Out(1),
            "row_enable": In(lanes),
            "row_address": In(24),
            "row_data": In(8 * lanes),
        }
        super().__init__(
            unit_port(compute_layout(parameters))
            | (rows if lanes else {})
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
                "work": Out(range(parameters.rows * parameters.cols + 1)),
                "throttled": Out(1),
                "running": Out(1),
                "missing": Out(len(Unit)),
                "drained": Out(1),
                "flowing": Out(1),
                "illegal": Out(1),
                "beyond": Out(1),
                "weight_state": Out(UnitState),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self._parameters
        m.submodules.datapath = datapath = Datapath(p)
        gap = datapath.param_gap + Scratchpad.LATENCY - WeightScratchpad.LATENCY
        self._weights = weights = WeightFeeder(p, parameter_gap=gap)
        m.submodules.commands = commands = Queue(weights.o.payload.shape(), depth=COMMANDS_DEPTH)
        m.submodules.adder = adder = Adder(p)
        m.submodules.line_buffer = lines = LineBuffer(p)
        m.submodules.max_window = window = MaxWindow(p)
        longest = max(datapath.latency, LineBuffer.LATENCY + MaxWindow.LATENCY, Adder.LATENCY)
        drain = Scratchpad.LATENCY + longest + OutputWriter.LATENCY + 4
        feeder = ActivationFeeder(p, drain=drain)
        m.submodules.output_writer = writer = OutputWriter(p)
        m.submodules.outputs = outputs = Queue(outputs_layout(), depth=4)
        reduction = Reduction(p)
        for name, block in (
            ("weight_feeder", weights),
            ("activation_feeder", feeder),
            ("reduction", reduction),
        ):
            m.submodules[name] = DomainRenamer("feeder")(block)
        wiring.connect(m, wiring.flipped(self.i), weights.i)
        wiring.connect(m, weights.o, commands.i)
        if not p.lookup:
            wiring.connect(m, commands.o, feeder.i)
        wiring.connect(m, feeder.outputs, outputs.i)
        wiring.connect(m, outputs.o, writer.i)
        self._synchronize(m, weights, feeder, writer, (commands, outputs))
        # One more register between `setup` and the blocks.
        assert datapath.mode_gap < feeder.SETUP_GAP + Scratchpad.LATENCY
        self._reduce(m, feeder, reduction)
        self._feed(m, feeder, weights, datapath)
        self._scan(m, feeder, lines, window, datapath)
        self._add(m, feeder, adder)
        if p.product:
            m.submodules.product = product = Product(p)
            assert Product.LATENCY + datapath.product_latency <= datapath.latency
            self._multiply(m, feeder, product, datapath)
        self._collect(m, feeder, (datapath, window, adder), writer)
        count_work(m, feeder, self.work)
        if p.lookup:
            self._look_up(m, commands, feeder, writer)
        if p.row_lanes:
            self._share(m, writer)
        return m

    def _synchronize(
        self,
        m: Module,
        weights: WeightFeeder,
        feeder: ActivationFeeder,
        writer: OutputWriter,
        queues: tuple[Queue, Queue],
    ) -> None:
        """Connect tokens, halt and state; drained means that both queues are empty, too."""
        commands, outputs = queues
        m.d.comb += [
            weights.halt.eq(self.halt),
            weights.held.eq(self.held[Unit.WEIGHT]),
            weights.swap.eq(feeder.swap),
            feeder.halt.eq(self.halt),
            feeder.held.eq(self.held),
            feeder.weights_ready.eq(weights.ready),
            self.take.eq(feeder.take | (weights.take << Unit.WEIGHT)),
            self.give.eq(feeder.give | writer.give),
            self.issuing.eq(feeder.issuing),
            self.throttled.eq(feeder.throttled),
            self.running.eq(feeder.running),
            self.missing.eq(feeder.missing),
            self.flowing.eq(~feeder.drained),
            self.illegal.eq(feeder.illegal),
            self.beyond.eq(feeder.beyond),
            self.drained.eq(feeder.drained & ~commands.o.valid & ~outputs.o.valid),
            self.weight_state.eq(weights.state),
            self.state.eq(feeder.state),
        ]

    def _reduce(self, m: Module, feeder: ActivationFeeder, reduction: Reduction) -> None:
        m.d.comb += [
            reduction.setup.eq(feeder.setup),
            reduction.operand_pitch.eq(feeder.setup_add.operand_pitch),
            reduction.begin.eq(feeder.begin),
            reduction.restart.eq(feeder.restart),
            reduction.activation.eq(feeder.activation),
            reduction.next.eq(feeder.reduction_next),
            feeder.reduction_ready.eq(reduction.ready),
            feeder.reduction_a.eq(reduction.a),
            feeder.reduction_b.eq(reduction.b),
            feeder.reduction_split.eq(reduction.split),
            feeder.reduction_used.eq(reduction.used),
            feeder.reduction_past.eq(reduction.past),
        ]

    def _feed(
        self, m: Module, feeder: ActivationFeeder, weights: WeightFeeder, datapath: Datapath
    ) -> None:
        """Connect scratchpads between feeders and datapath, with control delayed to match."""
        p = self._parameters
        m.submodules.activations = self._activations = activations = Scratchpad(
            banks=p.activation_banks,
            size=p.activation_bytes,
            write_lanes=p.axi_bytes,
            read_lanes=p.vector_bytes,
            family=p.family,
        )
        m.submodules.weights = store = WeightScratchpad(p)
        vector = Signal.like(feeder.vector)
        m.d.comb += [
            activations.write_enable.eq(self.activation_enable),
            activations.write_address.eq(self.activation_address),
            activations.write_data.eq(self.activation_data),
            activations.read_enable.eq(feeder.read.valid),
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
        ]
        marks = [(datapath.capture, weights.capture), (datapath.param, weights.param)]
        if p.mixes_widths:
            marks.append((datapath.width, weights.width))
        theirs, ours = (Cat(side) for side in zip(*marks, strict=True))
        cycles = WeightScratchpad.LATENCY
        m.d.comb += theirs.eq(delay(m, "tile", ours, cycles, reset_less=False))
        self._cells = activations.read_data[: 8 * p.cols]
        for row in range(p.rows):
            m.d.comb += datapath.activation[row].eq(activations.read_data.word_select(row, 8))
        for column in range(p.cols):
            m.d.comb += datapath.weight[column].eq(store.read_data.word_select(column, 8))
        for name in ("zero_point", "low", "high"):
            m.d.sync += getattr(datapath, name).eq(feeder.setup[name])

    def _scan(
        self,
        m: Module,
        feeder: ActivationFeeder,
        lines: LineBuffer,
        window: MaxWindow,
        datapath: Datapath,
    ) -> None:
        """Route cells through the line buffer to the datapath or to `MaxWindow`."""
        setup, read = feeder.setup, feeder.read
        depthwise, takes_max, valid = Signal(), Signal(), Signal()
        m.d.sync += [
            depthwise.eq(setup.mode == Mode.DEPTHWISE),
            takes_max.eq(setup.mode == Mode.MAX),
        ]
        m.d.comb += [
            valid.eq(read.valid & (depthwise | takes_max)),
            lines.valid.eq(delay(m, "scan", valid, Scratchpad.LATENCY, reset_less=False)),
            lines.cell.eq(delay(m, "cell", read.cell, Scratchpad.LATENCY)),
            lines.data.eq(self._cells),
            window.valid.eq(
                delay(m, "line", lines.valid & takes_max, LineBuffer.LATENCY, reset_less=False)
            ),
            window.emit.eq(delay(m, "emit", read.emit, Scratchpad.LATENCY + LineBuffer.LATENCY)),
        ]
        for name in ("window_height", "window_width", "low", "high"):
            m.d.sync += getattr(window, name).eq(setup[name])
        takers = [window.lines]
        if self._parameters.depthwise:
            m.d.comb += datapath.depthwise.eq(depthwise)
            takers.append(datapath.lines)
        for taker in takers:
            for theirs, line in zip(taker, lines.lines, strict=True):
                m.d.comb += [a.eq(b) for a, b in zip(theirs, line, strict=True)]

    def _add(self, m: Module, feeder: ActivationFeeder, adder: Adder) -> None:
        """Route operands to the adder; the second completes a pixel."""
        adds = Signal()
        m.d.sync += adds.eq(self._adding(feeder))
        valid = feeder.read.valid & adds
        m.d.comb += [
            adder.valid.eq(delay(m, "operand", valid, Scratchpad.LATENCY, reset_less=False)),
            adder.second.eq(delay(m, "second", feeder.read.emit, Scratchpad.LATENCY)),
            adder.data.eq(self._cells),
        ]
        names = ["factor_a", "factor_b", "shift", "zero_point_a", "zero_point_b"]
        names += ["zero_point", "low", "high", *(["half_up"] if self._parameters.half_up else [])]
        for name in names:
            m.d.sync += getattr(adder, name).eq(feeder.setup_add[name])

    def _adding(self, feeder: ActivationFeeder) -> Value:
        """Whether the adder takes what is read: a product's operands are read like a sum's."""
        adds = feeder.setup.mode == Mode.ADD
        return adds & ~feeder.multiplies if self._parameters.product else adds

    def _multiply(
        self, m: Module, feeder: ActivationFeeder, product: Product, datapath: Datapath
    ) -> None:
        """Route operands to the product unit, and its products to the requantizers."""
        multiplies = Signal()
        m.d.sync += multiplies.eq(feeder.multiplies)
        valid = feeder.read.valid & multiplies
        m.d.comb += [
            product.valid.eq(delay(m, "factor", valid, Scratchpad.LATENCY, reset_less=False)),
            product.second.eq(delay(m, "completes", feeder.read.emit, Scratchpad.LATENCY)),
            product.data.eq(self._cells),
            datapath.product_valid.eq(product.valid_out),
        ]
        for ours, theirs in zip(datapath.products, product.products, strict=True):
            m.d.comb += ours.eq(theirs)
        for name in ("broadcast", "zero_point_a", "zero_point_b"):
            m.d.sync += getattr(product, name).eq(feeder.setup_mul[name])
        m.d.sync += datapath.multiplier.eq(feeder.setup_mul.multiplier)

    def _collect(
        self,
        m: Module,
        feeder: ActivationFeeder,
        blocks: tuple[Datapath, MaxWindow, Adder],
        writer: OutputWriter,
    ) -> None:
        """Write results to the output scratchpad."""
        p = self._parameters
        datapath, window, adder = blocks
        m.submodules.results = results = Scratchpad(
            banks=p.output_banks,
            size=p.output_bytes,
            write_lanes=max(p.cols, p.row_lanes),
            read_lanes=p.axi_bytes,
            family=p.family,
        )
        m.d.comb += [
            writer.valid.eq(datapath.valid | window.valid_out | adder.valid_out),
            results.write_enable.eq(writer.write_enable),
            results.write_address.eq(writer.write_address),
            results.read_enable.eq(self.output_enable),
            results.a.eq(self.output_address),
            results.b.eq(self.output_address),
            results.split.eq(p.axi_bytes),
            self.output_data.eq(results.read_data),
        ]
        adds, takes_max = Signal(), Signal()
        mode = feeder.setup.mode
        m.d.sync += [adds.eq(self._adding(feeder)), takes_max.eq(mode == Mode.MAX)]
        y = [Signal(8 * p.cols, name=f"y{i}", reset_less=True) for i in range(OutputWriter.LATENCY)]
        m.d.sync += y[0].eq(Mux(adds, Cat(adder.y), Mux(takes_max, Cat(window.y), Cat(datapath.y))))
        strobes = activity(m, writer.valid, OutputWriter.LATENCY)
        for strobe, newer, older in zip(strobes[1:], y[:-1], y[1:], strict=True):
            with m.If(strobe):
                m.d.sync += older.eq(newer)
        self._results, self._y, self._strobes = results, y, strobes
        m.d.comb += results.write_data.eq(y[-1])

    def _share(self, m: Module, writer: OutputWriter) -> None:
        """Let the row unit write where the output writer does not."""
        results = self._results
        m.d.comb += self.writes.eq(writer.valid)
        with m.If(self.row_enable[0]):  # a row's vector has at least one element
            m.d.comb += [
                results.write_enable.eq(self.row_enable),
                results.write_address.eq(self.row_address),
                results.write_data.eq(self.row_data),
            ]

    def _look_up(
        self, m: Module, commands: Queue, feeder: ActivationFeeder, writer: OutputWriter
    ) -> None:
        """Put TABLE's unit between queue and feeder, and the tables before the results."""
        p, activations = self._parameters, self._activations
        loader = TableLoader(p, read_latency=Scratchpad.LATENCY)
        m.submodules.table_loader = DomainRenamer("feeder")(loader)
        m.submodules.lookup = tables = Lookup(p)
        assert OutputWriter.LATENCY == 1 + Lookup.LATENCY
        wiring.connect(m, commands.o, loader.i)
        wiring.connect(m, loader.o, feeder.i)
        m.d.comb += [
            loader.halt.eq(self.halt),
            loader.held.eq(self.held),
            loader.quiet.eq(feeder.drained & ~feeder.running),
            self.take.eq(feeder.take | loader.take | (self._weights.take << Unit.WEIGHT)),
            self.give.eq(feeder.give | loader.give | writer.give),
            self.issuing.eq(feeder.issuing | loader.read_enable),
            self.missing.eq(feeder.missing | loader.missing),
            self.flowing.eq(~feeder.drained | loader.busy),
            activations.read_enable.eq(feeder.read.valid | loader.read_enable),
            activations.a.eq(Mux(loader.busy, loader.read_address, feeder.a)),
            activations.b.eq(Mux(loader.busy, loader.read_address, feeder.b)),
            tables.write_enable.eq(loader.write_enable),
            tables.write_address.eq(loader.write_address),
            tables.write_data.eq(activations.read_data[:8]),
            tables.active.eq(loader.active),
            tables.valid.eq(self._strobes[1]),
            tables.y.eq(self._y[0]),
            tables.late.eq(self._y[-1]),
            self._results.write_data.eq(tables.out),
        ]
        with m.If(loader.state != UnitState.IDLE):
            m.d.comb += self.state.eq(loader.state)
