"""What networks of any input are fed: photographs, files, random numbers; and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maccord.nets.images import IMAGENET, calibration_crops, load_crop, normalize
from maccord.nets.preprocess import Preprocessing
from maccord.sim.feeding import feed
from maccord.sim.inputs import Inputs, check_inputs
from maccord.sim.results import CLEAN

RNG = np.random.default_rng(3)
SIGNAL = (2, 60)


def _own(**options) -> Inputs:
    return Inputs(module="own:net", **options)


def _saved(folder: Path, array: np.ndarray, name: str = "x.npy") -> Path:
    np.save(folder / name, array)
    return folder / name


def test_the_usual_image_is_what_it_was() -> None:
    usual = Preprocessing()
    np.testing.assert_array_equal(usual.load(), load_crop())
    for ours, theirs in zip(usual.calibration(), calibration_crops(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    found = feed(Inputs(), (3, 224, 224), "resnet18", IMAGENET)
    np.testing.assert_array_equal(found.inputs[CLEAN], normalize(load_crop()))
    assert (found.calibration, found.source) == (None, "china")


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 10, 49), (3, 64, 20)])
def test_photographs_of_any_size(shape: tuple[int, ...]) -> None:
    found = feed(_own(batch=3, perturb="awgn:0.3"), shape, "net")
    assert {name: x.shape for name, x in found.inputs.items()} == {
        CLEAN: (3, *shape),
        "awgn:0.3": (3, *shape),
    }
    assert found.calibration
    assert {row.shape for row in found.calibration} == {(1, *shape)}
    assert len(found.calibration) == 12


def test_mean_std_and_resize_are_used_for_every_image(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    path = tmp_path / "noise.png"
    Image.fromarray(pixels).save(path)
    asked = _own(image=path, calibration=path, mean=(0.5,), std=(0.25, 0.5, 1.0), resize=(40,))
    found = feed(asked, (3, 32, 32), "net")
    cut = pixels[4:36, 14:46].astype(np.float32) / 255
    expected = ((cut - 0.5) / np.array([0.25, 0.5, 1], np.float32)).transpose(2, 0, 1)
    np.testing.assert_allclose(found.inputs[CLEAN][0], expected, rtol=1e-6)
    assert found.calibration
    np.testing.assert_array_equal(found.calibration[0], found.inputs[CLEAN])
    assert found.described == {
        "source": str(path),
        "shape": "3 x 32 x 32",
        "resize": "40",
        "crop": "32x32",
        "colour": "RGB",
        "mean": "0.5,0.5,0.5",
        "std": "0.25,0.5,1",
    }
    same = feed(_own(input=path, calibration=path, mean=(0.5,), std=(0.25, 0.5, 1.0), resize=(40,)),
                (3, 32, 32), "net")  # fmt: skip
    np.testing.assert_array_equal(same.inputs[CLEAN], found.inputs[CLEAN])


def test_grey_images_and_exact_sizes(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.fromarray(RNG.integers(0, 256, (20, 30), dtype=np.uint8)).save(path)
    found = feed(_own(image=path, resize=(20, 30)), (1, 20, 30), "net")
    pixels = np.asarray(Image.open(path), np.float32) / 255
    np.testing.assert_array_equal(found.inputs[CLEAN][0, 0], pixels)
    assert feed(_own(), (1, 20, 30), "net").source == "random, seed 0"


def test_random_inputs_are_seeded() -> None:
    one, again, other = (feed(_own(seed=seed, batch=2), SIGNAL, "net") for seed in (4, 4, 5))
    assert one.source == "random, seed 4"
    np.testing.assert_array_equal(one.inputs[CLEAN], again.inputs[CLEAN])
    assert (one.inputs[CLEAN] != other.inputs[CLEAN]).any()
    assert one.inputs[CLEAN].shape == (2, *SIGNAL)
    assert one.calibration
    assert (np.concatenate(one.calibration)[:2] != one.inputs[CLEAN]).any()


def test_floats_calibrate_themselves_and_codes_do_not(tmp_path: Path) -> None:
    floats = RNG.normal(size=(3, *SIGNAL))
    found = feed(_own(input=_saved(tmp_path, floats)), SIGNAL, "net")
    np.testing.assert_array_equal(found.inputs[CLEAN], floats.astype(np.float32))
    assert found.calibration
    np.testing.assert_array_equal(np.concatenate(found.calibration), found.inputs[CLEAN])
    codes = RNG.integers(0, 256, SIGNAL, dtype=np.uint8)
    found = feed(_own(input=_saved(tmp_path, codes)), SIGNAL, "net")
    np.testing.assert_array_equal(found.inputs[CLEAN], codes[None])
    assert found.calibration
    assert len(found.calibration) == 8


ARRAYS = {
    "shape": (np.zeros((3, 2, 59)), r"input must have shape \(N, 2, 60\) for net, got \(3, 2, 59"),
    "integers": (
        np.zeros(SIGNAL, int),
        "input must be an .npy file of floats, or of uint8 codes",
    ),
    "nan": (np.full(SIGNAL, np.nan), "input must be finite float32 numbers, got others in"),
    "large": (np.full(SIGNAL, 1e300), "input must be finite float32 numbers, got others in"),
    "none": (np.zeros((0, *SIGNAL)), r"input must have shape .*, got \(0, 2, 60\)"),
    "many": (np.zeros((257, *SIGNAL), np.uint8), "input must hold at most 256 inputs, got 257"),
    "objects": (
        np.array([{}]),
        "input must be an .npy file of floats, .*: not an array of numbers",
    ),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_do_not_fit_are_refused(name: str, tmp_path: Path) -> None:
    array, sentence = ARRAYS[name]
    with pytest.raises(ValueError, match=sentence):
        feed(_own(input=_saved(tmp_path, array)), SIGNAL, "net")


def test_an_array_is_checked_at_once_where_the_shape_is_known(tmp_path: Path) -> None:
    path = _saved(tmp_path, np.zeros((3, 2, 59)))
    check_inputs(_own(input=path))  # the network's file may declare that shape
    for asked in (_own(input=path, input_shape=SIGNAL), Inputs(input=path)):
        with pytest.raises(ValueError, match="input must have shape"):
            check_inputs(asked)


NEEDS = {
    "image": {"image": Path("a.png")},
    "input": {"input": Path("a.png")},
    "calibration": {"calibration": Path("a.png")},
    "mean": {"mean": (0.5,)},
    "resize": {"resize": (20,)},
}


@pytest.mark.parametrize("name", NEEDS)
def test_options_of_images_need_images(name: str) -> None:
    sentence = f"{name} needs an input of 3 x H x W, or 1 x H x W for grey, got 2 x 60 for net"
    with pytest.raises(ValueError, match=sentence):
        feed(_own(**NEEDS[name]), SIGNAL, "net")


def test_perturbations_and_batches_of_arrays_are_refused(tmp_path: Path) -> None:
    path = _saved(tmp_path, np.zeros((3, *SIGNAL)))
    with pytest.raises(ValueError, match="perturb needs an image, got the array"):
        feed(_own(input=path, perturb="awgn:0.3"), SIGNAL, "net")
    with pytest.raises(ValueError, match="perturb needs an image, got the random input of 2 x 60"):
        feed(_own(perturb="awgn:0.3"), SIGNAL, "net")
    with pytest.raises(ValueError, match=r"batch must be left out with input, or be 3, .* got 2"):
        feed(_own(input=path, batch=2), SIGNAL, "net")


def test_boxes_are_within_the_crop() -> None:
    with pytest.raises(ValueError, match="bbox"):
        feed(_own(perturb="vertical:2", bbox="0,0,40,20"), (3, 32, 32), "net")


def test_images_that_do_not_hold_the_crop_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tall.png"
    Image.new("RGB", (30, 60)).save(path)
    with pytest.raises(ValueError, match="at least 20 x 40 pixels when resized, got 60 x 30"):
        feed(_own(image=path, resize=(30,)), (3, 20, 40), "net")
    with pytest.raises(ValueError, match=r"mean must be 1 numbers for .* 1 x H x W, got 3"):
        feed(_own(image=path, mean=(0.1, 0.2, 0.3)), (1, 20, 20), "net")
