"""Bugs planted in the hardware, each of which the random regression finds."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import pytest
from planted import planted_netlist

from maccord.sim.build import Model
from maccord.sim.netlist import generated
from maccord.verify.regress.configurations import CONFIGURATIONS
from maccord.verify.regress.harness import build_harness, play
from maccord.verify.regress.judge import faults
from maccord.verify.regress.recipe import Recipe, draw
from maccord.verify.regress.shrink import fails, shrunk
from maccord.verify.regress.starts import Start, build

pytestmark = [pytest.mark.nightly, pytest.mark.usefixtures("quick_builds")]

NAME = "4x2"
MOST, BATCH = 400, 20  # runs in which each bug has to be found
Changes = tuple[tuple[str, str], ...]
PLANTED: dict[str, tuple[str, Changes]] = {
    "off by one in the address walk at the last row": (
        "maccord.hw.memory.beats",
        (
            (
                "buffer.eq(buffer + rows.buffer_pitch),",
                "buffer.eq(buffer + rows.buffer_pitch + (after == 0)),",
            ),
        ),
    ),
    "half rounded up": (
        "maccord.hw.array.requantize",
        (
            (
                "up = round_even(fixed[4], fixed[3], sticky | fixed[:3].any())",
                "up = (fixed[3] & (~negative | sticky | fixed[:3].any()))",
            ),
        ),
    ),
    "a beat lost under a rare stall": (
        "maccord.hw.accelerator",
        (
            (
                "beat.ready.eq(self.m_axi_wready),",
                "beat.ready.eq(self.m_axi_wready | (stuck == 31)),",
            ),
            (
                "offset, beat = core.write_request, core.write_data\n",
                ("offset, beat = core.write_request, core.write_data\n"
                "        from amaranth import Mux, Signal\n"
                "        stuck = Signal(6)\n"
                "        waits = beat.valid & ~self.m_axi_wready\n"
                "        m.d.sync += stuck.eq(Mux(waits, stuck + 1, 0))\n"),
            ),
        ),
    ),
    "a wrong zero point in padding": (
        "maccord.hw.memory.loader",
        (("kind.value.eq(fields.value),",
                "kind.value.eq(Mux(fields.value == 127, 126, fields.value)),",
),),
    ),
    "a token given twice": (
        "maccord.hw.control.tokens",
        (("count + give - take", "count + give + (give & take) - take"),),
    ),
    "a stale weight after an abort": (
        "maccord.hw.feed.weight_feeder",
        (
            (
                "loading, waiting = Signal(), Signal()  # a tile",
                "loading, waiting = Signal(), Signal(reset_less=True)  # a tile",
            ),
        ),
    ),
    "a scratchpad write one cycle late": (
        "maccord.hw.memory.scratchpad",
        (
            (
                "bank.write_enable.eq(placed_enables[index]),",
                "bank.write_enable.eq(late[index]),",
            ),
            (
                "        # Cycle 3: write\n",
                "        late = Signal(self.banks)\n        m.d.sync += late.eq(placed_enables)\n",
            ),
        ),
    ),
}  # fmt: skip


@cache
def batch(first: int) -> list[tuple[Recipe, list[Start]]]:
    """Runs that any accelerator of these parameters must pass, built once for all bugs."""
    found: list[tuple[Recipe, list[Start]]] = []
    for seed in range(first, first + BATCH):
        with suppress(ValueError):  # too large for it
            found.append((draw(seed, [NAME]), build(draw(seed, [NAME]))))
    return found


def first_failure(model: Model) -> Recipe:
    """The first run that fails, one after the other in the same process."""
    for first in range(0, MOST, BATCH):
        runs = batch(first)
        ends = iter(play(model, [start.step for _, starts in runs for start in starts]))
        for run, starts in runs:
            wrong = [fault for start in starts for fault in faults(start, next(ends))]
            if wrong:
                print(f"seed {run['seed']}: {wrong[0]}")
                return run
    raise AssertionError(f"nothing found in {MOST} runs")


def sound() -> Model:
    parameters = CONFIGURATIONS[NAME]
    return build_harness(generated(parameters), parameters.axi_bytes)


def broken(bug: str) -> Model:
    parameters = CONFIGURATIONS[NAME]
    return build_harness(planted_netlist(parameters, *PLANTED[bug]), parameters.axi_bytes)


@pytest.mark.parametrize("bug", PLANTED)
def test_the_regression_finds(bug: str) -> None:
    """In a run that fails by itself, and passes on the accelerator without the bug."""
    model = broken(bug)
    run = first_failure(model)
    assert fails(model, run)
    assert fails(sound(), run) == []


def test_a_found_bug_shrinks_to_its_layer() -> None:
    """One start is left, of few pixels and channels, on a memory that does not stall."""
    model = broken("half rounded up")
    run = first_failure(model)
    smallest = shrunk(run, lambda smaller: bool(fails(model, smaller)))
    print(smallest)
    assert fails(model, smallest)
    assert fails(sound(), smallest) == []
    (start,) = smallest["starts"]
    assert smallest["memory"]["stall"] == 0
    assert start["disturb"] == "none"
    network = build(smallest)[0].network
    assert network
    assert len(network.nodes) == 1
    assert network.tensors[network.output].shape[-1] <= 2
