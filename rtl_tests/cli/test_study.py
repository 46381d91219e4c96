"""`maccord study`: its help, and bad input in one sentence, exit code 2, nothing written."""

import itertools
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from maccord.cli import main as cli
from maccord.study import request
from maccord.study.grid import GRID, Level, levels
from maccord.study.plan import chosen_images
from maccord.study.request import StudyRequest

ASKED = StudyRequest(
    networks=("resnet18", "vgg16"),
    data="folder:/data/my flowers",
    weights={"resnet18": Path("/data/a.pt"), "vgg16": Path("b.pt")},
    perturb="awgn:0.3+vertical:4",
    models=("fp32", "int8"),
    limit=20,
    seed=3,
    calibration=7,
    unpaired=True,
    rtl=2,
)
WRONG = {
    "network": (["--networks", "resnet81"], ["got resnet81", "nearest: resnet18"]),
    "network of the digits": (["--networks", "resnet50"], ["must be of resnet18", "got resnet50"]),
    "network twice": (["--networks", "vgg16,vgg16"], ["networks must each be there once"]),
    "no network": (["--networks", ","], ["networks must be at least one, got none"]),
    "model": (["--models", "fp32,int4"], ["models must be of fp32", "got int4"]),
    "perturbation": (["--perturb", "awgm:1"], ["awgm", "nearest: awgn"]),
    "level twice": (["--perturb", "awgn:0.1,awgn:0.10"], ["got awgn:0.1 twice"]),
    "limit": (["--limit", "-1"], ["limit must be at least 0, got -1"]),
    "seed": (["--seed", "-1"], ["seed must be at least 0, got -1"]),
    "calibration": (["--calibration", "0"], ["calibration must be at least 1, got 0"]),
    "jobs": (["--jobs", "-2"], ["jobs must be at least 0, got -2"]),
    "rtl without integers": (["--models", "fp32", "--rtl", "2"], ["rtl needs the model int8"]),
    "data": (
        ["--data", "digitz", "--weights", "resnet18=w.pt", "--networks", "resnet18"],
        ["data must be one of digits", "got 'digitz'"],
    ),
    "data without weights": (
        ["--data", "cifar10:.", "--networks", "resnet18"],
        ["weights of resnet18 must be given", "--weights resnet18=FILE"],
    ),
    "no such weights": (
        ["--networks", "resnet18", "--weights", "resnet18=no.pt"],
        ["weights must be a readable checkpoint", "no.pt"],
    ),
    "weights of nothing": (["--weights", "resnet18"], ["weights must be NETWORK=FILE"]),
    "weights of another network": (
        ["--networks", "vgg16", "--weights", "resnet18=w.pt"],
        ["weights must be of the networks under study, got resnet18"],
    ),
    "scheduler": (["--scheduler", "slurm"], ["scheduler must be processes or dask:ADDRESS"]),
    "no cluster there": (
        ["--scheduler", "dask:tcp://127.0.0.1:9"],
        ["scheduler must be reachable, got tcp://127.0.0.1:9"],
    ),
    "device": (["--device", "tpu9"], ["device must be", "got tpu9"]),
    "one device of several": (["--device", "cuda:1"], ["device must be", "got cuda:1"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_one_sentence(
    case: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    arguments, said = WRONG[case]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["maccord", "study", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = capsys.readouterr()
    assert stopped.value.code == 2, err
    assert out == "" and err.startswith("maccord: ") and err.count("\n") == 1, err
    for text in said:
        assert text in err
    assert not (tmp_path / "build" / "study" / "results.csv").exists()


def test_help_teaches(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for command, words in {"study": ("--perturb", "aircraft:PATH"), "train": ("--init",)}.items():
        monkeypatch.setattr(sys, "argv", ["maccord", command, "--help"])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        assert stopped.value.code == 0
        said = capsys.readouterr().out
        assert "Examples" in said and all(word in said for word in words)


def test_the_grid_is_the_thesiss() -> None:
    found = levels(GRID)
    assert len(found) == 27 and found[0] == Level()
    by_name: dict[str, list[float]] = {}
    for level in found[1:]:
        by_name.setdefault(level.name, []).append(level.level)
    assert by_name == {
        "awgn": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0],
        "brownian": [10, 20, 30, 40, 50, 60, 70, 80],
        "vertical": [2, 3, 4, 5, 6],
        "horizontal": [2, 3, 4, 5, 6],
    }


def test_compositions_keep_apart() -> None:
    names = [
        (level.name, level.level) for level in levels("awgn:0.3+vertical:4,awgn:0.3+vertical:5")
    ]
    assert names == [("clean", 0), ("awgn+vertical:4", 0.3), ("awgn+vertical:5", 0.3)]


@pytest.mark.parametrize(("count", "limit"), [(896, 0), (896, 40), (10, 10), (3, 9), (7, 1)])
def test_chosen_images_are_spread_evenly(count: int, limit: int) -> None:
    chosen = chosen_images(count, limit)
    assert len(chosen) == (min(count, limit) if limit else count)
    gaps = {b - a for a, b in itertools.pairwise(chosen)}
    assert chosen[0] == 0 and max(gaps, default=1) - min(gaps, default=1) <= 1


def test_the_command_of_a_report_runs_the_same_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for folders, which it leaves out."""
    asked = []
    monkeypatch.setattr(request, "check", lambda found: asked.append(found) or exit_quietly())
    monkeypatch.setattr(sys, "argv", shlex.split(ASKED.command))
    with pytest.raises(SystemExit):
        cli.main()
    names = {name: Path(path.name) for name, path in ASKED.weights.items()}
    assert asked == [replace(ASKED, data="folder:my flowers", weights=names)]


def exit_quietly() -> None:
    raise ValueError("enough")
