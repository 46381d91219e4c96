"""QGen's recipes as in its appendix B, networks of other sizes, and the epoch that is kept."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest
import torch
from test_resume import SETTINGS, Killed, _bomb, _run, _same
from torch import nn

from maccord.nets.checkpoint import load_checkpoint
from maccord.nets.networks import architecture
from maccord.nets.sizes import resized
from maccord.nets.training.finetune import _optimizer
from maccord.nets.training.recipes import RECIPES, recipe_of
from maccord.nets.training.settings import Settings
from maccord.nets.training.start import fresh


@pytest.mark.parametrize(
    ("name", "network", "expected"),
    [  # epochs, steps, rate, weight decay, momentum, factor, batch, lowest loss, base width
        ("qgen", "nin", (300, (100, 200), 0.1, 1e-4, 0.9, 0.1, 128, True, None)),
        ("qgen", "resnet18", (200, (80, 160), 0.1, 1e-4, 0.9, 0.1, 128, True, 16)),
        ("qgen", "resnet50", (200, (80, 160), 0.1, 1e-4, 0.9, 0.1, 128, True, 16)),
        ("qgen-imagenet", "resnet18", (120, (30, 60, 90), 0.01, 1e-4, 0.9, 0.1, 128, False, None)),
        ("qgen-imagenet", "vgg19", (120, (30, 60, 90), 0.01, 1e-4, 0.9, 0.1, 128, False, None)),
        ("thesis", "vgg16", (250, (), 0.001, 0.0, 0.9, 0.1, 32, False, None)),
    ],
)
def test_values_are_the_papers(name: str, network: str, expected: tuple) -> None:
    found = recipe_of(name, network)
    keys = ("epochs", "steps", "rate", "decay", "momentum", "factor", "batch", "lowest_loss")
    assert tuple(asdict(found)[key] for key in (*keys, "width")) == expected
    assert found.optimizer == "sgd"
    Settings(**{key: value for key, value in asdict(found).items() if key != "epochs"})


def test_unknown_recipes() -> None:
    with pytest.raises(ValueError, match="one of thesis, qgen, qgen-imagenet with data, got qgem"):
        recipe_of("qgem", "nin")
    with pytest.raises(ValueError, match="nin, resnet18, resnet50 with recipe qgen, got vgg19"):
        recipe_of("qgen", "vgg19")
    assert set(RECIPES) == {"thesis", "qgen", "qgen-imagenet"}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_steps_optimizer_and_kept_epoch_resume_to_the_same_bits(
    optimizer: str, tmp_path: Path
) -> None:
    """The rate falls after epochs 1 and 3."""
    settings = replace(
        SETTINGS, optimizer=optimizer, decay=0.01, steps=(1, 3), rate=0.02, lowest_loss=True
    )
    rows = []
    whole = _run(tmp_path / "whole", 4, settings, on_epoch=rows.append)
    rates = [0.02, 0.002, 0.002, 0.0002]
    assert [row.rate for row in rows] == pytest.approx(rates)
    with pytest.raises(Killed):
        _run(tmp_path / "cut", 4, settings, on_step=partial(_bomb, fuse=[11]))
    assert _same(_run(tmp_path / "cut", 4, settings), whole)
    assert not _same(_run(tmp_path / "plain", 4, replace(settings, decay=0.0)), whole)


def test_rmsprop_takes_momentum_and_decay() -> None:
    settings = Settings(optimizer="rmsprop", rate=0.001, momentum=0.5, decay=0.02)
    found = _optimizer(nn.Linear(2, 2), settings)
    assert isinstance(found, torch.optim.RMSprop)
    assert [found.defaults[key] for key in ("lr", "momentum", "weight_decay")] == [0.001, 0.5, 0.02]


def test_the_epoch_with_the_lowest_training_loss_is_kept(tmp_path: Path) -> None:
    """After epoch 2 the rate in the checkpoint is made a thousand times as high: the loss rises."""
    epochs, rows = [], []

    def spoil(row) -> None:
        rows.append(row)
        state = torch.load(tmp_path / "x" / "checkpoint.pt")
        epochs.append(state["state_dict"])
        if row.epoch == 2:
            state["optimizer"]["param_groups"][0]["lr"] = 10.0
            torch.save(state, tmp_path / "x" / "checkpoint.pt")

    lowest = replace(SETTINGS, rate=0.01, every=9, lowest_loss=True)
    result = _run(tmp_path / "x", 1, lowest, on_epoch=spoil)
    for count in range(2, 5):
        result = _run(tmp_path / "x", count, lowest, on_epoch=spoil)
    losses = {row.epoch: row.loss for row in rows}
    best = min(losses, key=losses.__getitem__)
    assert best <= 2 < len(losses), losses
    own = next(s for s, row in zip(epochs, rows, strict=True) if row.epoch == best)
    assert _same(result, own)
    assert not _same(result, epochs[-1])


def test_a_checkpoint_of_before_the_recipes_goes_on(tmp_path: Path) -> None:
    _run(tmp_path, 1)
    state = torch.load(tmp_path / "checkpoint.pt")
    for name in ("optimizer", "decay", "steps", "lowest_loss", "depth", "width"):
        del state["about"][name]
    torch.save(state, tmp_path / "checkpoint.pt")
    _run(tmp_path, 2)
    with pytest.raises(ValueError, match=r"whose decay is 0\.0 instead of 0\.1"):
        _run(tmp_path, 3, replace(SETTINGS, decay=0.1))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"decay": -0.1}, "decay must be from 0 to below 1, got -0.1"),
        ({"optimizer": "lamb"}, "optimizer must be one of sgd, adam, rmsprop, got lamb"),
        ({"steps": (3, 3)}, "steps must be ascending numbers of epochs from 1, got 3,3"),
        ({"steps": (0,)}, "steps must be ascending numbers of epochs from 1, got 0"),
    ],
)
def test_refused_settings(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**values)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("nin", {"depth": 2, "width": 1}),
        ("nin", {"depth": 5, "width": 3}),
        ("resnet18", {"width": 16}),
        ("resnet50", {"width": 4}),
    ],
)
def test_a_checkpoint_knows_its_size(name: str, sizes: dict, tmp_path: Path) -> None:
    network = architecture(name)
    model = fresh(resized(network, **sizes), 7, 0)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    found = load_checkpoint(network, tmp_path / "weights.pt")
    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(found(x), model(x))
    if name == "nin":
        assert len(model.get_submodule("blocks")) == sizes["depth"]  # pyright: ignore[reportArgumentType]
        assert len(model.get_parameter("blocks.0.0.weight")) == 25 * sizes["width"]
    else:
        assert len(model.get_parameter("conv1.weight")) == sizes["width"]


def test_refused_sizes() -> None:
    with pytest.raises(ValueError, match="depth must be of nin, got resnet18"):
        resized(architecture("resnet18"), depth=2)
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        resized(architecture("nin"), width=0)
    with pytest.raises(ValueError, match="width must be of nin, resnet18, resnet50, got vgg16"):
        resized(architecture("vgg16"), width=16)
