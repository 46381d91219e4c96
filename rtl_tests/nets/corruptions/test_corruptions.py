"""The corruptions against their definitions, pixel by pixel where that is short."""

import colorsys
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from maccord.nets.corruptions import blur, digital, noise, tables, weather
from maccord.nets.corruptions.apply import corrupt
from maccord.nets.corruptions.frost import VARIABLE, check_photographs, photographs, source
from maccord.nets.corruptions.tables import KINDS, SEVERITIES
from maccord.nets.perturb import Perturbation, parse

DETERMINISTIC = {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate"} | {
    "jpeg_compression"
}
SIZES = (32, 96)  # CIFAR-C's constants, ImageNet-C's


def constants(kind, severity, size) -> Any:
    return tables.constants(kind, severity, size)


def rngs(count, seed=0):
    return [np.random.default_rng([seed, index]) for index in range(count)]


def pictures(count=3, size=32, seed=0):
    """Smooth pictures in 8 bits, as float64."""
    drawn = np.random.default_rng(seed).random((count, size, size, 3))
    soft = ndimage.gaussian_filter(drawn, (0, 2, 2, 0))
    low, high = soft.min(), soft.max()
    return np.rint((soft - low) / (high - low) * 255) / 255


def flat(value, size):
    return np.full((2, size, size, 3), value)


def naive_motion(image, radius, sigma, degrees):
    """The blur as a double loop over pixels and taps."""
    taps = range(2 * int(np.ceil(radius)) + 1)
    weights = np.array([np.exp(-(i**2) / (2 * sigma**2)) for i in taps])
    weights /= weights.sum()
    height, width = image.shape[:2]
    found = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            for i, weight in zip(taps, weights, strict=True):
                dy = int(np.ceil(i * np.sin(np.deg2rad(degrees)) - 0.5))
                dx = int(np.ceil(i * np.cos(np.deg2rad(degrees)) - 0.5))
                row, column = min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)
                found[y, x] += weight * image[row, column]
    return found


def naive_zoom(image, factor):
    size = image.shape[0]
    kept = int(np.ceil(size / factor))
    top = (size - kept) // 2
    found = ndimage.zoom(image[top : top + kept, top : top + kept], (factor, factor, 1), order=1)
    trim = (found.shape[0] - size) // 2
    return found[trim : trim + size, trim : trim + size]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_noise_has_the_severitys_strength(severity, size) -> None:
    """On flat images: the deviation, the counts' variance, the share of changed values."""
    table = ((0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38))[size > 64]
    many = np.repeat(flat(0.5, size), 4, axis=0)
    sigma = table[severity - 1]
    found = noise.gaussian_noise(many, constants("gaussian_noise", severity, size), rngs(8))
    assert np.std(found - many) == pytest.approx(sigma, rel=0.02)

    photons = ((500, 250, 100, 75, 50), (60, 25, 12, 5, 3))[size > 64][severity - 1]
    found = noise.shot_noise(many, constants("shot_noise", severity, size), rngs(8))
    assert found.mean() == pytest.approx(0.5, rel=0.02)
    assert np.var(found) == pytest.approx(0.5 / photons, rel=0.04)

    share = ((0.01, 0.02, 0.03, 0.05, 0.07), (0.03, 0.06, 0.09, 0.17, 0.27))[size > 64]
    found = noise.impulse_noise(many, constants("impulse_noise", severity, size), rngs(8))
    assert (found != many).mean() == pytest.approx(share[severity - 1], rel=0.15)
    assert set(np.unique(found)) == {0.0, 0.5, 1.0}
    assert (found == 1).sum() == pytest.approx((found == 0).sum(), rel=0.25)


