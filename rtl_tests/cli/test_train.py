"""`maccord train`: what it writes, says and refuses."""

from dataclasses import replace
from pathlib import Path
from typing import Never

import pytest
import torch
import typer
from typer.testing import CliRunner

from maccord.cli import train_data
from maccord.cli.train import train
from maccord.nets.checkpoint import load_checkpoint
from maccord.nets.data import load
from maccord.nets.networks import architecture
from maccord.nets.training import finetune
from maccord.nets.training.settings import Settings

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
    assert "resumed: 1 of 2 epochs were done before" in again.stderr
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
        (("--recipe", "qgem"), "recipe must be one of thesis, qgen, qgen-imagenet with data"),
        (("--recipe", "qgen"), "nin, resnet18, resnet50 with recipe qgen, got squeezenet1_1"),
        (("--steps", "2,x"), "steps must be numbers of epochs, comma-separated, got 2,x"),
        (("--steps", "2", "--every", 3), "every or steps must be given, got both 3 and 2"),
        (("--optimizer", "lamb"), "optimizer must be one of sgd, adam, rmsprop, got lamb"),
        (("--width", 3), "width must be of nin, resnet18, resnet50, got squeezenet1_1"),
        (("--weight-bits", "4,2"), "weight-bits must be one number with data, got 4,2"),
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


def test_recipe_and_overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe's values, but for the given ones, without data on the digits."""
    calls = []
    monkeypatch.setattr(train_data, "train_on_data", lambda *given: calls.append(given))
    options = ("--recipe", "qgen", "--rate", 0.5, "--epochs", 7, "--depth", 2, "--seed", 3)
    for more in ((), ("--every", 9), ("--steps", "4,5")):
        done = CliRunner().invoke(app, ["nin", *map(str, (*options, *more))])
        assert done.exit_code == 0, done.exception
    expected = Settings(
        *(128, 0.5, 0.9, 50, 0.1, 3),
        decay=1e-4,
        steps=(100, 200),
        lowest_loss=True,
        depth=2,
    )
    network, data, folder, settings, epochs, *_ = calls[0]
    assert (network, data, folder, epochs) == ("nin", "digits", Path("build/train/nin-digits"), 7)
    assert settings == expected
    assert calls[1][3] == replace(expected, steps=(), every=9)
    assert calls[2][3] == replace(expected, steps=(4, 5))


def test_learned_activations_need_quantized_weights(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["nin", "--learned-activations"])
    assert "learned-activations must come with weight-bits 8, 4 or 2" in str(done.exception)
    done = _train("--out", tmp_path, "--learned-activations")
    assert "learned_activations must come with weight_bits" in str(done.exception)


def test_values_without_data_are_refused() -> None:
    done = CliRunner().invoke(app, ["nin", "--rate", "0.1"])
    assert "rate must come with data or another recipe" in str(done.exception)


def test_another_width_is_refused_before_the_data_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _train("--out", tmp_path, "--epochs", 1, "--weight-bits", 4).exit_code == 0
    monkeypatch.setattr(load, "open_dataset", lambda *_: pytest.fail("the data were read"))
    done = _train("--out", tmp_path, "--epochs", 2, "--weight-bits", 2)
    assert "whose weight_bits is 4 instead of 2" in str(done.exception)


def test_unknown_network() -> None:
    done = CliRunner().invoke(app, ["resnet19", "--data", "digits"])
    assert "(nearest: resnet18)" in str(done.exception)
