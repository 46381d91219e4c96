"""Preprocessing of images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from maccord.nets.images import MEAN, STD, calibration_crops, load_crop, normalize, photograph


def _saved(tmp_path: Path, pixels, mode=None, name="image.png"):
    path = tmp_path / name
    Image.fromarray(pixels, mode).save(path) if mode is None else Image.fromarray(pixels).convert(
        mode
    ).save(path)
    return path


def test_default_is_a_photograph() -> None:
    crop = load_crop()
    assert crop.shape == (224, 224, 3)
    assert crop.dtype == np.float32
    assert 0 <= crop.min() < 0.1
    assert 0.9 < crop.max() <= 1
    assert photograph().size == (640, 427)
    assert photograph("flower").size == (640, 427)


def test_center_crop_of_a_square_is_not_resized(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (256, 256, 3), np.uint8)
    crop = load_crop(_saved(tmp_path, pixels))
    np.testing.assert_array_equal(crop, pixels[16:240, 16:240].astype(np.float32) / 255)


@pytest.mark.parametrize("size", [(300, 500), (500, 300), (100, 90), (224, 1000), (257, 256)])
def test_short_side_becomes_256(size, tmp_path: Path) -> None:
    """A ramp along the long side keeps its slope: 256 / short side, centered."""
    height, width = size
    ramp = np.linspace(0, 255, max(size))
    pixels = np.broadcast_to(ramp if width > height else ramp[:, None], size)
    crop = load_crop(_saved(tmp_path, np.rint(pixels).astype(np.uint8)))[..., 0] * 255
    line = crop.mean(axis=0 if width > height else 1)
    slope = 255 / (max(size) - 1) * min(size) / 256
    np.testing.assert_allclose(np.diff(line).mean(), slope, rtol=0.02)
    np.testing.assert_allclose(line.mean(), 127.5, atol=1.0)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_other_modes_become_rgb(mode, tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (256, 300, 3), np.uint8)
    assert load_crop(_saved(tmp_path, pixels, mode)).shape == (224, 224, 3)


def test_sixteen_bits_of_grey_are_scaled(tmp_path: Path) -> None:
    codes = np.linspace(0, 65535, 256 * 256).reshape(256, 256).astype(np.uint16)
    expected = np.rint(codes[16:240, 16:240] / 257).astype(np.float32) / 255
    for name in ("grey.png", "grey.tiff"):
        crop = load_crop(_saved(tmp_path, codes, name=name))
        np.testing.assert_array_equal(crop, np.repeat(expected[..., None], 3, 2))


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_numbers_without_a_range_are_refused(kind, tmp_path: Path) -> None:
    path = _saved(tmp_path, np.zeros((256, 256), kind), name="wide.tiff")
    with pytest.raises(ValueError, match=r"wide.tiff: it must have 8 bits .* Pillow's mode [FI]$"):
        load_crop(path)


@pytest.mark.parametrize("turned", [2, 3, 5, 6, 8])
def test_exif_turns_the_image(turned, tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (256, 256, 3), np.uint8)
    upright = {2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 5: pixels.swapaxes(0, 1)}
    upright |= {6: np.rot90(pixels, -1), 8: np.rot90(pixels)}
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turned
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    crop = load_crop(tmp_path / "turned.png")
    np.testing.assert_array_equal(crop, upright[turned][16:240, 16:240].astype(np.float32) / 255)


def test_a_strip_is_refused_before_it_is_resized(tmp_path: Path) -> None:
    path = _saved(tmp_path, np.zeros((1, 10_000), np.uint8))
    with pytest.raises(ValueError, match="at most 64 times the short one, not 10000 x 1 pixels"):
        load_crop(path)


def test_more_pixels_than_pillow_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _saved(tmp_path, np.zeros((300, 300), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    with pytest.raises(ValueError, match="more pixels than Pillow's limit, 20,000"):
        load_crop(path)


def test_normalize() -> None:
    crop = np.stack([np.full((4, 5), mean, np.float32) for mean in MEAN], axis=-1)
    tensor = normalize(crop)
    assert tensor.shape == (1, 3, 4, 5)
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor, 0, atol=1e-7)
    shifted = normalize(crop + np.float32(STD))
    np.testing.assert_allclose(shifted, 1, rtol=1e-5)


def test_calibration_crops_differ() -> None:
    crops = calibration_crops()
    assert len(crops) == 12
    assert len({crop.tobytes() for crop in crops}) == 12
    np.testing.assert_array_equal(crops[0][:, ::-1], crops[1])


def test_unreadable_images(tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"not an image")
    with pytest.raises(ValueError, match=r"image must be a readable image file, got .*broken.png"):
        load_crop(path)
    with pytest.raises(ValueError, match=r"absent.png: No such file or directory"):
        load_crop(tmp_path / "absent.png")
    with pytest.raises(ValueError, match="image must be a readable image file"):
        load_crop(tmp_path)
    whole = _saved(tmp_path, np.zeros((300, 300, 3), np.uint8), name="cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"image must be a readable image file, got .*cut.png"):
        load_crop(tmp_path / "cut.png")