@pytest.mark.parametrize(("size", "severity"), [(32, 1), (32, 5), (96, 1), (96, 4), (96, 5)])
def test_defocus_is_a_soft_disk(size, severity) -> None:
    radius, sigma = constants("defocus_blur", severity, size)
    kernel = blur.disk(radius, sigma)
    # The softened edge of a disk that fills its array is mirrored, as in the published script
    assert kernel.sum() == pytest.approx(1, rel=0.02 if radius >= 8 else 1e-9)
    point = np.zeros((1, size, size, 3))
    point[0, size // 2, size // 2] = 1
    spread = blur.defocus_blur(point, (radius, sigma), [])[0, :, :, 0]
    y, x = np.mgrid[:size, :size] - size // 2
    assert spread.sum() == pytest.approx(kernel.sum())
    far = y**2 + x**2 > (radius + 3) ** 2
    assert not spread[far].any()
    inside = (abs(y) + abs(x)) == 0
    area = (np.add.outer(np.arange(-12, 13) ** 2, np.arange(-12, 13) ** 2) <= radius**2).sum()
    if radius >= 3:
        assert spread[inside] == pytest.approx(1 / area, rel=1e-9)
    else:
        assert spread[inside] < 1


@pytest.mark.parametrize(("severity", "size"), [(1, 32), (3, 32), (5, 32), (4, 96)])
def test_glass_copies_neighbours_pixel_by_pixel(severity, size) -> None:
    """As the published loop does on an array: its swap is a copy."""
    sigma, reach, passes = constants("glass_blur", severity, size)
    images = pictures(2, size)
    found = blur.glass_blur(images, (sigma, reach, passes), rngs(2))
    for image, result, rng in zip(images, found, rngs(2), strict=True):
        soft = ndimage.gaussian_filter(image, (sigma, sigma, 0), mode="nearest")
        x = (soft * 255).astype(np.uint8)
        for _ in range(passes):
            for h in range(size - reach, reach, -1):
                for w in range(size - reach, reach, -1):
                    dx, dy = rng.integers(-reach, reach, size=2)
                    x[h, w], x[h + dy, w + dx] = x[h + dy, w + dx], x[h, w]
        soft = ndimage.gaussian_filter(x / 255.0, (sigma, sigma, 0), mode="nearest")
        np.testing.assert_allclose(result, soft, atol=1e-12)


def test_motion_is_a_line_of_taps() -> None:
    images = pictures(2, 32)
    for severity in (1, 5):
        constant = constants("motion_blur", severity, 32)
        found = blur.motion_blur(images, constant, rngs(2))
        for image, result, rng in zip(images, found, rngs(2), strict=True):
            expected = naive_motion(image, *constant, rng.uniform(-45, 45))
            np.testing.assert_allclose(result, expected, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_zoom_is_a_mean_of_magnified_images(size) -> None:
    images = pictures(2, size)
    for severity in (1, 5):
        factors = constants("zoom_blur", severity, size)
        assert factors[0] == 1
        found = blur.zoom_blur(images, factors, [])
        for image, result in zip(images, found, strict=True):
            total = image + sum(naive_zoom(image, factor) for factor in factors)
            np.testing.assert_allclose(result, total / (len(factors) + 1), atol=1e-12)


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_snow_is_whiter_and_has_two_layers(severity) -> None:
    images = pictures(2, 32)
    constant = constants("snow", severity, 32)
    mean, deviation, zoom, threshold, radius, sigma, kept = constant
    found = weather.snow(images, constant, rngs(2))
    for image, result, rng in zip(images, found, rngs(2), strict=True):
        layer = naive_zoom(rng.normal(mean, deviation, (32, 32))[..., None], zoom)
        layer = np.where(layer < threshold, 0, layer)
        layer = np.uint8(layer.clip(0, 1) * 255).astype(float)
        layer = np.rint(naive_motion(layer, radius, sigma, rng.uniform(-135, -45))) / 255
        grey = 0.299 * image[..., 0] + 0.587 * image[..., 1] + 0.114 * image[..., 2]
        white = kept * image + (1 - kept) * np.maximum(image, grey[..., None] * 1.5 + 0.5)
        np.testing.assert_allclose(result, white + layer + np.rot90(layer, 2), atol=1e-12)


def test_fog_adds_a_plasma_and_rescales() -> None:
    images = pictures(2, 32) * 0.8
    strength, decay = constants("fog", 3, 32)
    drawn = weather.plasma(32, decay, rngs(2))[..., None]
    top = images.max(axis=(1, 2, 3), keepdims=True)
    expected = (images + strength * drawn) * top / (top + strength)
    np.testing.assert_allclose(weather.fog(images, (strength, decay), rngs(2)), expected)
    assert (drawn.min((1, 2)) == 0).all() and (drawn.max((1, 2)) == 1).all()


def test_plasma_interpolates_where_deviations_vanish() -> None:
    """With an immense decay only the first step's deviations remain; means fill the rest."""
    field = weather.plasma(16, 1e12, rngs(1))[0]
    square = field[4, 4]
    corners = [field[0, 0], field[0, 8], field[8, 0], field[8, 8]]
    assert square == pytest.approx(np.mean(corners))
    assert field[0, 4] == pytest.approx(np.mean([field[0, 0], field[0, 8], square, field[12, 4]]))
    rough = [np.abs(np.diff(weather.plasma(64, decay, rngs(4)))).mean() for decay in (3, 2, 1.4)]
    assert rough == sorted(rough)


def test_brightness_adds_to_the_value_of_hsv() -> None:
    images = pictures(1, 32)
    images[0, 0] = 0
    found = weather.brightness(images, 0.2, [])
    for pixel, result in zip(images.reshape(-1, 3), found.reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        expected = colorsys.hsv_to_rgb(hue, saturation, min(value + 0.2, 1))
        np.testing.assert_allclose(result, expected, atol=1e-12)


def test_contrast_keeps_means_and_shrinks_deviations() -> None:
    images = pictures(2, 32)
    for severity, kept in zip(SEVERITIES, (0.75, 0.5, 0.4, 0.3, 0.15), strict=True):
        found = digital.contrast(images, constants("contrast", severity, 32), [])
        np.testing.assert_allclose(found.mean((1, 2)), images.mean((1, 2)))
        np.testing.assert_allclose(found.std((1, 2)), kept * images.std((1, 2)))


@pytest.mark.parametrize("severity", [1, 2, 5])
def test_elastic_samples_an_affine_map_and_smooth_moves(severity) -> None:
    images = pictures(2, 32)
    constant = constants("elastic_transform", severity, 32)
    strength, sigma, reach = (32 * part for part in constant)
    found = digital.elastic_transform(images, constant, rngs(2))
    for image, result, rng in zip(images, found, rngs(2), strict=True):
        before = np.array([[26, 26], [26, 6], [6, 6]], float)
        after = before + rng.uniform(-reach, reach, (3, 2))
        forward = np.linalg.solve(np.c_[before, np.ones(3)], after).T  # (2, 3)
        dx, dy = (
            ndimage.gaussian_filter(rng.uniform(-1, 1, (32, 32)), sigma, truncate=3) * strength
            for _ in "xy"
        )
        y, x = np.mgrid[:32, :32].astype(float)
        inverse = np.linalg.inv(np.vstack([forward, [0, 0, 1]]))
        u, v = (inverse[row, 0] * x + inverse[row, 1] * y + inverse[row, 2] for row in (0, 1))
        for channel in range(3):
            turned = ndimage.map_coordinates(image[..., channel], [v, u], order=1, mode="mirror")
            moved = ndimage.map_coordinates(turned, [y + dy, x + dx], order=1, mode="reflect")
            np.testing.assert_allclose(result[..., channel], moved, atol=1e-9)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_jpeg_and_pixelation_are_pillows(severity) -> None:
    images = pictures(2, 32)
    quality = (80, 65, 58, 50, 40)[severity - 1]
    share = (0.95, 0.9, 0.85, 0.75, 0.65)[severity - 1]
    jpeg = corrupt(images.astype(np.float32), "jpeg_compression", severity, rngs(2))
    coarse = corrupt(images.astype(np.float32), "pixelate", severity, rngs(2))
    for image, packed, shrunk in zip(images, jpeg, coarse, strict=True):
        picture = Image.fromarray(np.rint(image * 255).astype(np.uint8))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        np.testing.assert_array_equal(np.rint(packed * 255), np.asarray(Image.open(file)))
        small = picture.resize((int(32 * share),) * 2, Image.Resampling.BOX)
        expected = np.asarray(small.resize((32, 32), Image.Resampling.BOX))
        np.testing.assert_array_equal(np.rint(shrunk * 255), expected)


def test_frost_is_cut_from_photographs(tmp_path, monkeypatch) -> None:
    drawn = np.random.default_rng(1).integers(0, 256, (6, 300, 400, 3), np.uint8)
    for index, pixels in enumerate(drawn):
        Image.fromarray(pixels).save(tmp_path / f"frost{index}.png")
    images = pictures(4, 96)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert source() == "stand-in"
    plain = weather.frost(images, (1, 0.4), rngs(4))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert len(source()) == 12
    found = weather.frost(images, (0.8, 0.6), rngs(4))
    for image, result, rng in zip(images, found, rngs(4), strict=True):
        photograph = drawn[rng.integers(5)] / 255
        y, x = rng.integers(0, 300 - 96), rng.integers(0, 400 - 96)
        expected = 0.8 * image + 0.6 * photograph[y : y + 96, x : x + 96]
        np.testing.assert_allclose(result, expected)
    assert abs(plain - found).max() > 0.05
    assert photographs(32, 32)[0].shape == (60, 80, 3)
    with pytest.raises(ValueError, match=r"more than 320 x 320 pixels for .*400 x 300"):
        check_photographs(64, [None, Perturbation("frost", 1)])
    check_photographs(64, [None, Perturbation("fog", 1)])
    (tmp_path / "frost1.png").write_text("no image")
    with pytest.raises(ValueError, match=r"MACCORD_FROST must hold photographs, got .*frost1\.png"):
        check_photographs(48, [Perturbation("frost", 1)])
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    with pytest.raises(ValueError, match=r"MACCORD_FROST must be a folder of photographs"):
        weather.frost(images, (0.8, 0.6), rngs(4))


@pytest.mark.parametrize("kind", KINDS)
def test_levels_are_repeatable_by_image_and_grow(kind, monkeypatch) -> None:
    """The same image gives the same bytes alone and in a batch, and severity 5 differs more."""
    monkeypatch.delenv(VARIABLE, raising=False)
    crops = pictures(6, 32).astype(np.float32)
    before = crops.copy()
    changes = []
    for severity in SEVERITIES:
        level = Perturbation(kind, severity)
        assert str(level) == f"{kind}:{severity}" and parse(str(level)) == [level]
        found = level.apply_batch(crops, range(6), 3)
        np.testing.assert_array_equal(level.apply(crops[4], 3, image=4), found[4])
        np.testing.assert_array_equal(np.rint(found * 255).astype(np.float32) / 255, found)
        assert found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1
        again = level.apply_batch(crops, range(6), 4)
        assert np.array_equal(found, again) == (kind in DETERMINISTIC)
        changes.append(np.abs(found - crops).mean())
    np.testing.assert_array_equal(crops, before)
    assert changes[-1] > changes[0] or kind == "elastic_transform"
    assert len(set(changes)) == 5


def test_severities_are_whole_numbers_of_one_to_five() -> None:
    for text in ("fog:0", "fog:6", "fog:1.5"):
        with pytest.raises(ValueError, match="fog's severity must be a whole number between 1 and"):
            parse(text)
    assert len(KINDS) == 15
