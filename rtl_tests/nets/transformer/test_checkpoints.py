"""Transformers by name, their checkpoints, and what refuses them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from maccord.golden.network import execute
from maccord.nets.transformer.architectures import ARCHITECTURES, load_transformer, timm_names
from maccord.nets.transformer.names import ON_DIGITS, TRANSFORMERS, refuse_transformer
from maccord.nets.transformer.quantized import load

State = dict[str, torch.Tensor]


def saved(path: Path, state: object) -> Path:
    torch.save(state, path)
    return path


def before_timm_0_9(state: State) -> State:
    """Names of a Swin checkpoint as its authors published it, with buffers."""
    found: State = {}
    for name, value in state.items():
        new = name.replace("layers.1.downsample", "layers.0.downsample")
        found[new.replace("head.fc.", "head.")] = value
    found["layers.0.blocks.1.attn_mask"] = torch.zeros(16, 16, 16)
    found["layers.0.blocks.0.attn.relative_position_index"] = torch.zeros(16, 16).long()
    return found


def test_names_are_those_of_the_architectures() -> None:
    assert tuple(ARCHITECTURES) == TRANSFORMERS
    assert set(ON_DIGITS) < set(TRANSFORMERS)
    refuse_transformer("resnet18.conv1")
    with pytest.raises(
        ValueError, match="must not be a transformer here, got swin_tiny: maccord sim swin_tiny"
    ):
        refuse_transformer("swin_tiny.layers.0.*")


@pytest.mark.parametrize("name", ON_DIGITS)
@pytest.mark.parametrize("key", ["", "model", "state_dict"])
def test_a_checkpoint_is_read(tmp_path: Path, name: str, key: str) -> None:
    model = load_transformer(name, seed=3)
    state = model.state_dict()
    path = saved(tmp_path / "weights.pth", {key: state, "epoch": 3} if key else state)
    found = load_transformer(name, path).state_dict()
    assert found.keys() == state.keys()
    assert all(torch.equal(found[each], state[each]) for each in state)


def test_older_names_of_swin(tmp_path: Path) -> None:
    """The same network: no weights are exchanged."""
    model = load_transformer("swin_digits", seed=1)
    old = before_timm_0_9(model.state_dict())
    assert "layers.0.downsample.reduction.weight" in old and "head.weight" in old
    found = load_transformer("swin_digits", saved(tmp_path / "old.pth", {"model": old}))
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(found(images), model(images))
    new = model.state_dict()
    assert timm_names(new).keys() == new.keys()


def test_the_checkpoint_has_the_number_of_classes(tmp_path: Path) -> None:
    state = ARCHITECTURES["deit_digits"].build(7).state_dict()
    path = saved(tmp_path / "seven.pth", state)
    network = load("deit_digits", path, calibration=torch.randn(1, 3, 32, 32))
    assert network.graph.tensors["deit_digits.head"].shape == (1, 7)
    assert network.weights == str(path)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"norm.weight": None}, "which lacks norm.weight"),
        ({"head.fc.weight": None}, "which lacks head.fc.weight"),
        (
            {"norm.weight": torch.ones(65)},
            r"whose norm.weight has shape \(65,\) instead of \(64,\)",
        ),
        ({"norm.more": torch.ones(1)}, "which has norm.more besides"),
    ],
)
def test_names_and_shapes_are_strict(
    tmp_path: Path, changed: dict[str, torch.Tensor | None], sentence: str
) -> None:
    state = load_transformer("swin_digits").state_dict() | changed
    kept = {name: value for name, value in state.items() if value is not None}
    path = saved(tmp_path / "wrong.pth", kept)
    due = f"weights must be a checkpoint of swin_digits, got {re.escape(str(path))}, {sentence}"
    with pytest.raises(ValueError, match=due):
        load_transformer("swin_digits", path)


def test_other_files_and_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"weights must be a readable checkpoint, got .*no such"):
        load_transformer("deit_tiny", tmp_path / "none.pth")
    with pytest.raises(ValueError, match=r"weights must be a readable checkpoint, .* a folder"):
        load_transformer("deit_tiny", tmp_path)
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ValueError, match="not a file of tensors that"):
        load_transformer("deit_tiny", tmp_path / "text.pth")
    with pytest.raises(ValueError, match=r"transformer must be one of deit_tiny, .* got resnet18"):
        load_transformer("resnet18")
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        load_transformer("deit_digits", seed=-1)


@pytest.mark.parametrize("name", ON_DIGITS)
def test_a_seeded_network_is_calibrated_and_equal(name: str) -> None:
    network, images = load(name, seed=2), torch.randn(1, 3, 32, 32)
    found = execute(network.graph, network.codes(images))
    due = network.reference(images)
    assert len(due) > 45
    for tensor, codes in due.items():
        np.testing.assert_array_equal(found[tensor], codes, tensor)
