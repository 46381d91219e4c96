"""The feeders as the compute unit joins them, without what they feed; and what they did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from stream_bench import Bench, unused_blocks
from unit_bench import TokenBank, command

from maccord.golden.feed.activation_feeder import Vector, activation_feeder
from maccord.golden.feed.cell_walker import Read, mode_of
from maccord.golden.feed.reduction import Pass, reduction
from maccord.golden.feed.reduction import Reduction as Geometry
from maccord.golden.feed.weight_feeder import WeightRow, weight_feeder
from maccord.hw.array.datapath import Datapath
from maccord.hw.feed.activation_feeder import ActivationFeeder
from maccord.hw.feed.compute_commands import outputs_layout
from maccord.hw.feed.reduction import Reduction
from maccord.hw.feed.weight_feeder import WeightFeeder
from maccord.hw.layouts import compute_layout
from maccord.hw.memory.scratchpad import Scratchpad
from maccord.hw.memory.weight_scratchpad import WeightScratchpad
from maccord.hw.parts.queue import Queue
from maccord.spec.isa import Instruction, Mode, Opcode, Unit
from maccord.spec.parameters import Parameters
from maccord.spec.weight_widths import WIDTHS

__all__ = ["Feeders", "Gaps", "Golden", "Run", "gaps_of", "geometry", "in_force", "walk_of"]


@dataclass(frozen=True)
class Gaps:
    """Distances that the datapath asks for, in cycles at the feeders.

    `swap`: from a tile's first row to the vector that swaps it in. `bias`: from the first row of
    parameters to a vector that loads them. `parameters`: from a command's last swap to the next
    rows of parameters. `drain`: from a vector to the end of its effects. `mode`: from another mode
    to a vector.
    """

    swap: int
    bias: int
    parameters: int
    drain: int
    mode: int


@cache
def gaps_of(p: Parameters) -> Gaps:
    """Distances between feeders, whose reads differ in latency, and datapath."""
    skew = Scratchpad.LATENCY - WeightScratchpad.LATENCY
    with unused_blocks():
        d = Datapath(p)
        drain = Scratchpad.LATENCY + d.latency + 4
        mode = d.mode_gap - Scratchpad.LATENCY
        gaps = Gaps(d.swap_gap - skew, d.load_gap - skew, d.param_gap + skew, drain, mode)
        del d
    return gaps


class Feeders(wiring.Component):
    """Weight feeder, activation feeder and reduction between a queue and nothing."""

    i: stream.Interface
    outputs: stream.Interface

    def __init__(self, parameters: Parameters) -> None:
        gaps = gaps_of(parameters)
        self.weights = WeightFeeder(parameters, parameter_gap=gaps.parameters)
        self.feeder = ActivationFeeder(parameters, drain=gaps.drain)
        self.reduction = Reduction(parameters)
        self.layout = layout = compute_layout(parameters)
        masks = {"held": In(len(Unit)), "take": Out(len(Unit)), "give": Out(len(Unit))}
        super().__init__(
            {
                "i": In(stream.Signature(layout)),
                "outputs": Out(stream.Signature(outputs_layout())),
                "halt": In(1),
                **masks,
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        weights, feeder, reduction_ = self.weights, self.feeder, self.reduction
        m.submodules += [weights, feeder, reduction_]
        m.submodules.queue = queue = Queue(self.layout, depth=2)
        wiring.connect(m, wiring.flipped(self.i), weights.i)
        wiring.connect(m, weights.o, queue.i)
        wiring.connect(m, queue.o, feeder.i)
        wiring.connect(m, feeder.outputs, wiring.flipped(self.outputs))
        m.d.comb += [
            weights.halt.eq(self.halt),
            feeder.halt.eq(self.halt),
            weights.held.eq(self.held[Unit.WEIGHT]),
            feeder.held.eq(self.held),
            weights.swap.eq(feeder.swap),
            feeder.weights_ready.eq(weights.ready),
            self.take.eq(feeder.take | (weights.take << Unit.WEIGHT)),
            self.give.eq(feeder.give),
            reduction_.setup.eq(feeder.setup),
            reduction_.operand_pitch.eq(feeder.setup_add.operand_pitch),
            reduction_.begin.eq(feeder.begin),
            reduction_.restart.eq(feeder.restart),
            reduction_.activation.eq(feeder.activation),
            reduction_.next.eq(feeder.reduction_next),
            feeder.reduction_ready.eq(reduction_.ready),
            feeder.reduction_a.eq(reduction_.a),
            feeder.reduction_b.eq(reduction_.b),
            feeder.reduction_split.eq(reduction_.split),
            feeder.reduction_used.eq(reduction_.used),
        ]
        return m


def walk_of(setup: Instruction, p: Parameters) -> Iterator[Pass]:
    """The passes of a SETUP, or the one of a mode without weights."""
    if mode_of(setup) in (Mode.MAX, Mode.ADD, Mode.MUL):
        return iter([Pass(0, 0, p.rows, 0, 0)])
    return reduction(geometry(setup), p.rows)


def in_force(setup: Instruction) -> dict[str, int]:
    """Fields as the units see them: a dense pixel is a window of one cell, a sum's one of two.

    A product's is one of two, too; with `broadcast`, windows overlap by the first of them.
    """
    window = ("window_height", "window_width", "stride_y", "stride_x")
    mode = mode_of(setup)
    if mode in (Mode.ADD, Mode.MUL):
        shared = ("step_x", "step_y", "zero_point", "low", "high")
        fields = {name: setup[name] for name in shared} | {"mode": Mode.ADD}
        stride = 1 if mode == Mode.MUL and setup["broadcast"] else 2
        return fields | dict(zip(window, (1, 2, 1, stride), strict=True))
    fields = {name: value for name, value in setup.fields.items() if name != "weight_width"}
    return fields | (dict.fromkeys(window, 1) if mode == Mode.DENSE else {})


def geometry(setup: Instruction) -> Geometry:
    """The reduction of a SETUP."""
    names = ("run", "taps", "tap_pitch", "lines", "line_pitch")
    packs = bool(setup["pack_taps"]), bool(setup["pack_lines"])
    return Geometry(*(setup[name] for name in names), *packs)


class Golden(NamedTuple):
    """A tile, the setup in force, and the rows of weights, reads and vectors due."""

    setup: Instruction
    compute: Instruction
    rows: list[WeightRow]
    reads: list[Read]
    vectors: list[Vector]


@dataclass
class Run:
    """Runs a program through the feeders and records what they did, by cycle."""

    parameters: Parameters
    program: list[Instruction]
    rate: str = "always"
    chance: float = 1.0
    rows: list[tuple[int, WeightRow]] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)  # codes, of each tile
    reads: list[tuple[int, Read]] = field(default_factory=list)
    vectors: list[tuple[int, Vector]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.block = block = Feeders(self.parameters)
        self.bench = bench = Bench(block, seed=1)
        product = self.parameters.product
        items = [command(i, product=product) for i in self.program]
        slow = self.rate if self.rate != "patient" else "random"
        self.source = bench.source(block.i, items, slow)
        self.outputs = bench.sink("outputs", block.outputs, self.rate)
        self.tokens = TokenBank(bench, block, self.chance, seed=2)
        weights, feeder = block.weights, block.feeder
        self._weights = [bench.watch(getattr(weights, n)) for n in ("row", "capture", "param")]
        self._read = bench.watch(weights.read_enable)
        self._width = bench.watch(weights.width) if self.parameters.narrow else None
        self._addresses = [bench.watch(getattr(feeder, name)) for name in ("a", "b", "split")]
        self._reads = bench.watch(feeder.read)
        self._vector = bench.watch(feeder.vector)
        self._work = [bench.watch(feeder.lanes), bench.watch(feeder.columns)]
        self.setup, self.setup_add = bench.watch(feeder.setup), bench.watch(feeder.setup_add)
        if product:
            self.setup_mul = bench.watch(feeder.setup_mul)
            self.multiplies = bench.watch(feeder.multiplies)
        self.running, self.drained = bench.watch(feeder.running), bench.watch(feeder.drained)
        self._waiting = bench.watch(feeder.i.valid)
        bench.each_cycle(self._record)

    def _record(self) -> None:
        cycle = self.bench.cycle
        if self._read.value:
            row = WeightRow(*(w.value for w in self._weights))
            self.rows.append((cycle, row))
            if row.capture:
                self.widths.append(self._width.value if self._width else 0)
        read, vector = self._reads.value, self._vector.value
        if read["valid"]:
            addresses = (watched.value for watched in self._addresses)
            self.reads.append((cycle, Read(*addresses, read["cell"], read["emit"])))
        if vector["valid"]:
            control = (vector[name] for name in Vector._fields[:-2])
            work = (watched.value for watched in self._work)
            self.vectors.append((cycle, Vector(*control, *work)))

    def finish(self, limit: int = 20_000) -> int:
        """Run until nothing is left to do; return the cycles it took."""
        return self.bench.run(
            lambda: (
                not self.source.items
                and self.bench.cycle > self.source.cycles[-1] + 8
                and not (self.running.value or self._waiting.value)
                and bool(self.drained.value)
            ),
            limit,
        )

    def golden(self) -> Iterator[Golden]:
        """What is due for each COMPUTE."""
        setup, walk = None, iter(())
        for step in self.program:
            if step.opcode in (Opcode.SETUP, Opcode.SETUP_ADD, Opcode.SETUP_MUL):
                setup = step
                continue
            assert setup is not None
            if step["first"]:
                walk: Iterator[Pass] = walk_of(setup, self.parameters)
            weighted = mode_of(setup) in (Mode.DENSE, Mode.DEPTHWISE)
            bits = WIDTHS[setup["weight_width"]] if weighted else 8
            rows = list(weight_feeder(step, self.parameters, bits)) if weighted else []
            issued = list(activation_feeder(setup, step, walk, self.parameters))
            reads = [read for read, _ in issued]
            yield Golden(setup, step, rows, reads, [v for _, v in issued if v is not None])

    def cycles_of(self, kind: str) -> np.ndarray:
        """Cycles of the vectors that have a control bit."""
        return np.array([cycle for cycle, vector in self.vectors if getattr(vector, kind)], int)
