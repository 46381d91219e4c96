"""Reduced networks on the digits, trained once for each width."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from maccord.nets.checkpoint import load_checkpoint
from maccord.nets.learned_steps import learned_steps
from maccord.nets.library import quantized
from maccord.nets.training.digit_names import (
    DIGITS,
    check_digits,
    learns_activations,
    spelled,
    split,
)
from maccord.nets.training.digits import RECIPES, small
from maccord.nets.training.embedded import CALIBRATION, FACTORIES, TEST, train_widths


def test_names() -> None:
    assert tuple(RECIPES) == DIGITS
    assert split("mobilenet_v2-w4") == ("mobilenet_v2", 4)
    assert split("mobilenet_v2-w4a8") == ("mobilenet_v2", 4)
    assert learns_activations("nin-w4a8")
    assert not learns_activations("nin-w4")
    assert spelled("nin", 2, learned_activations=True) == "nin-w2a8"
    assert spelled("nin", None, learned_activations=True) == "nin"
    check_digits("nin-w2")
    check_digits("nin-w2a8")
    with pytest.raises(ValueError, match=r"must be of resnet18, .* got nin-w3"):
        check_digits("nin-w3")


def test_a_folder_of_widths(tmp_path: Path) -> None:
    calls: list[str] = []

    def note(name: str, *_: object) -> None:
        calls.append(name)

    rows = train_widths("nin", [None, 2], tmp_path, epochs=1, progress=note)
    assert calls == ["nin", "nin-w2"]
    assert [(row.name, row.weight_bits) for row in rows] == [("nin", None), ("nin-w2", 2)]
    assert train_widths("nin", [2], tmp_path, epochs=1, progress=note) == rows[1:]
    assert len(calls) == 2, "finished networks are trained again"
    spec = importlib.util.spec_from_file_location("networks", tmp_path / FACTORIES)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    calibration, test = (np.load(tmp_path / name) for name in (CALIBRATION, TEST))
    assert calibration.shape == (100, *module.INPUT_SHAPE[1:])
    network = quantized(module.nin_w2(), "nin_w2", "trained", list(calibration[:8, None]))
    widths = [x.weight_bits for x in network.with_weight_bits("auto").layers.values()]
    assert widths == [8, *[2] * (len(widths) - 2), 8]
    assert network.results(test)[network.graph.output].shape == (len(test), 10)


def test_learned_activations_are_kept_beside_the_others(tmp_path: Path) -> None:
    """W4A8 with steps that training has moved; the INT8 network has them."""
    (plain,) = train_widths("nin", [4], tmp_path, epochs=1)
    float_, learned = train_widths("nin", [None, 4], tmp_path, epochs=1, learned_activations=True)
    assert [row.name for row in (plain, float_, learned)] == ["nin-w4", "nin", "nin-w4a8"]
    model = load_checkpoint(small("nin"), tmp_path / "nin-w4a8.pt")
    steps = learned_steps(model)
    assert len(steps) == 10
    assert learned_steps(load_checkpoint(small("nin"), tmp_path / "nin-w4.pt")) == {}
    images = list(np.load(tmp_path / CALIBRATION)[:8, None])
    network = quantized(model, "nin_w4a8", "trained", images).with_weight_bits("auto")
    found = {tensor.quantization.scale for tensor in network.graph.tensors.values()}
    assert {step.scale.item() for step in steps.values()} <= found
    assert {layer.weight_bits for layer in network.layers.values()} <= {8, 4}
