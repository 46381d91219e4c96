"""Weight feeder and activation feeder together: golden rows and vectors, as close as is legal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, Value
from feeder_programs import (
    ARRAYS,
    PRODUCT_SHAPES,
    SHAPES,
    parameters,
    random_program,
    random_window,
    tile,
)
from feeders import Golden, Run, gaps_of, in_force
from unit_bench import instruction

from maccord.golden.feed.cell_walker import mode_of
from maccord.hw.array.accumulator import Accumulator
from maccord.hw.feed.weight_feeder import WeightFeeder
from maccord.spec.isa import PARAMETER_ROWS, Instruction, Mode, Opcode, Unit
from maccord.spec.parameters import Parameters
from maccord.spec.weight_widths import WIDTH_CODES, WIDTHS, packed_rows, tile_cycles


def check(run: Run) -> None:
    """What is issued is what the golden model says, at distances that the datapath allows."""
    p, gaps = run.parameters, gaps_of(run.parameters)
    golden = list(run.golden())
    assert [row for _, row in run.rows] == [row for due in golden for row in due.rows]
    assert [read for _, read in run.reads] == [read for due in golden for read in due.reads]
    assert [v for _, v in run.vectors] == [v for due in golden for v in due.vectors]

    row_cycles = np.array([cycle for cycle, _ in run.rows])
    captures = np.flatnonzero([row.capture for _, row in run.rows])
    capture, swap = row_cycles[captures], run.cycles_of("swap")
    assert len(capture) == len(swap)
    due = [due for due in golden for _ in range(due.compute["passes"]) if due.rows]
    assert run.widths == [pass_.setup["weight_width"] for pass_ in due]
    tiles = np.array([packed_rows(p.rows, WIDTHS[code]) for code in run.widths], int)
    assert (swap >= capture + gaps.swap - p.rows + tiles).all()
    assert (capture[1:] >= swap[:-1] + 1).all()
    for start, rows in zip(captures, tiles, strict=True):
        assert np.diff(row_cycles[start : start + rows]).tolist() == [1] * (rows - 1)

    parameter_rows = np.flatnonzero([row.param for _, row in run.rows]).reshape(-1, PARAMETER_ROWS)
    loaded = row_cycles[parameter_rows]
    assert (np.diff(loaded, axis=1) == 1).all()
    assert (run.cycles_of("load_bias") >= loaded[:, 0] + gaps.bias).all()
    assert (run.cycles_of("load_multiplier")[:-1] + gaps.parameters <= loaded[1:, 0]).all()

    last = run.cycles_of("last")
    assert (np.diff(last) >= p.columns_per_lane).all()
    for pass_ in depthwise_passes(run, golden):
        assert (np.diff(pass_) == 1).all()
    for products in emitted(run, golden, Mode.MUL):
        assert (np.diff(products) >= p.columns_per_lane).all()
    latest: dict[int, int] = {}
    for cycle, vector in run.vectors:
        assert cycle >= latest.get(vector.address, -9) + Accumulator.ADDRESS_GAP or vector.first
        latest[vector.address] = cycle


def depthwise_passes(run: Run, golden: list[Golden]) -> Iterator[np.ndarray]:
    """Cycles of the reads of each pass whose lines the array needs without a pause."""
    cycles = np.array([cycle for cycle, _ in run.reads])
    start = 0
    for due in golden:
        if mode_of(due.setup) == Mode.DEPTHWISE:
            yield from np.split(cycles[start : start + len(due.reads)], due.compute["passes"])
        start += len(due.reads)


def emitted(run: Run, golden: list[Golden], mode: Mode) -> Iterator[np.ndarray]:
    """Cycles of the reads that complete the windows of each tile of a mode."""
    start = 0
    for due in golden:
        reads = run.reads[start : start + len(due.reads)]
        start += len(reads)
        if mode_of(due.setup) == mode:
            yield np.array([cycle for cycle, read in reads if read.emit])


def ends(run: Run) -> list[int]:
    """Cycle of each command's last read."""
    counts = np.cumsum([len(due.reads) for due in run.golden()])
    return [run.reads[count - 1][0] for count in counts]


@pytest.mark.parametrize("rate", ["always", "patient"])
@pytest.mark.parametrize("p", ARRAYS, ids=lambda p: p.name)
def test_random_programs(p: Parameters, rate: str) -> None:
    run = Run(p, random_program(seed=1, p=p), rate, chance=1.0 if rate == "always" else 0.02)
    run.finish()
    check(run)
    computes = [due.compute for due in run.golden()]
    due = [(end, c.signal & ~8) for end, c in zip(ends(run), computes, strict=True)]
    assert run.tokens.given == [(cycle, mask) for cycle, mask in due if mask]
    for unit in Unit:
        taken = sum(mask >> unit & 1 for _, mask in run.tokens.taken)
        assert taken == sum(c.wait >> unit & 1 for c in computes)
    names = ("output", "output_pitch", "columns", "width", "height")
    placed = [
        {name: c[name] for name in names} | {"signal": c.signal & 8} for c in computes if c["last"]
    ]
    assert run.outputs.items == placed


