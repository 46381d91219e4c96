"""The block `Reduction` steps through the golden passes, in two or three cycles each."""

from __future__ import annotations

import numpy as np
import pytest
from stream_bench import Bench

from maccord.golden.parameters import Parameters
from maccord.golden.reduction import Reduction as Geometry
from maccord.golden.reduction import reduction
from maccord.hw.reduction import Reduction

ADDRESSES = 1 << 24


def random_geometry(rng: np.random.Generator, rows: int) -> Geometry:
    """Any pitches and packing, runs shorter and longer than a vector, at times a large count."""
    run = int(rng.choice([1, rows - 1, rows, rows + 1, 2 * rows, rng.integers(1, 5 * rows)]))
    taps, lines = (int(rng.choice([1, 2, rng.integers(1, 8)])) for _ in range(2))
    if rng.random() < 0.1:
        taps, lines = (255, 1) if rng.random() < 0.5 else (1, 255)
    pitches = (int(rng.choice([0, run, rng.integers(1 << 12), ADDRESSES - 1])) for _ in range(2))
    tap_pitch, line_pitch = pitches
    packs = (bool(flag) for flag in rng.integers(2, size=2))
    return Geometry(run, taps, tap_pitch, lines, line_pitch, *packs)


@pytest.mark.parametrize("rows", [4, 5, 7, 16, 33, 64])
@pytest.mark.parametrize("seed", [0, 1])
def test_passes(seed: int, rows: int) -> None:
    """Walks are cut into tiles, which may continue from another origin; takers take their time."""
    rng = np.random.default_rng(seed)
    block = Reduction(Parameters(rows=rows))
    bench = Bench(block)
    names = ("a", "b", "split", "used", "ready")
    seen = {name: bench.watch(getattr(block, name)) for name in names}
    steps = []  # (geometry, restart, begin, origin, pass)
    for _ in range(6):
        geometry = random_geometry(rng, rows)
        origin = 0
        for index, step in enumerate(reduction(geometry, rows)):
            begins = index == 0 or rng.random() < 0.2
            if begins:
                origin = int(rng.choice([0, ADDRESSES - 1, rng.integers(1 << 20)]))
            steps.append((geometry, index == 0, begins, origin, step))
    compared: list[int] = []  # cycles
    asked = [0]

    def ask() -> None:
        """Drive what leads to the next pass: `begin` with a new origin, or `next`."""
        geometry, restart, begins, origin, _ = steps[len(compared)]
        for name in ("run", "taps", "tap_pitch", "lines", "line_pitch", "pack_taps", "pack_lines"):
            bench.drive(block.setup[name], getattr(geometry, name))
        bench.drive(block.begin, int(begins))
        bench.drive(block.restart, int(restart))
        bench.drive(block.activation, origin)
        bench.drive(block.next, int(not begins))
        asked[0] = bench.cycle + 1

    def cycle() -> None:
        bench.drive(block.begin, 0)
        bench.drive(block.next, 0)
        if bench.cycle <= asked[0] or not seen["ready"].value:
            return
        *_, origin, step = steps[len(compared)]
        if len(compared) == len(starts):
            starts.append(bench.cycle - asked[0])
        due = (origin + step.a) % ADDRESSES, (origin + step.b) % ADDRESSES, step.split, step.used
        assert tuple(seen[name].value for name in names[:4]) == due
        if rng.random() < 0.6:
            compared.append(bench.cycle)
            if len(compared) < len(steps):
                ask()

    starts: list[int] = []
    ask()
    bench.each_cycle(cycle)
    bench.run(lambda: len(compared) == len(steps))
    assert starts == [2 + (step.split < rows) for *_, step in steps]


@pytest.mark.parametrize("rows", [4, 12])
def test_ready_before_the_next_pass(rows: int) -> None:
    """Three cycles after `next` at the latest: before a pass of `rows` vectors has gone out."""
    block = Reduction(Parameters(rows=rows))
    bench = Bench(block)
    ready = bench.watch(block.ready)
    geometry = {"run": 3, "taps": 7, "tap_pitch": 100, "lines": 5, "line_pitch": 1000}
    bench.drive(block.setup, geometry | {"pack_taps": 1, "pack_lines": 1})
    bench.drive(block.begin, 1)
    bench.drive(block.restart, 1)

    def cycle() -> None:
        bench.drive(block.begin, 0)
        bench.drive(block.next, int(bench.cycle % 4 == 3))

    bench.each_cycle(cycle)
    bench.run(lambda: bench.cycle == 40)
    assert all(ready.values[3::4])
