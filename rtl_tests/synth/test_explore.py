"""`maccord explore`: bad input, files, table, what is left of a sweep that was stopped."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from explore_tasks import crashing, network, stand_in
from result_schemas import validate
from typer.testing import CliRunner

from maccord.cli.explore import explore as command
from maccord.runtime.pool import Crash
from maccord.synth import explore
from maccord.synth.explore import run
from maccord.synth.explore_files import COLUMNS
from maccord.synth.explore_plot import pareto_plot
from maccord.synth.explore_point import Measurement, Row
from maccord.synth.explore_progress import SweepProgress
from maccord.synth.explore_request import SweepRequest

AXES = {"rows": "4", "cols": "2,4,8", "lanes": "0,2"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., SweepRequest]:
    """Requests that need neither tools nor PyTorch."""
    monkeypatch.setattr(explore, "network_of", lambda request: (network(), None))
    monkeypatch.setattr(explore, "check_tools", lambda request, target: None)

    def request(**options: object) -> SweepRequest:
        common = {"network": "net", "target": "ecp5-85k", "axes": AXES, "seeds": "1,2", "jobs": 2}
        return SweepRequest(**{**common, "out": tmp_path, **options})  # type: ignore[arg-type]

    return request


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Measure in this process; what is put in comes first in the answers' place."""
    instead: list[object] = []

    def run_all(function, tasks, **options: object) -> Iterator[tuple[int, object]]:
        for index, task in enumerate(tasks):
            answer = instead.pop(0) if instead else None
            if isinstance(answer, BaseException):
                raise answer
            yield index, answer or function(task)

    monkeypatch.setattr(explore, "run_all", run_all)
    return instead


def points(folder: Path) -> list[dict[str, str]]:
    with (folder / "net-ecp5-85k.csv").open() as file:
        return list(csv.DictReader(file))


def test_files_hold_all_points(asked, here, tmp_path: Path) -> None:
    assert run(asked(), stand_in) == 0
    found = points(tmp_path)
    assert list(found[0]) == list(COLUMNS)
    assert [(row["label"], row["status"], row["pareto"]) for row in found] == [
        ("4x4", "ok", "1"),
        ("4x4 lanes 2", "ok", "1"),  # equal in area and frames/s
        ("4x2", "ok", "1"),
        ("4x8", "does not fit", ""),
        ("4x8 lanes 2", "does not fit", ""),
    ]
    first = found[0]
    assert (first["fmax_mhz"], first["fmax_best_mhz"], first["seeds"]) == (
        "100.00",
        "110.00",
        "1 2",
    )
    assert (first["lut"], first["lut_percent"], first["dsp"]) == ("160", "1.6", "16")
    assert (first["cycles"], first["cycles_from"]) == ("250000", "model")
    assert (first["frames_per_second"], first["utilization"]) == ("400.0000", "0.5000")
    assert (first["rows"], first["lanes"], first["axi_bytes"]) == ("4", "4", "16")
    assert first["family"] == "ecp5"
    content = json.loads((tmp_path / "net-ecp5-85k.json").read_text())
    validate("explore", content)
    assert (content["of"], content["area"], content["seeds"]) == (5, "lut", [1, 2])
    assert content["points"][0]["fmax_mhz"] == [100.0, 110.0]
    svg = (tmp_path / "net-ecp5-85k.svg").read_text()
    assert svg.count("4x4 lanes 2") == 1
    assert "4x8" not in svg


def test_table_is_for_people(asked, here, capsys: pytest.CaptureFixture[str]) -> None:
    run(asked(area="dsp"), stand_in)
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[1].split()[:2] == ["*", "4x4"]
    for words in ("16  160", "DSP 16 %", "100.0 to 110.0", "250,000", "400.00", "array 90%"):
        assert words in lines[1]
    assert "4x8: does not fit: too wide" in said.out
    assert "frames/s against DSP; frames/s at the worst fmax over seeds 1, 2" in said.out
    assert "5/5 4x2: 100.0 MHz, 500,000 cycles, 200.00 frames/s" in said.err


def test_without_place_and_route_the_clock_is_said_to_be_assumed(
    asked, here, capsys: pytest.CaptureFixture[str]
) -> None:
    run(asked(target="xc7", axes={"cols": "4,16"}, mhz=150.0), unplaced)
    said = capsys.readouterr().out
    assert "at an assumed 150 MHz" in said
    assert "fmax" not in said


def unplaced(task: Measurement) -> Row:
    return Row(**{**vars(stand_in(task)), "fmax_mhz": (), "percent": {}})


