"""A fixed share of the random regression, its results on disk, and failures that shrink."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from maccord.verify.regress import campaign as campaigns
from maccord.verify.regress import run as commands
from maccord.verify.regress.campaign import Campaign, Record, run_campaign
from maccord.verify.regress.closing import foreseen, picked
from maccord.verify.regress.recipe import draw
from maccord.verify.regress.run import regress, run_case
from maccord.verify.regress.starts import Start

pytestmark = pytest.mark.usefixtures("quick_builds", "in_this_process")
NAME = "4x2"
SHARE = 24  # runs


@contextmanager
def _thread(scheduler: str, jobs: int) -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers share this process, hence its quick builds and what a test changes."""
    monkeypatch.setattr(campaigns, "executor", _thread)


def test_share(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All pass; killed and resumed, the campaign runs what is left alone."""
    plan = Campaign(tmp_path, seed=1, runs=SHARE, configurations=(NAME,), jobs=1)
    assert regress(plan) == 0
    assert f"{SHARE} runs from seed 1" in capsys.readouterr().out
    found = json.loads((tmp_path / "regress.json").read_text())
    assert found["schema"] == "maccord.regress/1"
    assert (found["runs"], found["failures"], found["wrongly_excluded"]) == (SHARE, [], [])
    assert found["kinds"].keys() >= {"layer", "program", "known"}
    assert found["refused"] < SHARE / 3
    assert found["hit"] > 60
    path = tmp_path / "runs.jsonl"
    lines = path.read_text().splitlines()
    for record in (json.loads(line) for line in lines):
        due = foreseen(draw(record["seed"], [NAME])) if not record["refused"] else {}
        assert {*due} <= {tuple(bin_) for bin_ in record["bins"]}, record["seed"]
    path.write_text("\n".join(lines[: SHARE // 2]) + "\n" + lines[-1][:40])
    again: list[Record] = []
    records = run_campaign(plan, again.append)
    assert len(again) == SHARE - SHARE // 2
    assert sorted(json.dumps(list(vars(r).values())) for r in records) == sorted(
        json.dumps(list(json.loads(line).values())) for line in lines
    )


def test_seeds_are_picked_by_what_is_open() -> None:
    """A rare operation met by a reset, on a memory that stalls; nothing where nothing is open."""
    wanted = {("operation x disturbance", "upsample x reset"), ("stall, of 256", "60 and more")}
    found = picked(wanted, iter(range(1000)), [NAME], ["layer"])
    assert 2 <= len(found) <= 4
    for bin_ in wanted:
        assert any(bin_ in foreseen(draw(seed, [NAME], ["layer"])) for seed in found)
    assert picked(set(), iter(range(9))) == []
    ends = {("error code", "DEADLOCK")}  # no recipe tells
    assert picked(ends, iter(range(100))) == [*range(20)]


@pytest.mark.nightly
def test_functional_coverage_is_closed(tmp_path: Path) -> None:
    """Every reachable bin of all configurations is hit, none that is called unreachable."""
    assert regress(Campaign(tmp_path, runs=400, close=True, jobs=1)) == 0
    found = json.loads((tmp_path / "regress.json").read_text())
    assert [point for point in found["points"] if point["holes"]] == []
    assert found["hit"] == found["reachable"] > 400
    assert found["runs"] > 400
    assert all(reason for point in found["points"] for reason in point["excluded"].values())


def test_a_failure_shrinks_to_a_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The smallest case fails again by its file, and passes where nothing is wrong."""

    def broken(start: Start, found: object) -> list[str]:
        layer = start.recipe["kind"] == "layer"
        return ["planted"] if layer and len(start.program) > 4 else real(start, found)

    real = campaigns.faults
    monkeypatch.setattr(campaigns, "faults", broken)
    monkeypatch.setattr(commands, "_SHRUNK", 1)
    plan = Campaign(tmp_path, seed=5, runs=3, configurations=(NAME,), kinds=("layer",), jobs=1)
    assert regress(plan) == 1
    out = capsys.readouterr().out
    found = json.loads((tmp_path / "regress.json").read_text())["failures"]
    assert found
    first = found[0]
    assert f"maccord regress --seed {first['seed']} --runs 1 --configuration '4x2'" in out
    assert f"--case {first['smallest']}" in out
    case = json.loads(Path(first["smallest"]).read_text())
    assert len(case["starts"]) == 1
    assert case["memory"]["stall"] == 0
    assert run_case(Path(first["smallest"])) == 1
    monkeypatch.setattr(campaigns, "faults", real)
    assert run_case(Path(first["smallest"])) == 0


def test_a_case_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_text('{"configuration": "other"}')
    with pytest.raises(ValueError, match="case must be a file that regress wrote"):
        run_case(path)
