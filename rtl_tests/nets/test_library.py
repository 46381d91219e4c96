"""Networks by name: the cache, the names, the inputs that are refused."""

import multiprocessing
import os
from pathlib import Path
from typing import Never

import numpy as np
import pytest

from maccord.nets import library, store
from maccord.nets.images import calibration_crops, load_crop, normalize
from maccord.nets.library import load, nearest
from maccord.nets.networks import NETWORKS

ONE = [normalize(calibration_crops()[0])]


def _equal(one, other) -> None:
    assert list(one.layers) == list(other.layers)
    assert one.shapes == other.shapes
    assert one.steps == other.steps
    for name, layer in one.layers.items():
        for field, value in vars(layer).items():
            np.testing.assert_array_equal(value, getattr(other.layers[name], field), field)


def test_a_second_load_reads_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = normalize(load_crop())
    first = load("squeezenet1_1", calibration=ONE, cache=tmp_path)
    monkeypatch.setattr(library, "_build", None)
    second = load("squeezenet1_1", calibration=ONE, cache=tmp_path)
    _equal(first, second)
    np.testing.assert_array_equal(first.classify(image).logits, second.classify(image).logits)
    assert [path.suffix for path in sorted(tmp_path.iterdir())] == [".lock", ".npz"]


def test_seed_and_calibration_make_other_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def build(network, weights, seed: int, images, corrected) -> Never:
        built.append((seed, len(images)))
        raise InterruptedError

    monkeypatch.setattr(library, "_build", build)
    for seed, calibration in ((0, ONE), (1, ONE), (0, ONE * 2)):
        with pytest.raises(InterruptedError):
            load("squeezenet1_1", seed=seed, calibration=calibration, cache=tmp_path)
    assert built == [(0, 1), (1, 1), (0, 2)]


@pytest.mark.parametrize("left", [0, 1, 1000, 100_000, -1])
def test_a_damaged_file_is_built_anew(left, tmp_path: Path) -> None:
    first = load("squeezenet1_1", calibration=ONE, cache=tmp_path)
    (path,) = tmp_path.glob("*.npz")
    whole = path.read_bytes()
    path.write_bytes(whole[:left])
    _equal(first, load("squeezenet1_1", calibration=ONE, cache=tmp_path))
    assert path.read_bytes() == whole


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_files_honour_the_umask(mask, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        store.write(tmp_path / "empty.npz", store.State([], {}, {}, {}))
    finally:
        os.umask(before)
    assert (tmp_path / "empty.npz").stat().st_mode & 0o777 == 0o666 & ~mask


def _weights_sum(folder):
    network = load("squeezenet1_1", seed=5, calibration=ONE, cache=folder)
    return sum(int(layer.weight.sum()) for layer in network.layers.values())


def test_processes_share_one_conversion(tmp_path: Path) -> None:
    """Two processes at once get the same network, and one file."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(_weights_sum, [tmp_path, tmp_path])
    assert first == second
    assert len(list(tmp_path.glob("*.npz"))) == 1


def test_names_and_description(tmp_path: Path) -> None:
    network = load("squeezenet1_1", seed=2, calibration=ONE, cache=tmp_path)
    assert network.name == "squeezenet1_1"
    assert network.weights == "seeded initialisation, seed 2"
    assert network.engine == "qnnpack"
    assert network.shapes["squeezenet1_1.features.0"] == ((1, 224, 224, 3), (1, 111, 111, 64))
    recordings = network.record(ONE[0], ["squeezenet1_1.features.3.squeeze"])
    assert list(recordings) == ["squeezenet1_1.features.3.squeeze"]
    assert network.record(ONE[0], []) == {}
    with pytest.raises(ValueError, match=r"got squeezenet1_1.features.3.expand \(nearest: .*expa"):
        network.record(ONE[0], ["squeezenet1_1.features.3.expand"])
    with pytest.raises(ValueError, match=r"input must be float32 of shape .* got float64"):
        network.record(ONE[0].astype(np.float64))
    classification = network.classify(ONE[0])
    assert classification.logits.shape == (1000,)
    assert classification.logits[classification.top] == classification.logits.max()


def test_refuses(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"network must be one of .* got resnet19 \(nearest: resn"):
        load("resnet19", cache=tmp_path)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        load("resnet18", seed=-1, cache=tmp_path)
    with pytest.raises(ValueError, match=r"no-such.pth: no such file"):
        load("resnet18", weights=tmp_path / "no-such.pth", cache=tmp_path)
    with pytest.raises(ValueError, match="it is a folder"):
        load("resnet18", weights=tmp_path, cache=tmp_path)
    with pytest.raises(ValueError, match=r"image must be of shape \(N, 3, H, W\) for resnet18"):
        load("resnet18", calibration=[np.zeros((3, 4, 4), np.float32)], cache=tmp_path)


def test_nearest() -> None:
    assert nearest("squeezenet", NETWORKS, 1) == ["squeezenet1_1"]
    assert nearest("zzz", NETWORKS) == list(NETWORKS)[:3]