@pytest.mark.parametrize("p", ARRAYS, ids=lambda p: p.name)
def test_geometry_changes_between_vectors(p: Parameters) -> None:
    """A vector meets its SETUP from its issue until all it leads to is done."""
    run = Run(p, random_program(seed=2, p=p))
    run.finish()
    drain, seen = gaps_of(p).drain, run.setup.values
    due = [golden.setup for golden in run.golden() for _ in golden.reads]
    for (cycle, _), setup in zip(run.reads, due, strict=True):
        for values in seen[cycle], seen[min(cycle + drain, len(seen) - 1)]:
            assert values == values | in_force(setup)
        if setup.opcode == Opcode.SETUP_ADD:
            has = setup.fields.items() if p.half_up else setup.fields.items() - {("half_up", 0)}
            assert run.setup_add.values[cycle] == dict(has)
        if setup.opcode == Opcode.SETUP_MUL:
            for when in (cycle, min(cycle + drain, len(seen) - 1)):
                assert run.setup_mul.values[when] == setup.fields
        if p.product:
            assert run.multiplies.values[cycle] == (setup.opcode == Opcode.SETUP_MUL)
    for cycle, _ in run.vectors:
        assert seen[max(cycle - gaps_of(p).mode, 0)]["mode"] == seen[cycle]["mode"]


def long_walk(rows: int, passes: int) -> Instruction:
    return instruction(Opcode.SETUP, run=rows * passes, taps=1, lines=1, step_x=1, step_y=9)


@pytest.mark.parametrize("pixels", [1, 4, 20])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_passes_follow_each_other(shape: tuple[int, ...], pixels: int) -> None:
    """Every `rows` cycles, or without a gap when a pass has more pixels; one tile, many passes."""
    p = parameters(shape)
    rng = np.random.default_rng(1)
    program = [long_walk(p.rows, 6), *tile(rng, p, [6], pixels, 1)]
    run = Run(p, program)
    run.finish()
    check(run)
    assert np.diff(run.cycles_of("swap")).tolist() == [max(p.rows, pixels)] * 5
    last = run.cycles_of("last")
    assert np.diff(last).tolist() == [p.columns_per_lane] * (pixels - 1)
    if pixels >= p.rows:
        cycles = [cycle for cycle, _ in run.vectors]
        assert np.diff(cycles[: -pixels + 1]).tolist() == [1] * (5 * pixels)


@pytest.mark.parametrize("pixels", [1, 4, 20])
@pytest.mark.parametrize("bits", [4, 2])
@pytest.mark.parametrize("shape", [(4, 4, 4), (9, 4, 4), (16, 16, 2), (18, 4, 4)], ids=str)
def test_passes_with_packed_weights_follow_each_other(
    shape: tuple[int, ...], bits: int, pixels: int
) -> None:
    """Every ceil(rows / n) cycles, four at least, or without a gap when a pass has more pixels."""
    p = replace(parameters(shape), narrow=True)
    setup = long_walk(p.rows, 6)
    setup = replace(setup, fields=setup.fields | {"weight_width": WIDTH_CODES[bits]})
    run = Run(p, [setup, *tile(np.random.default_rng(1), p, [6], pixels, 1)])
    run.finish()
    check(run)
    expected = max(tile_cycles(p.rows, bits), pixels)
    assert np.diff(run.cycles_of("swap")).tolist() == [expected] * 5


def check_to_the_end(run: Run) -> None:
    run.finish()
    check(run)


def test_a_stale_width_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feeder that goes by the width before a SETUP's reads other rows, which `check` finds."""

    def stale(self: WeightFeeder, m: Module, start: Signal, width: Value) -> Value:
        loaded, last, before = Signal(2), Signal(2), Signal(2)
        m.d.sync += last.eq(width)
        with m.If(last != width):
            m.d.sync += before.eq(last)
        with m.If(start):
            m.d.sync += loaded.eq(before)
        m.d.sync += self.width.eq(loaded)
        return loaded

    p = replace(parameters((9, 4, 4)), narrow=True)
    program = random_program(seed=1, p=p)
    monkeypatch.setattr(WeightFeeder, "_latch", stale)
    run = Run(p, program)
    with pytest.raises(AssertionError):
        check_to_the_end(run)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_one_pixel_tiles(shape: tuple[int, ...]) -> None:
    """The tightest case: a pass a tile, a pixel a pass, new parameters for each."""
    p = parameters(shape)
    rng = np.random.default_rng(1)
    program = [long_walk(p.rows, 1)]
    program += [step for _ in range(10) for step in tile(rng, p, [1], 1, 1)]
    run = Run(p, program)
    run.finish()
    check(run)
    # Parameters, a tile of weights, and what lies between a swap and the next parameters.
    gap = gaps_of(p).parameters + PARAMETER_ROWS + p.rows
    assert np.diff(run.cycles_of("swap")).tolist() == [gap] * 9


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_long_tiles_hide_the_next_ones_weights(shape: tuple[int, ...]) -> None:
    """Between the last vector of a long tile and the next, of other shape: no idle cycle."""
    p = parameters(shape)
    rng = np.random.default_rng(1)
    program = [long_walk(p.rows, 3)]
    sizes = [(20, 2), (1, 40), (5, 8), (40, 1)]
    program += [step for size in sizes for step in tile(rng, p, [3], *size)]
    run = Run(p, program)
    run.finish()
    check(run)
    first = run.cycles_of("load_bias")[1:]
    gaps = first - np.array(ends(run))[:-1]
    assert gaps.tolist() == [p.columns_per_lane] * 3