def test_processes_of_their_own_survive_a_crash(asked, tmp_path: Path) -> None:
    """Ends with 3; the other points are whole."""
    assert run(asked(axes={"rows": "4", "cols": "2,4"}), crashing) == 3
    found = {row["label"]: row for row in points(tmp_path)}
    assert (found["4x2"]["status"], found["4x4"]["status"]) == ("failed", "ok")
    assert "exit code 9" in found["4x2"]["reason"]


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (("ok", "does not fit", "cannot run", "invalid"), 0),
        (("does not fit", "cannot run"), 2),
        (("ok", "failed"), 3),
        (("ok", "failed", "mismatch"), 1),
    ],
)
def test_exit_codes(statuses: tuple[str, ...], code: int) -> None:
    assert explore._exit_code([Row("r", {}, status=status) for status in statuses]) == code


def test_an_interrupt_leaves_what_is_done(
    asked, here, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here += [None, None, KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        run(asked(), stand_in)
    assert len(points(tmp_path)) == 2
    assert len(json.loads((tmp_path / "net-ecp5-85k.json").read_text())["points"]) == 2
    assert (tmp_path / "net-ecp5-85k.svg").read_text().rstrip().endswith("</svg>")
    assert "2 of 5 points are in" in capsys.readouterr().err


def test_files_are_written_whenever_a_point_is_done(
    asked, here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    saved = explore.save
    monkeypatch.setattr(
        explore,
        "save",
        lambda stem, sweep, rows: counts.append(len(rows)) or saved(stem, sweep, rows),
    )
    run(asked(), stand_in)
    assert counts == [1, 2, 3, 4, 5, 5]


def test_a_crash_is_a_row(asked, here, tmp_path: Path) -> None:
    here.append(Crash("out of memory"))
    assert run(asked(), stand_in) == 3
    assert [r["label"] for r in points(tmp_path) if r["reason"] == "out of memory"] == ["4x8"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target": "ice40"}, "target must be one of"),
        ({"area": "gates"}, "area must be one of dsp, bram, lutram, lut, ff on ecp5-85k"),
        ({"cycles": "guess"}, "cycles must be one of model, rtl, got 'guess'"),
        ({"seeds": "0"}, "seeds must be different positive numbers"),
        ({"speed": 9}, "speed must be 6, 7 or 8, got 9"),
        ({"mhz": 0.5}, "mhz must be between 1 and 1000, got 0.5"),
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"jobs": -1}, "jobs must be at least 0, got -1"),
        ({"axes": {"rows": "4;8"}}, "rows must be whole numbers, separated by commas, got '4;8'"),
        ({"axes": {"rows": "3"}}, "rows must be between 4 and 64, got 3"),
        ({"axes": {"family": "xc7"}}, "family must be .* for ecp5-85k, got 'xc7'"),
    ],
)
def test_bad_input_is_one_sentence(asked, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        run(asked(**options), stand_in)


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        ("resnet18.conv1", r"network must be one of .*, got resnet18.conv1 "),
        ("resnet", "network must be one of resnet18"),
        ("", "network must be given, or a module, got none"),
    ],
)
def test_a_network_is_wanted(
    network: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explore, "check_tools", lambda request, target: None)
    with pytest.raises(ValueError, match=sentence):
        run(SweepRequest(network, "ecp5-85k", {"cols": "4"}, out=tmp_path), stand_in)


def test_a_folder_that_cannot_be_written_is_noticed_first(asked, here, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    here.append(AssertionError("measured"))
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        run(asked(out=tmp_path / "file"), stand_in)


def test_only_what_was_given_is_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = []
    monkeypatch.setattr(explore, "run", lambda request: requests.append(request) or 0)
    app = typer.Typer()
    app.command()(command)
    arguments = ["resnet18", "--target", "xc7", "--cols", "8,16", "--no-place", "--area", "dsp"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert requests == [
        SweepRequest("resnet18", "xc7", {"cols": "8,16"}, area="dsp", place=False, seeds="2")
    ]


def test_time_left_is_told_from_the_work_that_took_time() -> None:
    now, said = [0.0], []
    counter = SweepProgress(
        lambda sentence, part: said.append((sentence, part)),
        {0: 100.0, 1: 100.0, 2: 300.0, 3: 100.0}, 5, lambda: now[0],
    )  # fmt: skip
    for seconds, index in ((1.0, 0), (60.0, 1), (240.0, 2), (300.0, 3)):
        now[0] = seconds
        counter.done(index, f"point {index}")
    assert said == [
        ("2/5 point 0", 0.0),  # kept from before: it tells nothing
        ("3/5 point 1; 4 min left", 0.2),
        ("4/5 point 2; 60 s left", 0.8),
        ("5/5 point 3", 1.0),
    ]


def test_plots_depend_on_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        Row(f"{n}", {}, resources={"lut": n}, frames_per_second=n % 3, pareto=n < 3)
        for n in range(1, 40)
    ]
    plot = pareto_plot(rows, "lut", "title", 50)
    monkeypatch.setitem(os.environ, "TZ", "Asia/Tokyo")
    assert pareto_plot(rows, "lut", "title", 50) == plot
    assert plot.count("Pareto front") == plot.count("device") == 1
    assert "device" not in pareto_plot(rows, "lut", "title", 100)
