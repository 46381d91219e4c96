"""Data sets: digits, folders of images, FGVC-Aircraft; boxes that move with the crop."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maccord.nets.data.load import open_dataset
from maccord.nets.data.photographs import move_box
from maccord.nets.images import load_crop


def _picture(path, size=(300, 280), seed=0):
    """Save a random picture, width x height, and return its pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def test_digits_halves() -> None:
    train, test = open_dataset("digits", "train"), open_dataset("digits", "test")
    assert (len(train), len(test)) == (901, 896)
    assert train.classes == tuple("0123456789")
    assert train.size == 32
    whole = np.bincount(train.labels) + np.bincount(test.labels)
    np.testing.assert_array_equal(whole, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    assert np.abs(np.bincount(train.labels) - np.bincount(test.labels)).max() <= 1
    crops = {data.crop(i).tobytes() for data in (train, test) for i in range(len(data))}
    assert len(crops) == 1797  # no scan is in both
    assert train.digest != test.digest == open_dataset("digits", "test").digest


def test_digits_crops() -> None:
    data = open_dataset("digits", "test")
    crop = data.crop(5)
    assert crop.shape == (32, 32, 3)
    assert crop.dtype == np.float32
    assert crop.flags.c_contiguous
    assert 0 <= crop.min() < 0.1 < 0.8 < crop.max() <= 1
    np.testing.assert_array_equal(crop[..., 0], crop[..., 2])
    before = data.crop(5)
    crop[:] = 9
    np.testing.assert_array_equal(data.crop(5), before)  # a crop is the caller's own


def test_digits_boxes_hold_the_ink() -> None:
    """Interpolation spreads ink by half a cell, two pixels, beyond the box and no further."""
    data = open_dataset("digits", "train")
    tight = 0
    for index in range(0, len(data), 10):
        x0, y0, x1, y1 = data.box(index)
        assert 0 <= x0 < x1 <= 32
        assert 0 <= y0 < y1 <= 32
        assert min(x1 - x0, y1 - y0) >= 6
        ink = data.crop(index)[..., 0].copy()
        assert ink[y0:y1, x0 : x0 + 4].any()
        assert ink[y0:y1, x1 - 4 : x1].any()
        ink[max(y0 - 2, 0) : y1 + 2, max(x0 - 2, 0) : x1 + 2] = 0
        assert not ink.any()
        tight += (x0, x1) != (0, 32)
    assert tight > 40


@pytest.mark.parametrize("spec", ["digits", "folder:{}"])
def test_datasets_travel_to_other_processes(spec, tmp_path: Path) -> None:
    for split in ("train", "test"):
        _picture(tmp_path / split / "cat" / "a.png")
        _picture(tmp_path / split / "dog" / "b.png")
    data = open_dataset(spec.format(tmp_path), "test")
    copy = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(copy.crop(0), data.crop(0))
    assert copy.digest == data.digest


@pytest.mark.parametrize(
    ("box", "size", "moved"),
    [
        ((16, 16, 240, 240), (256, 256), (0, 0, 224, 224)),
        ((20, 30, 40, 50), (256, 256), (4, 14, 24, 34)),
        ((0, 0, 1024, 512), (1024, 512), (0, 0, 224, 224)),
        ((512, 256, 600, 300), (1024, 512), (112, 112, 156, 134)),  # the center is at 112, 112
        ((511, 255, 601, 301), (1024, 512), (111, 111, 157, 135)),  # outward to whole pixels
        ((0, 100, 250, 300), (1024, 512), (0, 0, 224, 224)),  # outside the crop
        ((0, 100, 330, 300), (1024, 512), (0, 34, 21, 134)),  # 330 / 2 - 144
        ((0, 100, 296, 300), (1024, 512), (0, 0, 224, 224)),  # four columns hold no six streaks
        ((100, 100, 200, 200), (300, 500), (69, 0, 155, 70)),
    ],
)
def test_move_box(box, size, moved) -> None:
    assert move_box(box, size) == moved


@pytest.mark.parametrize("seed", range(8))
def test_a_box_moves_as_its_pixels_do(seed: int, tmp_path: Path) -> None:
    """A white rectangle on black: where the crop is brighter than half is within its box."""
    rng = np.random.default_rng(seed)
    size = tuple(int(side) for side in rng.integers(150, 900, 2))
    x0, y0 = (int(rng.integers(0, side // 2)) for side in size)
    box = (x0, y0, x0 + size[0] // 3, y0 + size[1] // 3)
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    Image.fromarray(pixels).save(tmp_path / "box.png")
    crop = load_crop(tmp_path / "box.png")[..., 0]
    bright = np.argwhere(crop > 0.5)
    (top, left), (bottom, right) = bright.min(0), bright.max(0) + 1
    moved = move_box(box, size)
    assert moved[0] <= left <= moved[0] + 1
    assert moved[1] <= top <= moved[1] + 1
    assert moved[2] - 1 <= right <= moved[2]
    assert moved[3] - 1 <= bottom <= moved[3]


def test_one_class_is_no_data_set(tmp_path: Path) -> None:
    for split in ("train", "test"):
        _picture(tmp_path / split / "dog" / "a.png", seed=1)
    with pytest.raises(ValueError, match="data must have at least 2 classes, got 1 in"):
        open_dataset(f"folder:{tmp_path}", "train")


def test_folder_of_images(tmp_path: Path) -> None:
    for number, name in enumerate(("train/dog/b.png", "train/cat/a.png", "train/cat/x/c.png")):
        _picture(tmp_path / name, seed=number)
    _picture(tmp_path / "val" / "dog" / "e.png", seed=7)
    (tmp_path / "train" / "cat" / "notes.txt").write_text("not an image")
    train, test = (
        open_dataset(f"folder:{tmp_path}", "train"),
        open_dataset(f"folder:{tmp_path}", "test"),
    )
    assert train.classes == test.classes == ("cat", "dog")
    assert train.labels.tolist() == [0, 0, 1]
    assert test.labels.tolist() == [1]
    assert train.box(0) == (0, 0, 224, 224)
    np.testing.assert_array_equal(train.crop(2), load_crop(tmp_path / "train/dog/b.png"))
    (tmp_path / "val" / "fish").mkdir()
    with pytest.raises(ValueError, match=r"classes of .*val must be among .* train, got fish"):
        open_dataset(f"folder:{tmp_path}", "test")


def _aircraft(root, rows=300):
    """Two families; box and banner of the second image are its own."""
    data = root / "data"
    _picture(data / "images" / "0000001.jpg", (512, rows), seed=1)
    pixels = np.full((276, 256, 3), 255, np.uint8)
    pixels[:256] = 0  # black above a white banner of 20 rows
    Image.fromarray(pixels).save(data / "images" / "0000002.jpg")
    (data / "families.txt").write_text("A300\nBoeing 707\n")
    (data / "images_family_train.txt").write_text("0000001 A300\n")
    (data / "images_family_test.txt").write_text("0000002 Boeing 707\n0000001 A300\n")
    (data / "images_box.txt").write_text("0000001 1 1 512 300\n0000002 17 27 116 256\n")
    return root


@pytest.mark.parametrize("given", ["fgvc-aircraft-2013b", "", "fgvc-aircraft-2013b/data"])
def test_aircraft(given, tmp_path: Path) -> None:
    _aircraft(tmp_path / "fgvc-aircraft-2013b")
    data = open_dataset(f"aircraft:{tmp_path / given}", "test")
    assert data.classes == ("A300", "Boeing 707")
    assert data.labels.tolist() == [1, 0]
    assert data.box(0) == (0, 10, 100, 224)  # 16..116 and 26..256, less 16; clipped
    assert data.box(1) == (0, 0, 224, 224)
    assert data.crop(0).max() < 0.05  # the banner is gone, and nothing was scaled
    assert open_dataset(f"aircraft:{tmp_path / given}", "train").labels.tolist() == [0]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("images_family_test.txt", "0000002 Concorde\n", "families.txt, got .*Concorde"),
        ("images_family_test.txt", "", "at least one image, got none"),
        ("images_family_test.txt", "0000009 A300\n", "box of each image, got none of 0000009"),
        ("images_box.txt", "0000002 17 27 116\n", "a name and four numbers, got"),
        ("images_box.txt", "0000002 0 27 116 256\n", "boxes from 1 on"),
        ("images_box.txt", "0000002 17 27 16 256\n", "boxes from 1 on"),
        ("images_box.txt", None, "fgvc-aircraft-2013b, got .*images_box.txt: No such file"),
        ("families.txt", None, "which lacks data/families.txt"),
        ("images/0000002.jpg", None, "hold every image, got .*0000002.jpg: No such file"),
    ],
)
def test_damaged_aircraft(file, text, message: str, tmp_path: Path) -> None:
    path = _aircraft(tmp_path) / "data" / file
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(ValueError, match=message):
        open_dataset(f"aircraft:{tmp_path}", "test")


def test_images_that_cannot_be_read(tmp_path: Path) -> None:
    data = open_dataset(f"aircraft:{_aircraft(tmp_path)}", "test")
    path = tmp_path / "data" / "images" / "0000002.jpg"
    path.write_bytes(path.read_bytes()[:100])
    for read in (data.crop, data.box):
        with pytest.raises(ValueError, match=r"readable image file, got .*0000002.jpg: not an im"):
            read(0)
    Image.new("RGB", (300, 20)).save(path)
    with pytest.raises(ValueError, match=r"0000002.jpg must have more than 20 rows, got 20"):
        data.crop(0)


@pytest.mark.parametrize(
    ("spec", "split", "message"),
    [
        ("digits", "val", "split must be train or test, got 'val'"),
        ("imagenet:/x", "test", "data must be one of digits, aircraft:PATH, .*got 'imagenet:/x'"),
        ("aircraft", "test", "data must be one of"),
        ("digits:x", "test", "data must be one of"),
        ("folder:/nowhere", "test", "data must be there, got folder:/nowhere: no such folder"),
        ("folder:/dev", "test", "data must hold a folder train, got /dev"),
        ("aircraft:/dev", "test", "got /dev, which lacks data/families.txt"),
    ],
)
def test_refusals(spec, split, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_dataset(spec, split)
