"""Transformers trained on the digits, with quantized weights and without."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformer_networks import random_model
from typer.testing import CliRunner

import maccord.nets.training.embedded as embedded
from maccord.cli.main import app
from maccord.golden.graph import Conv2d, Linear
from maccord.golden.network import execute
from maccord.nets.data.dataset import Dataset
from maccord.nets.data.digits import digits
from maccord.nets.training import lsq
from maccord.nets.training.digit_names import TRAINED, check_digits, check_trained_on_digits
from maccord.nets.training.digits import RECIPES, small, tensors
from maccord.nets.training.embedded import FACTORIES, train_widths
from maccord.nets.training.transformers import TRANSFORMER_RECIPES
from maccord.nets.transformer.accuracy import predictions
from maccord.nets.transformer.architectures import load_transformer
from maccord.nets.transformer.deit import deit_digits
from maccord.nets.transformer.names import ON_DIGITS
from maccord.nets.transformer.parts import Transformer
from maccord.nets.transformer.quantized import load, quantize
from maccord.nets.weight_widths import narrowest


def weights(model: Transformer) -> dict[str, np.ndarray]:
    """Weights of the quantized network by layer."""
    graph = quantize(model, "net", torch.randn(1, 3, 32, 32)).graph
    layers = (node.operation for node in graph.nodes)
    return {layer.name: layer.weight for layer in layers if isinstance(layer, Conv2d | Linear)}


@pytest.mark.parametrize("bits", [4, 2])
@pytest.mark.parametrize("name", ON_DIGITS)
def test_learned_steps_are_the_scales_of_int8(name: str, bits: int) -> None:
    """The codes of weights that LSQ has quantized fit their width; first and last have 8 bits."""
    model = load_transformer(name, seed=bits)
    lsq.attach(model, lsq.widths(model, bits))
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        due = model(images)
    lsq.detach(model)
    with torch.no_grad():
        assert torch.equal(model(images), due)
    found = [narrowest(weight) for weight in weights(model).values()]
    assert found == [8, *[bits] * (len(found) - 2), 8]


def test_names() -> None:
    assert (*RECIPES, *TRANSFORMER_RECIPES) == TRAINED
    check_trained_on_digits("swin_digits", learned_activations=False)
    with pytest.raises(ValueError, match=r"learned-activations must be of one of .* a transformer"):
        check_trained_on_digits("swin_digits", learned_activations=True)
    with pytest.raises(ValueError, match=r"got deit_tiny, which is for images of 224 x 224"):
        check_trained_on_digits("deit_tiny", learned_activations=False)
    with pytest.raises(ValueError, match="must not be a transformer here, got deit_digits"):
        check_digits("deit_digits-w4")


@pytest.mark.slow
def test_predictions_are_pytorch_s() -> None:
    model = random_model(deit_digits, 1)
    images = torch.randn(40, 3, 32, 32) + 2 * torch.randn(40, 3, 1, 1)
    due = quantize(model, "net", images[:8]).reference(images)["net.head"].argmax(1)
    found = predictions(model, images[:8], images)
    np.testing.assert_array_equal(found, due)
    assert len(set(found)) > 1


@pytest.mark.slow
def test_the_command_trains_and_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss falls, and the folder has weights that the golden model takes."""

    def few(split: str) -> Dataset:
        data = digits(split)
        return replace(data, labels=data.labels[:64], images=data.images[:64])

    monkeypatch.setattr(embedded, "digits", few)
    monkeypatch.setattr(embedded, "_CALIBRATION", 8)
    arguments = ["train", "deit_digits", "--weight-bits", "2", "--epochs", "2"]
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    path = tmp_path / "deit_digits-w2.pt"
    assert f"maccord sim deit_digits --weights {path} --weight-bits auto" in done.output
    first, second = map(float, re.findall(r"epoch [12] of 2, loss ([\d.]+)", done.output))
    assert second < first < 2.5
    assert (tmp_path / FACTORIES).is_file()
    model = load_transformer("deit_digits", path)
    assert {narrowest(weight) for weight in weights(model).values()} == {2, 8}
    assert isinstance(small("deit_digits-w2").build(10), Transformer)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ON_DIGITS)
def test_accuracy(name: str, tmp_path: Path) -> None:
    """As docs/transformers.md has it, and trained weights are equal as random ones are."""
    float_, narrow = train_widths(name, [None, 4], tmp_path)
    assert float_.float_top1 > 0.88
    assert float_.int8_top1 > float_.float_top1 - 0.02
    assert narrow.int8_top1 > 0.85
    for row in (float_, narrow):
        images = tensors(digits("test"))[0][:8]
        network = load(name, tmp_path / f"{row.name}.pt")
        found = execute(network.graph, network.codes(images))
        for tensor, codes in network.reference(images).items():
            np.testing.assert_array_equal(found[tensor], codes, tensor)
