"""`maccord train`: what it writes, says and refuses."""

from pathlib import Path
from typing import Never

import pytest
import torch
import typer
from typer.testing import CliRunner

from maccord.cli.train import train
from maccord.nets.checkpoint import load_checkpoint
from maccord.nets.networks import architecture
from maccord.nets.training import finetune

app = typer.Typer()
app.command()(train)
SHORT = ("squeezenet1_1", "--data", "digits", "--limit", "40", "--batch", "20", "--threads", "1")


def _train(*options):
    return CliRunner().invoke(app, [*SHORT, *map(str, options)])


def test_trains_and_goes_on(tmp_path: Path) -> None:
    done = _train("--out", tmp_path, "--epochs", 1)
    assert done.exit_code == 0, done.exception
    assert "weights.pt: weights" in done.stdout
    assert "epoch 1 of 1: loss " in done.stderr
    model = load_checkpoint(architecture("squeezenet1_1"), tmp_path / "weights.pt")
    assert model.state_dict()["classifier.1.weight"].shape == (10, 512, 1, 1)
    first = (tmp_path / "log.csv").read_text()
    again = _train("--out", tmp_path, "--epochs", 2)
    assert "epoch 2 of 2: loss " in again.stderr
    assert (tmp_path / "log.csv").read_text().startswith(first)
    more = _train("--out", tmp_path / "tuned", "--epochs", 1, "--init", tmp_path / "weights.pt")
    assert more.exit_code == 0, more.exception
    tuned = torch.load(tmp_path / "tuned" / "weights.pt")
    assert not torch.equal(tuned["features.0.weight"], model.state_dict()["features.0.weight"])


def test_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_) -> Never:
        raise KeyboardInterrupt

    assert _train("--out", tmp_path, "--epochs", 1).exit_code == 0
    monkeypatch.setattr(finetune, "train_pass", interrupt)
    done = _train("--out", tmp_path, "--epochs", 3)
    assert done.exit_code == 130
    assert "1 of 3 epochs are done; the same command goes on from there" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--data", "digit"), "data must be one of digits"),
        (("--epochs", 0), "epochs must be at least 1, got 0"),
        (("--threads", 0), "threads must be at least 1, got 0"),
        (("--batch", 1), "batch must be at least 2, got 1"),
        (("--init", "/nowhere"), "init must be a readable checkpoint, got /nowhere: no such file"),
        (("--init", "/"), "got /: it is a folder"),
        (("--out", "/dev/null/x"), "out must be a folder that can be written, got /dev/null/x"),
    ],
)
def test_refusals(options, message: str, tmp_path: Path) -> None:
    done = _train("--out", tmp_path, *options)
    assert isinstance(done.exception, ValueError)
    assert message in str(done.exception)


def test_unknown_network() -> None:
    done = CliRunner().invoke(app, ["resnet19", "--data", "digits"])
    assert "(nearest: resnet18)" in str(done.exception)
