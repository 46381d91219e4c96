"""One point of a sweep: what is measured in which order, and what may go wrong with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from explore_tasks import network, recording
from toy_synthesis import described, mapped, timed

from maccord.runtime.errors import SimulationError, ToolchainError
from maccord.spec.parameters import Parameters
from maccord.synth import explore_point
from maccord.synth.explore_cycles import Cycles, Mismatch
from maccord.synth.explore_point import Measurement, Row, cost, measure
from maccord.synth.flow import Options, _counted
from maccord.synth.netlist_cells import hierarchy, owners
from maccord.synth.results import Synthesis
from maccord.synth.targets import TARGETS, Target
from maccord.synth.timing import placement

PARAMETERS = Parameters(rows=4, cols=2)
MODEL = Cycles(2_000_000, 8_000_000, {"array": 3.0, "reads": 1.0})


class Stand:
    """Stands for the model, synthesis and simulation; notes what was asked for."""

    def __init__(self) -> None:
        self.placed: list[bool] = []
        self.fmax = {1: 80.0, 2: 75.0}
        self.error: Exception | None = None  # of place and route
        self.model: Cycles | Exception = MODEL
        self.rtl: int | Exception = 2_100_000

    def modelled(self, *arguments: object) -> Cycles:
        return _given(self.model)

    def simulated(self, *arguments: object) -> int:
        return _given(self.rtl)

    def synthesize(
        self, target: Target, parameters: Parameters, options: Options, cache: object
    ) -> Synthesis:
        self.placed.append(target.placed)
        found = owners(mapped(), design := hierarchy(described()))
        result = _counted(target, parameters, design, found, set())
        if target.placed and self.error:
            raise self.error
        runs = [placement(timed(self.fmax[seed]), seed, found) for seed in options.seeds]
        return replace(result, digest="d", placements=tuple(runs) if target.placed else ())


def _given(answer):
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    stand = Stand()
    for name in ("modelled", "simulated", "synthesize"):
        monkeypatch.setattr(explore_point, name, getattr(stand, name))
    return stand


def task(target: str = "ecp5-85k", *, place: bool = True, rtl: bool = False) -> Measurement:
    return Measurement(
        Row("4x2", {}), PARAMETERS, TARGETS[target], Options((1, 2), mhz=50.0), place,
        network(), "n", 3, recording() if rtl else None, Path("unused"),
    )  # fmt: skip


def test_frames_are_those_of_the_worst_seed(stand: Stand) -> None:
    row = measure(task())
    assert row.status == "ok"
    assert (row.fmax_mhz, row.clock_mhz) == ((80.0, 75.0), 75.0)
    assert row.frames_per_second == 3 * 75e6 / 2_000_000
    assert row.utilization == 8_000_000 / (8 * 2_000_000)
    assert (row.cycles, row.model_cycles, row.bound, row.share) == (2_000_000,) * 2 + (
        "array",
        0.75,
    )
    assert row.resources == {"dsp": 1, "lut": 5, "ff": 2, "bram": 1}
    assert row.percent["dsp"] == pytest.approx(100 / 156)


@pytest.mark.parametrize(("target", "place"), [("ecp5-85k", False), ("xc7", True)])
def test_without_place_and_route_the_clock_is_given(stand: Stand, target: str, place: bool) -> None:
    row = measure(task(target, place=place))
    assert (row.fmax_mhz, row.clock_mhz, row.frames_per_second) == ((), 50.0, 75.0)
    assert stand.placed == [False]


def test_the_rtl_counts_where_it_was_asked_for(stand: Stand) -> None:
    row = measure(task(rtl=True))
    assert (row.cycles, row.model_cycles) == (2_100_000, 2_000_000)
    assert row.frames_per_second == 3 * 75e6 / 2_100_000


def test_a_network_that_cannot_run_is_not_synthesized(stand: Stand) -> None:
    stand.model = ValueError("conv needs more")
    row = measure(task())
    assert (row.status, row.reason, stand.placed) == ("cannot run", "conv needs more", [])


def test_what_does_not_fit_says_how_much_it_takes_and_is_not_placed(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TARGETS["ecp5-85k"].available, "lut", 2)
    row = measure(task())
    assert (row.status, row.reason) == ("does not fit", "takes 5 LUT of 2")
    assert row.percent["lut"] == 250.0
    assert stand.placed == [False]


@pytest.mark.parametrize("error", [SimulationError("nextpnr failed"), ValueError("no path")])
def test_a_tool_that_fails_is_a_row(stand: Stand, error: Exception) -> None:
    stand.error = error
    row = measure(task())
    assert (row.status, row.reason, row.frames_per_second) == ("failed", str(error), 0.0)
    assert row.resources["lut"] == 5


def test_wrong_bytes_are_a_row(stand: Stand) -> None:
    stand.rtl = Mismatch("conv: 3 bytes differ")
    row = measure(task(rtl=True))
    assert (row.status, row.reason, row.cycles) == ("mismatch", "conv: 3 bytes differ", 0)


def test_a_missing_tool_is_the_users_business(stand: Stand) -> None:
    stand.error = ToolchainError("none")
    with pytest.raises(ToolchainError):
        measure(task())


def test_larger_arrays_take_more_memory() -> None:
    larger = replace(task(), parameters=Parameters(rows=16, cols=16))
    assert cost(task()) < cost(larger)
    assert cost(task()) <= cost(task(rtl=True))
