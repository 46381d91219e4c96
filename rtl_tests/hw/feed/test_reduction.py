"""The block `Reduction` steps through the golden passes, each while the last one waits."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from stream_bench import Bench

from maccord.golden.feed.reduction import Reduction as Geometry
from maccord.golden.feed.reduction import reduction
from maccord.hw.feed.reduction import Reduction
from maccord.spec.parameters import Parameters

ADDRESSES = 1 << 22


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


class Pace:
    """When passes are ready: each is found while the one before waits to be taken.

    A pass goes on into a second run where its `split` is below `rows`.
    """

    def __init__(self) -> None:
        self._free = self._due = (
            0  # cycles from which on there is room for a pass, it is looked for
        )

    def restart(self, cycle: int) -> None:
        self._free, self._due = cycle + 1, cycle + 2

    def ready(self, wanted: int, second: bool) -> int:
        """Cycle in which the next pass is ready, which is wanted from a cycle on."""
        found = max(self._free, self._due)
        self._due = found + (4 if second else 2)
        filled = max(wanted, self._due - 1)
        self._free = filled + 1
        return filled + 1


@pytest.mark.parametrize("rows", [4, 5, 7, 16, 33, 64])
@pytest.mark.parametrize("seed", [0, 1])
def test_passes(seed: int, rows: int) -> None:
    """Walks are cut into tiles, which may continue from another origin; takers take their time."""
    rng = np.random.default_rng(seed)
    block = Reduction(Parameters(rows=rows, activation_bytes=ADDRESSES))
    bench = Bench(block)
    names = ("a", "b", "split", "used", "ready")
    seen = {name: bench.watch(getattr(block, name)) for name in names}
    steps = []  # (geometry, operand_pitch, restart, begin, origin, pass)
    for _ in range(6):
        geometry = random_geometry(rng, rows)
        pitch = int(rng.choice([0, rng.integers(ADDRESSES)]))
        origin = 0
        for index, step in enumerate(reduction(geometry, rows)):
            begins = index == 0 or rng.random() < 0.2
            if begins:
                origin = int(rng.choice([0, ADDRESSES - 1, rng.integers(1 << 20)]))
            steps.append((geometry, pitch, index == 0, begins, origin, step))
    compared: list[int] = []  # cycles
    asked, set_up_in = [0], [0]
    pace, ready = Pace(), [0]

    def ask() -> None:
        """Drive what leads to the next pass: `begin` with a new origin, or `next`."""
        *_, restart, begins, origin, step = steps[len(compared)]
        bench.drive(block.begin, int(begins))
        bench.drive(block.restart, int(restart))
        bench.drive(block.activation, origin)
        bench.drive(block.next, int(not begins))
        asked[0] = bench.cycle + 1
        if restart:
            pace.restart(asked[0])
        ready[0] = pace.ready(asked[0] + (2 if begins else 0), step.split < rows)

    def set_up() -> None:
        """Drive the geometry, in the cycle before it is needed."""
        geometry, pitch, *_ = steps[len(compared)]
        for name in ("run", "taps", "tap_pitch", "lines", "line_pitch", "pack_taps", "pack_lines"):
            bench.drive(block.setup[name], getattr(geometry, name))
        bench.drive(block.operand_pitch, pitch)
        set_up_in[0] = asked[0] = bench.cycle + 1

    def cycle() -> None:
        bench.drive(block.begin, 0)
        bench.drive(block.next, 0)
        if len(compared) == len(starts):
            if set_up_in[0] == bench.cycle:
                ask()
            if bench.cycle <= asked[0] or not seen["ready"].value:
                return
            starts.append(bench.cycle)
            due.append(ready[0])
        _, pitch, _, _, origin, step = steps[len(compared)]
        expected = (
            (origin + step.a) % ADDRESSES,
            (origin + step.b + pitch) % ADDRESSES,
            step.split,
            step.used,
        )
        assert tuple(seen[name].value for name in names[:4]) == expected
        if rng.random() < 0.6:
            compared.append(bench.cycle)
            if len(compared) == len(steps):
                return
            if steps[len(compared)][2]:
                set_up()
            else:
                ask()

    starts: list[int] = []
    due: list[int] = []
    set_up()
    bench.each_cycle(cycle)
    bench.run(lambda: len(compared) == len(steps))
    assert starts == due


@pytest.mark.parametrize("rows", [4, 12])
def test_ready_before_the_next_pass(rows: int) -> None:
    """Ready again two cycles after `next`, though each pass has a second run to find."""
    block = Reduction(Parameters(rows=rows))
    bench = Bench(block)
    names = ("a", "b", "split", "used", "ready")
    seen = [bench.watch(getattr(block, name)) for name in names]
    geometry = Geometry(3, 7, 100, 5, 1000, pack_taps=True, pack_lines=True)
    for name, value in asdict(geometry).items():
        bench.drive(block.setup[name], value)
    bench.drive(block.restart, 1)

    def cycle() -> None:
        bench.drive(block.begin, int(bench.cycle == 0))
        bench.drive(block.next, int(bench.cycle % 4 == 0 and bench.cycle >= 8))

    bench.each_cycle(cycle)
    bench.run(lambda: bench.cycle == 40)
    found = list(zip(*(each.values for each in seen), strict=True))
    passes = [
        (step.a, step.b % (1 << 17), step.split, step.used) for step in reduction(geometry, rows)
    ]
    assert found[9::4] == [(*each, 1) for each in passes[: len(found[9::4])]]
    assert [each[-1] for each in found[9:]] == [cycle % 4 != 2 for cycle in range(9, len(found))]
