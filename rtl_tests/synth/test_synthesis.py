"""Accelerators through the real tools: what they take, and how fast the smallest useful one is.

By day the datapath of the smallest alone, without place and route; by night whole accelerators.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from command import ROOT

from maccord.runtime.cache import Cache
from maccord.spec.parameters import Parameters
from maccord.synth.baseline import baseline, excesses, kept
from maccord.synth.flow import Options, synthesize
from maccord.synth.results import Synthesis
from maccord.synth.targets import target_named

CACHE = Cache(ROOT / "build" / "synth" / "cache")
COMPUTE = "accelerator.core.compute"
# Between streams; everything else that holds words is a scratchpad, an accumulator or a line
QUEUES = ".storage"


def test_the_smallest_datapath() -> None:
    """Each multiplier has its block, each accumulator its block RAM, and nothing is lost."""
    target = replace(target_named("ecp5-25k"), device="", package="")
    parameters = Parameters(**target.parameters, family="ecp5")
    result = synthesize(target, parameters, Options(unit="core.compute.datapath"), CACHE)
    assert result.lost == []
    due = blocks_due(result)
    assert {name: found["blocks"] for name, found in result.multipliers.items()} == due
    assert result.total["dsp"] == sum(due.values()) > 0
    assert {memory["kind"] for memory in result.memories.values()} == {"block RAM"}
    stored = sum(memory["words"] * memory["bits"] for memory in result.memories.values())
    assert stored == 32 * parameters.accumulators * parameters.cols
    assert result.total["bram"] == sum(memory["cells"] for memory in result.memories.values())


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["ecp5-25k", "ecp5-85k"])
def test_the_target_s_own_configuration(name: str) -> None:
    """The smaller one placed and routed, too; one test, for it takes minutes."""
    target = target_named(name)
    if name != "ecp5-25k":
        target = replace(target, device="", package="")
    parameters = Parameters(**target.parameters, family="ecp5")
    result = synthesize(target, parameters, Options(seeds=(1,)), CACHE)
    assert bool(result.placements) == (name == "ecp5-25k")
    nothing_is_lost_and_nothing_has_grown(result)
    multiplier_blocks_are_those_of_array_requantizers_and_adder(result)
    scratchpads_accumulators_and_lines_are_in_block_ram(result)


def nothing_is_lost_and_nothing_has_grown(result: Synthesis) -> None:
    assert result.lost == []
    figures = baseline(result)
    assert {"dsp", "bram", "lut", "ff", "mhz"} <= set(figures)
    assert excesses(result, figures) == []
    assert "no more than a tenth" in kept(result, figures)
    # The very same check notices growth of each, and a slower clock
    for name in ("dsp", "bram", "lut", "ff"):
        before = figures | {name: result.total[name] / 1.11}
        assert [text.split()[0] for text in excesses(result, before)] == [name.upper()]
    faster = excesses(result, figures | {"mhz": 400})
    assert [text.split()[:2] for text in faster] == [
        ["seed", str(run.seed)] for run in result.placements
    ]


def blocks_due(result: Synthesis) -> dict[str, int]:
    """Multiplier blocks of a datapath by the instance that has them."""
    p = result.parameters
    rows, cols, lanes = (int(p[name]) for name in ("rows", "cols", "lanes"))
    due = {f"{COMPUTE}.datapath.array.element_{i}_{j}": 1 for i in range(rows) for j in range(cols)}
    return due | {f"{COMPUTE}.datapath.requantizer_{lane}": 4 for lane in range(lanes)}


def multiplier_blocks_are_those_of_array_requantizers_and_adder(result: Synthesis) -> None:
    due = blocks_due(result) | {f"{COMPUTE}.adder": 2 * int(result.parameters["cols"])}
    assert {name: found["blocks"] for name, found in result.multipliers.items()} == due
    assert result.total["dsp"] == sum(due.values())


def scratchpads_accumulators_and_lines_are_in_block_ram(result: Synthesis) -> None:
    p = {name: int(value) for name, value in result.parameters.items() if name != "family"}
    stored = {name: memory for name, memory in result.memories.items() if not name.endswith(QUEUES)}
    assert {memory["kind"] for memory in stored.values()} == {"block RAM"}

    def bits(part: str) -> int:
        return sum(
            memory["words"] * memory["bits"]
            for name, memory in stored.items()
            if name.startswith(f"{COMPUTE}.{part}")
        )

    assert bits("activations.") == 8 * p["activation_bytes"]
    assert bits("results.") == 8 * p["output_bytes"]
    assert bits("weights.") == 8 * p["weight_bytes"]
    assert bits("datapath.accumulator_") == 32 * p["accumulators"] * p["cols"]
    assert bits("line_buffer.") == 2 * 8 * p["line_cells"] * p["cols"]
    cells = {name: memory["cells"] for name, memory in stored.items()}
    assert result.total["bram"] == sum(cells.values())
