"""What is seen while runs are simulated: a bar that moves by cycles, or a line now and then."""

from __future__ import annotations

import io
import re

import pytest
from network_tasks import StandIn, network_task
from processes import wait_until
from rich.console import Console

from maccord.runtime.console import waiting
from maccord.sim import progress
from maccord.sim.network import run
from maccord.sim.progress import counting
from maccord.sim.results import Outcome, Verdict
from maccord.sim.testbench import REPORT_SECONDS, _next_stretch

GOOD = Outcome(Verdict.AGREES)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(progress.time, "monotonic", found)
    return found


def file_console(columns: int = 240) -> Console:
    return Console(file=io.StringIO(), width=columns, highlight=False)


def written(err: Console) -> list[str]:
    assert isinstance(err.file, io.StringIO)
    return err.file.getvalue().splitlines()


def test_off_a_terminal_there_is_a_line_every_ten_seconds(clock: Clock) -> None:
    err = file_console()
    with counting(err, {"resnet18": 1000}) as counter:
        for _ in range(25):
            clock.now += 1
            counter.cycles("resnet18", int(100 * (clock.now - 100)), 5000)
        counter.done("resnet18", GOOD)
    assert written(err) == [
        "resnet18: 1,000 of 5,000 cycles, 10 s, about 40 s left",
        "resnet18: 2,000 of 5,000 cycles, 20 s, about 30 s left",
    ]


def test_of_several_runs_the_work_is_said(clock: Clock) -> None:
    err = file_console()
    with counting(err, {"a[0]": 3000, "b": 1000}) as counter:
        counter.done("b", GOOD)
        clock.now += 12
        counter.cycles("a[0]", 50, 100)
    assert written(err) == [
        "1/2 b: equal",
        "simulating, 1 of 2 runs done, 62% of the work, 12 s, about 7 s left",
    ]


def test_more_cycles_than_estimated_are_all_of_them(clock: Clock) -> None:
    err = file_console()
    with counting(err, {"net": 10}) as counter:
        clock.now += 11
        counter.cycles("net", 120, 100)
    assert written(err) == ["net: 120 of 100 cycles, 11 s, about 0 s left"]


def test_on_a_terminal_of_80_columns_the_bar_is_one_line() -> None:
    err = Console(file=io.StringIO(), width=80, highlight=False, force_terminal=True)
    with counting(err, {"squeezenet1_1": 1000}) as counter:
        counter.cycles("squeezenet1_1", 1_203_000, 7_343_081)
        counter._progress.refresh()
    assert isinstance(err.file, io.StringIO)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", err.file.getvalue())
    lines = [line for line in re.split(r"[\r\n]+", text) if "of 7,343,081" in line]
    assert lines and all(len(line) <= 80 and "…" not in line for line in lines), lines
    assert re.search(r"cycles ━*.* 0:00:00 left", lines[0]), lines


def test_a_wait_is_said_with_its_time() -> None:
    err = file_console()
    with waiting(err, "compiling [x]", every=0.01):
        wait_until(lambda: written(err))
    assert {*written(err)} == {"compiling [x], 0 s"}


def test_a_short_wait_is_silent() -> None:
    err = file_console()
    with waiting(err, "compiling") as say:
        say("linking")
    assert written(err) == []


def test_a_network_tells_its_cycles_and_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    task = network_task()
    told: list[object] = []

    def simulate(job: object, on_cycles: object) -> object:
        on_cycles(7)  # type: ignore[operator]
        return StandIn(task)(job)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "simulate", simulate)
    monkeypatch.setattr(run, "tell", told.append)
    assert run.run_network(task).verdict is Verdict.AGREES
    assert told == [(7, task.compiled.estimate)]


def test_reports_of_a_long_wait_are_evenly_spaced() -> None:
    assert _next_stretch(100_000, REPORT_SECONDS / 2) == 200_000
    assert _next_stretch(100_000, REPORT_SECONDS * 4) == 25_000
    assert _next_stretch(100_000, 0.0) == 1_000_000
    assert _next_stretch(1000, 60.0) == 1000
