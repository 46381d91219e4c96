"""`maccord synth`: bad input in one sentence, tables, files, and the trend."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from result_schemas import validate
from toy_synthesis import described, mapped, timed
from typer.testing import CliRunner

from maccord.cli.synth import synth
from maccord.spec.parameters import Parameters
from maccord.synth import command
from maccord.synth.command import SynthesisRequest, parsed_seeds, run
from maccord.synth.flow import _counted
from maccord.synth.netlist_cells import hierarchy, owners
from maccord.synth.results import Synthesis, load, save
from maccord.synth.targets import TARGETS
from maccord.synth.timing import placement
from maccord.synth.trend import changes, summary_before


def result(digest: str = "new", fmax: float = 80.0, storage: str = "DP16KD") -> Synthesis:
    design, target = hierarchy(described()), TARGETS["ecp5-85k"]
    found = owners(mapped(storage), design)
    counted = _counted(target, Parameters(rows=4, cols=2), design, found, set())
    runs = tuple(placement(timed(fmax), seed, found) for seed in (1, 2))
    return replace(counted, digest=digest, speed=6, placements=runs)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target": "ice40"}, "target must be one of"),
        ({"parameters": {"rows": 3}}, "rows must be between 4 and 64, got 3"),
        ({"seeds": "1,x"}, "seeds must be different positive numbers, as 1,2,3, got '1,x'"),
        ({"seeds": ""}, "seeds must be different positive numbers"),
        ({"seeds": "2,2"}, "seeds must be different positive numbers"),
        ({"seeds": "0"}, "seeds must be different positive numbers"),
        (
            {"parameters": {"family": "xc7"}},
            "family must be ecp5 or generic for ecp5-85k, got 'xc7'",
        ),
        ({"speed": 5}, "speed must be 6, 7 or 8, got 5"),
        ({"mhz": 0.0}, "mhz must be between 1 and 1000, got 0"),
        ({"jobs": -1}, "jobs must be at least 0, got -1"),
    ],
)
def test_bad_input_is_one_sentence(options: dict, sentence: str, tmp_path: Path) -> None:
    request = SynthesisRequest(
        **{"target": "ecp5-85k", "parameters": {}, "out": tmp_path} | options
    )
    with pytest.raises(ValueError, match=sentence):
        run(request)


def test_seeds_are_numbers() -> None:
    assert parsed_seeds("3, 1") == (3, 1)


def test_only_what_was_given_replaces_the_targets_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(command, "run", asked.append)
    app = typer.Typer()
    app.command()(synth)
    done = CliRunner().invoke(app, ["--target", "ecp5-45k", "--rows", "5", "--seeds", "4"])
    assert done.exit_code == 0, done.output
    assert asked == [SynthesisRequest("ecp5-45k", {"rows": 5}, "4")]


@pytest.fixture
def written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[Path, str]:
    """Folder of a run whose last different one was faster, and what was printed."""
    request = SynthesisRequest("ecp5-85k", {"rows": 4, "cols": 2}, out=tmp_path)
    for each in (result("old", fmax=100.0), result(), result()):
        monkeypatch.setattr(command, "synthesize", lambda *arguments, each=each: each)
        capsys.readouterr()
        run(request)
    chosen = TARGETS["ecp5-85k"].parameters | {"rows": 4, "cols": 2}
    name = Parameters(**chosen, family="ecp5").name
    return tmp_path / name, capsys.readouterr().out


def test_files_hold_the_figures(written: tuple[Path, str]) -> None:
    content = json.loads((written[0] / "ecp5-85k.json").read_text())
    validate("synth", content)
    assert content["total"] == {"dsp": 1, "lut": 5, "ff": 2, "bram": 1}
    assert content["fmax_mhz"] == [80.0, 80.0]
    assert content["placements"][1]["path"]["steps"][1]["instance"] == "accelerator.core.fetch"
    assert (written[0] / "ecp5-85k.svg").read_text().count("scan wrapper") == 1


def test_a_repeated_run_keeps_the_last_different_one(written: tuple[Path, str]) -> None:
    content = json.loads((written[0] / "ecp5-85k.json").read_text())
    assert (content["digest"], content["previous"]["digest"]) == ("new", "old")
    assert "fmax -20.0%" in written[1]


def test_tables_are_for_people(written: tuple[Path, str]) -> None:
    text = written[1]
    assert "fmax 80.0 to 80.0 MHz over seeds 1, 2 on ecp5-85k -6" in text
    assert "32 bits in block RAM" in text
    assert "critical path of seed 1: accelerator.core.start to accelerator.core.start" in text


def test_trend_is_relative() -> None:
    before = {"digest": "old", "total": {"dsp": 1, "lut": 4, "bram": 0}, "fmax_mhz": [100.0, 60.0]}
    after = replace(result(fmax=88.0), previous=summary_before(result(), before))
    assert changes(after) == pytest.approx({"dsp": 0.0, "lut": 0.25, "fmax": 0.1})


def test_first_run_has_no_trend() -> None:
    assert summary_before(result(), None) == {} == changes(result())


def test_an_unreadable_earlier_result_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    assert load(path) is None
    path.write_text("{cut off")
    assert load(path) is None
    save(path, result())
    assert (load(path) or {})["digest"] == "new"


def test_growth_and_a_slower_clock_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 for more than a tenth above the record, 0 for that or less, or without one."""
    made = result(fmax=80.0)
    monkeypatch.setattr(command, "synthesize", lambda *arguments: made)
    request = SynthesisRequest("ecp5-85k", {"rows": 4, "cols": 2}, out=tmp_path)
    for figures, said in (
        ({}, None),
        ({"dsp": made.total["dsp"] / 1.1, "mhz": 80}, "no more than a tenth above"),
        ({"dsp": made.total["dsp"] / 1.11}, "DSP must be at most"),
        ({"mhz": 81}, "must reach 81 MHz, got 80.0"),
    ):
        monkeypatch.setattr(command, "baseline", lambda of, figures=figures: figures)
        capsys.readouterr()
        code = run(request)
        out = " ".join(capsys.readouterr().out.split())
        assert code == (0 if said is None or "no more" in said else 1)
        assert said is None or said in out
