"""Bugs planted in the hardware, each of which the random regression finds."""

from __future__ import annotations

import pytest
from planted import planted_netlist

from maccord.sim.build import Model
from maccord.sim.netlist import generated
from maccord.verify.regress.campaign import run_once
from maccord.verify.regress.configurations import CONFIGURATIONS
from maccord.verify.regress.harness import build_harness
from maccord.verify.regress.recipe import draw
from maccord.verify.regress.shrink import fails, shrunk

pytestmark = [pytest.mark.nightly, pytest.mark.usefixtures("quick_builds")]

NAME = "4x2"
MOST = 400  # runs in which each bug has to be found
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
                ("            m.d.comb += [\n"
                "                bank.write_enable.eq(placed_enables[index]),"),
                ("            m.d.sync += [\n"
                "                bank.write_enable.eq(placed_enables[index]),"),
            ),
        ),
    ),
}  # fmt: skip


def first_failure(model: Model) -> int:
    """Seed of the first run that fails, alone."""
    for seed in range(MOST):
        if fails(model, draw(seed, [NAME])):
            return seed
    raise AssertionError(f"nothing found in {MOST} runs")


@pytest.mark.parametrize("bug", PLANTED)
def test_the_regression_finds(bug: str) -> None:
    """It also shrinks the run, which passes on the accelerator without the bug."""
    parameters = CONFIGURATIONS[NAME]
    model = build_harness(planted_netlist(parameters, *PLANTED[bug]), parameters.axi_bytes)
    seed = first_failure(model)
    run = draw(seed, [NAME])
    smallest = shrunk(run, lambda smaller: bool(fails(model, smaller)), tries=60)
    assert fails(model, smallest)
    assert len(smallest["starts"]) <= len(run["starts"])
    print(f"{bug}: seed {seed}, {len(run['starts'])} starts, then {smallest['starts']}")
    sound = build_harness(generated(parameters), parameters.axi_bytes)
    assert run_once(sound, run)[2] == []
    assert run_once(sound, smallest)[2] == []
