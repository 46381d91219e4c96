"""Checkpoints with torchvision's names: the right ones load, others are refused in a sentence."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from maccord.golden.network import compute
from maccord.nets.checkpoint import load_checkpoint
from maccord.nets.images import calibration_crops, normalize
from maccord.nets.library import load
from maccord.nets.networks import NETWORKS

PARAMETERS = {
    "resnet18": 11_689_512,
    "vgg16": 138_357_544,
    "squeezenet1_1": 1_235_496,
    "resnet50": 25_557_032,
    "mobilenet_v2": 3_504_872,
    "efficientnet_lite0": 4_652_008,
    "mobilenet_v3_small": 2_542_856,
    "shufflenet_v2_x1_0": 2_278_604,
    "densenet121": 7_978_856,
    "resnext50_32x4d": 25_028_904,
    "vgg19": 143_667_240,
    "mobilenet_v1": 4_231_976,  # torchvision has none: Howard et al. say 4.2 million
    "nin": 2_451_250,
}


def _state(name, classes, seed=1):
    torch.manual_seed(seed)
    return NETWORKS[name].build(classes).state_dict()


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_are_the_published_ones(name) -> None:
    outline = NETWORKS[name].outline()
    assert sum(parameter.numel() for parameter in outline.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_seventy_classes(name, wrapped, tmp_path: Path) -> None:
    """The number of classes comes from the file, and each layer still equals PyTorch's."""
    state = _state(name, 70)
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": state, "epoch": 3} if wrapped else state, path)
    calibration = [normalize(crop) for crop in calibration_crops()[:2]]
    network = load(name, weights=path, calibration=calibration, cache=tmp_path)
    assert network.weights == str(path)
    assert network.classify(calibration[0]).logits.shape == (70,)
    for layer_name, recording in network.record(calibration[1]).items():
        layer = network.layers[layer_name]
        np.testing.assert_array_equal(
            compute(layer, [recording.x_q]), recording.y_torch, layer_name
        )


@pytest.mark.parametrize("form", ["safetensors", "parallel", "parallel safetensors"])
def test_other_forms_hold_the_same_weights(form: str, tmp_path: Path) -> None:
    state = _state("squeezenet1_1", 7)
    named = {f"module.{name}": value for name, value in state.items()}
    path = tmp_path / "weights.bin"
    if "safetensors" in form:
        save_file(named if "parallel" in form else state, path)
    else:
        torch.save({"state_dict": named}, path)
    found = load_checkpoint(NETWORKS["squeezenet1_1"], path).state_dict()
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], value) for name, value in state.items())


def test_half_a_file_of_safetensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(_state("squeezenet1_1", 7), path)
    path.write_bytes(path.read_bytes()[:5000])
    said = f"got {path}: not a file of tensors that safetensors reads"
    with pytest.raises(ValueError, match=re.escape(said)):
        load_checkpoint(NETWORKS["squeezenet1_1"], path)
    other = {f"module.{name}": value for name, value in _state("resnet18", 7).items()}
    save_file(other, path)
    with pytest.raises(ValueError, match=r"must be a checkpoint of squeezenet1_1, got .* lacks"):
        load_checkpoint(NETWORKS["squeezenet1_1"], path)


def test_the_files_weights_are_used(tmp_path: Path) -> None:
    """Weights of a layer without batch norm, quantized, are those of the file."""
    state = _state("squeezenet1_1", 1000)
    path = tmp_path / "weights.pt"
    torch.save(state, path)
    calibration = [normalize(calibration_crops()[0])]
    network = load(
        *("squeezenet1_1", path, 0, calibration, tmp_path),
        corrected=False,
    )
    layer = network.layers["squeezenet1_1.features.6.squeeze"]
    float_weight = state["features.6.squeeze.weight"].numpy()
    steps = float_weight / layer.weight_scale[:, None, None, None]
    assert np.abs(steps - layer.weight).max() < 0.501
    np.testing.assert_array_equal(layer.bias, state["features.6.squeeze.bias"].numpy())


def test_old_checkpoints_without_batch_counts(tmp_path: Path) -> None:
    state = {
        key: value for key, value in _state("resnet18", 10).items() if "num_batches" not in key
    }
    path = tmp_path / "old.pth"
    torch.save(state, path)
    assert load_checkpoint(NETWORKS["resnet18"], path).fc.weight.shape == (10, 512)


def _refused(path, name="resnet18"):
    with pytest.raises(ValueError, match="weights must be") as caught:
        load_checkpoint(NETWORKS[name], path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_another_architecture(tmp_path: Path) -> None:
    path = tmp_path / "squeezenet.pth"
    torch.save(_state("squeezenet1_1", 1000), path)
    assert re.search("a checkpoint of resnet18, got .*, which lacks fc.weight", _refused(path))
    assert "which lacks classifier.6.weight" in _refused(path, "vgg16")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("layer2.0.conv2.weight"), "which lacks layer2.0.conv2.weight"),
        (lambda s: s.update(extra=torch.zeros(1)), "which has extra besides"),
        (
            lambda s: s.update({"layer1.0.conv1.weight": torch.zeros(64, 64, 1, 1)}),
            "whose layer1.0.conv1.weight has shape (64, 64, 1, 1) instead of (64, 64, 3, 3)",
        ),
        (lambda s: s["fc.bias"].fill_(float("nan")), "weights must be finite numbers"),
        (lambda s: s.update(epoch=3), "weights must be a state dict of tensors"),
    ],
)
def test_changed_checkpoints(change, message: str, tmp_path: Path) -> None:
    state = _state("resnet18", 10)
    change(state)
    path = tmp_path / "changed.pth"
    torch.save(state, path)
    assert message in _refused(path)


def test_unreadable_files(tmp_path: Path) -> None:
    path = tmp_path / "text.pth"
    path.write_text("no tensors here")
    assert "text.pth: not a file of tensors that torch.load reads" in _refused(path)
    for text in ("root:x:0:0:root:/root:/bin/sh\n", "# Title\n", "0", "}q"):  # opcodes of pickles
        path.write_text(text)
        assert "text.pth: not a file of tensors" in _refused(path)
    path.write_bytes(b"")
    assert "text.pth: not a file of tensors" in _refused(path)
    assert "No such file or directory" in _refused(tmp_path / "absent.pth")
    assert f"got {tmp_path}: it is a folder" in _refused(tmp_path)
