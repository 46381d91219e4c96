"""Each step of a synthesis is done once, and what came out is checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from toy_synthesis import cell, described, mapped, timed

from maccord.runtime.cache import Cache, digest
from maccord.runtime.errors import SimulationError
from maccord.spec.parameters import Parameters
from maccord.synth import flow, tools
from maccord.synth.flow import Options, synthesize
from maccord.synth.results import Synthesis
from maccord.synth.targets import TARGETS, target_named

PARAMETERS = Parameters(rows=4, cols=2)
DESIGN = "module \\top\nmodule \\top.accelerator\n"


class FakeTools:
    """Stands for the tools: notes what is run, and writes what they would."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.scripts: list[str] = []
        self.arguments: list[tuple[str, ...]] = []
        self.versions = {"yosys": "0.70", "nextpnr": "0.11"}
        self.storage = "DP16KD"
        self.more = 0

    def find(self, *wanted: tools.Tool) -> dict[str, str]:
        return {tool.name: self.versions[tool.name] for tool in wanted}

    def run(
        self, jobs: Sequence[tools.Job], at_once: int, show: Callable[[str], None]
    ) -> Iterator[tools.Job]:
        for job in jobs:
            self.ran.append(job.label)
            self.arguments.append(job.arguments)
            if job.tool is tools.YOSYS:
                self.scripts.append((job.folder / "script.ys").read_text())
                generic = described()
                element = generic["modules"]["top.element"]["cells"]
                element |= {f"own_{i}": cell("MULT18X18D") for i in range(2 * self.more)}
                (job.folder / "generic.json").write_text(json.dumps(generic))
                netlist = json.dumps(mapped(self.storage))
                if "synth_xilinx" in self.scripts[-1]:
                    netlist = netlist.replace("MULT18X18D", "DSP48E1").replace("DP16KD", "RAMB18E1")
                (job.folder / "netlist.json").write_text(netlist)
            else:
                (job.folder / "report.json").write_text(json.dumps(timed()))
            yield job


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTools:
    fake = FakeTools()
    monkeypatch.setattr(flow.tools, "find", fake.find)
    monkeypatch.setattr(flow.tools, "run", fake.run)
    monkeypatch.setattr(flow, "_design", lambda parameters, cache, show: DESIGN)
    return fake


def synthesized(
    folder: Path, target: str = "ecp5-85k", parameters: Parameters = PARAMETERS, **options: object
) -> Synthesis:
    chosen = Options(**{"seeds": (1, 2), **options})  # type: ignore[arg-type]
    return synthesize(TARGETS[target], parameters, chosen, Cache(folder))


def test_blocks_sum_to_the_total(fake: FakeTools, tmp_path: Path) -> None:
    result = synthesized(tmp_path)
    assert result.resources["array"] == {"dsp": 1}
    assert result.total == {"dsp": 1, "lut": 5, "ff": 2, "bram": 1}
    assert result.fmax_mhz == [80.0, 80.0]
    assert result.lost == []


def test_nothing_runs_twice(fake: FakeTools, tmp_path: Path) -> None:
    first = synthesized(tmp_path)
    assert fake.ran == ["synthesis", "seed 1", "seed 2"]
    assert synthesized(tmp_path) == first
    assert len(fake.ran) == 3


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"seeds": (1, 3)}, ["seed 3"]),
        ({"speed": 7}, ["seed 1", "seed 2"]),
        ({"mhz": 100.0}, ["seed 1", "seed 2"]),
        ({"target": "ecp5-45k"}, ["seed 1", "seed 2"]),
        ({"target": "xc7"}, ["synthesis"]),
        ({"jobs": 2}, []),
    ],
    ids=str,
)
def test_only_what_changed_runs_again(
    fake: FakeTools, tmp_path: Path, change: dict, again: list[str]
) -> None:
    first = synthesized(tmp_path)
    fake.ran.clear()
    second = synthesized(tmp_path, **change)
    assert fake.ran == again
    assert (second.digest == first.digest) == (not again)


@pytest.mark.parametrize("tool", ["yosys", "nextpnr"])
def test_a_new_version_of_a_tool_runs_again(fake: FakeTools, tmp_path: Path, tool: str) -> None:
    synthesized(tmp_path)
    fake.ran.clear()
    fake.versions[tool] = "9"
    synthesized(tmp_path)
    assert fake.ran == ["synthesis"] * (tool == "yosys") + ["seed 1", "seed 2"]


def test_a_cut_off_file_is_made_again(fake: FakeTools, tmp_path: Path) -> None:
    synthesized(tmp_path)
    fake.ran.clear()
    netlist = next(tmp_path.glob("*netlist.json.gz"))
    netlist.write_bytes(netlist.read_bytes()[:-9])
    synthesized(tmp_path)
    assert fake.ran == ["synthesis"]


def test_cells_are_marked_with_their_modules(fake: FakeTools, tmp_path: Path) -> None:
    synthesized(tmp_path)
    assert 'setattr -set src "@top.accelerator@" top.accelerator/c:*' in fake.scripts[0]


def test_place_and_route_is_told_the_device(fake: FakeTools, tmp_path: Path) -> None:
    synthesized(tmp_path, speed=8, mhz=150.0)
    said = " ".join(fake.arguments[1])
    for words in ("--85k", "--package CABGA756", "--speed 8", "--freq 150.0", "--seed 1"):
        assert words in said


def test_a_memory_that_is_trimmed_fails(fake: FakeTools, tmp_path: Path) -> None:
    fake.storage = "LUT4"
    with pytest.raises(SimulationError, match=r"has lost accelerator\.core\.fetch\.storage"):
        synthesized(tmp_path)


def test_a_cell_that_is_trimmed_fails(fake: FakeTools, tmp_path: Path) -> None:
    """One more multiplier is instantiated than is left."""
    fake.more = 1
    with pytest.raises(SimulationError, match=r"has lost accelerator\.core\..*element_0_0$"):
        synthesized(tmp_path)


def test_a_design_that_does_not_fit_is_not_placed(
    fake: FakeTools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TARGETS["ecp5-85k"].available, "lut", 2)
    with pytest.raises(ValueError, match="must fit ecp5-85k, but takes 5 LUT of 2"):
        synthesized(tmp_path)
    assert fake.ran == ["synthesis"]


def test_every_target_has_a_configuration() -> None:
    for target in TARGETS.values():
        Parameters(**target.parameters)
        assert target_named(target.name) is target


def test_an_unknown_target_is_named() -> None:
    with pytest.raises(ValueError, match=r"must be one of ecp5-25k, .*, asic, got 'ice40'"):
        target_named("ice40")


def test_digests_keep_texts_apart() -> None:
    assert digest("ab", "c") != digest("a", "bc")