@pytest.mark.parametrize("mode", [Mode.MAX, Mode.ADD])
@pytest.mark.parametrize("shape", [(4, 4, 4), (4, 12, 2)], ids=str)
def test_tiles_without_weights_follow_each_other(shape: tuple[int, ...], mode: Mode) -> None:
    """Not one idle cycle between tiles of seven cells or more."""
    p = parameters(shape)
    rng = np.random.default_rng(1)
    setup = random_window(rng, p, mode)
    sizes = [(7, 1), (4, 2), (5, 4), (2, 4), (4, 3)]
    program = [setup, *(step for size in sizes for step in tile(rng, p, [1], *size))]
    run = Run(p, program)
    run.finish()
    check(run)
    assert not run.rows and not run.vectors
    assert np.unique(np.diff([cycle for cycle, _ in run.reads])).tolist() == [1]


@pytest.mark.parametrize("broadcast", [0, 1])
@pytest.mark.parametrize("shape", PRODUCT_SHAPES, ids=str)
def test_products_wait_for_requantizers(shape: tuple[int, int, int], broadcast: int) -> None:
    """One product in as many cycles as a lane has columns; without `broadcast`, in two at least."""
    p = replace(parameters(shape), product=True)
    rng = np.random.default_rng(1)
    setup = random_window(rng, p, Mode.MUL)
    setup = replace(setup, fields=setup.fields | {"broadcast": broadcast})
    run = Run(p, [setup, *tile(rng, p, [1], 20, 1)])
    run.finish()
    check(run)
    (cycles,) = emitted(run, list(run.golden()), Mode.MUL)
    assert np.diff(cycles).tolist() == [max(p.columns_per_lane, 2 - broadcast)] * 19


@pytest.mark.parametrize("field", ["passes", "first", "last"])
@pytest.mark.parametrize("mode", [Mode.MAX, Mode.ADD])
def test_modes_without_weights_know_one_pass(mode: Mode, field: str) -> None:
    """Whatever a COMPUTE says: it ends, and its outputs find their place."""
    p = parameters((4, 4, 4))
    rng = np.random.default_rng(1)
    (good,) = tile(rng, p, [1], 3, 2)
    value = 7 if field == "passes" else 0
    bad = Instruction(Opcode.COMPUTE, good.fields | {field: value})
    setup = random_window(rng, p, mode)
    runs = [Run(p, [setup, step, setup, step]) for step in (good, bad)]
    for run in runs:
        run.finish()
    assert [read for _, read in runs[0].reads] == [read for _, read in runs[1].reads]
    assert len(runs[0].outputs.items) == len(runs[1].outputs.items) == 2


@pytest.mark.parametrize("seed", range(4))
def test_halt(seed: int) -> None:
    """After `halt`, no command starts; what has started ends as it should."""
    p = parameters((4, 12, 2))
    run = Run(p, random_program(seed, p), chance=0.3)
    stop = 60 + 40 * seed
    run.bench.each_cycle(lambda: run.bench.drive(run.block.halt, int(run.bench.cycle >= stop)))
    run.bench.run(lambda: run.bench.cycle > stop + 700 and not run.running.value)
    golden = list(run.golden())
    reads = [read for due in golden for read in due.reads]
    issued = [read for _, read in run.reads]
    assert 0 < len(issued) < len(reads)
    assert issued == reads[: len(issued)]
    assert len(issued) in np.cumsum([len(due.reads) for due in golden])
    # What was decided on when `halt` came takes its tokens two cycles later; the command that the
    # weight feeder offered by then stays on offer, as a stream's payload must.
    late = [mask for cycle, mask in run.tokens.taken if cycle > stop + 2]
    assert late in ([], [1 << Unit.WEIGHT])


@pytest.mark.parametrize("stop", [30, 70, 100, 110, 120])
def test_halt_before_the_next_weights(stop: int) -> None:
    """The weight feeder takes no further command either, though it has nothing left to do."""
    p = parameters((4, 4, 4))
    rng = np.random.default_rng(1)
    program = [long_walk(p.rows, 1), *(s for _ in range(9) for s in tile(rng, p, [1], 64, 1))]
    run = Run(p, program)
    run.bench.each_cycle(lambda: run.bench.drive(run.block.halt, int(run.bench.cycle >= stop)))
    run.bench.run(lambda: run.bench.cycle == stop + 200)
    assert run.source.cycles[-1] <= stop
    assert len(run.source.cycles) < len(program)
    assert not run.running.value
