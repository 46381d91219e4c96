"""White and Brownian noise keep to their definitions."""

import doctest
from math import erf, exp, pi, sqrt

import numpy as np
import pytest

from maccord.nets import noise
from maccord.nets.images import load_crop
from maccord.nets.noise import brownian, brownian_batch, brownian_deviation, white, white_batch
from maccord.nets.perturb import Perturbation

SHAPE = (224, 224, 3)
SMALL = (32, 32, 3)

# Gaussian of variance 1 clamped to -3..3: what lies within, and what was moved to the ends
INSIDE = erf(3 / sqrt(2))
VARIANCE = INSIDE - 2 * 3 * exp(-4.5) / sqrt(2 * pi) + 9 * (1 - INSIDE)


def rngs(count, seed=0):
    return [np.random.default_rng([seed, index]) for index in range(count)]


@pytest.mark.parametrize("sigma", [0.1, 0.3, 1.0])
def test_white_noise_is_a_clamped_gaussian(sigma) -> None:
    """Mean, deviation, what is clamped and three quantiles, each within 5 standard errors."""
    added = white_batch(SHAPE, sigma, rngs(8))
    assert np.abs(added).max() == np.float32(3 * sigma)
    draws = added.astype(np.float64) / sigma
    count = draws.size
    assert abs(draws.mean()) < 5 * sqrt(VARIANCE / count)
    assert abs(draws.var() - VARIANCE) < 5 * sqrt(2 / count)
    clamped = (np.abs(draws) > 3 - 1e-6).mean()
    assert abs(clamped - (1 - INSIDE)) < 5 * sqrt(INSIDE * (1 - INSIDE) / count)
    for bound in (0.5, 1, 2):
        share = erf(bound / sqrt(2))
        found = (np.abs(draws) < bound).mean()
        assert abs(found - share) < 5 * sqrt(share * (1 - share) / count)


def test_white_noise_is_independent() -> None:
    """Pixels beside, below and far from each other, the planes, two images: no correlation."""
    first, second = white_batch(SHAPE, 1, rngs(2)).astype(np.float64)
    pairs = {
        "beside": (first[:, :-1], first[:, 1:]),
        "below": (first[:-1], first[1:]),
        "far": (first, np.roll(first, (100, 50), axis=(0, 1))),
        "planes": (first, np.roll(first, 1, axis=2)),
        "images": (first, second),
    }
    for name, (one, other) in pairs.items():
        correlation = np.corrcoef(one.ravel(), other.ravel())[0, 1]
        assert abs(correlation) < 5 / sqrt(one.size), name


def test_the_noise_is_clamped_and_not_the_image() -> None:
    crop = load_crop()
    perturbed = Perturbation("awgn", 0.3).apply(crop)
    assert perturbed.min() < 0 < 1 < perturbed.max()
    assert np.abs(perturbed - crop).max() <= 0.9 + 1e-6


def powers(shape, literal, count):
    """Mean over draws of the squared amplitudes, in units of the white noise's; planes first."""
    draws = brownian_batch(shape, 40, rngs(count), literal=literal)
    planes = np.moveaxis(draws, -1, 1).astype(np.float64)
    spectrum = np.abs(np.fft.fft2(planes)) ** 2
    return spectrum.mean(axis=0) / (40**2 * shape[0] * shape[1])


def squared_radius(shape):
    u, v = (np.fft.fftfreq(side, 1 / side) for side in shape[:2])
    return u[:, None] ** 2 + v[None] ** 2


def slope(power):
    """Exponent of a power spectrum over frequencies 3 to 90, averaged in rings."""
    radius = np.sqrt(squared_radius(power.shape))
    rings = np.arange(3, 90)
    means = [power[np.abs(radius - ring) < 0.5].mean() for ring in rings]
    return np.polyfit(np.log(rings), np.log(means), 1)[0]


def test_brownian_power_falls_with_the_fourth_power_of_frequency() -> None:
    """Amplitudes are divided by f**2 (Langille 2024, equation 2.13), so power by f**4."""
    for power in powers(SHAPE, False, 12):
        assert slope(power) == pytest.approx(-4, abs=0.05)


@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize("shape", [SMALL, (31, 40, 3)], ids=str)
def test_brownian_components(shape, literal) -> None:
    """Each component has the power of its definition: white noise's over (u2 + v2 + z2)**2.

    Of a chi-squared variable over its degrees of freedom (1 for the few real components, else 2),
    the mean over `count` draws has a standard deviation of at most sqrt(2 / count).
    """
    count = 400
    found = powers(shape, literal, count)
    for plane, power in enumerate(found):
        squares = squared_radius(shape) + (plane**2 if literal else 0)
        ratio = (power * squares**2).ravel()[1:]
        assert abs(ratio.mean() - 1) < 5 * sqrt(2 / (count * ratio.size))
        assert np.abs(ratio - 1).max() < 6 * sqrt(2 / count)
        assert power[0, 0] < 1e-12  # the mean


@pytest.mark.parametrize("literal", [False, True])
def test_brownian_deviation(literal) -> None:
    """The pixels' deviation over many draws; the planes' ratio is 1, or falls if literal."""
    draws = brownian_batch(SMALL, 10, rngs(1500), literal=literal)
    found = np.sqrt(np.mean(np.square(draws, dtype=np.float64), axis=(0, 1, 2)))
    np.testing.assert_allclose(found, brownian_deviation(SMALL, 10, literal=literal), rtol=0.05)
    assert np.abs(draws.mean(axis=(1, 2))).max() < 1e-6
    assert (np.diff(brownian_deviation(SMALL, 10, literal=literal)) < 0).all() == literal


def test_brownian_deviation_of_a_photograph() -> None:
    """Sigma 10 in 224 x 224 pixels."""
    np.testing.assert_allclose(brownian_deviation(SHAPE, 10), [0.1096] * 3, atol=5e-5)
    literal = brownian_deviation(SHAPE, 10, literal=True)
    np.testing.assert_allclose(literal, [0.1096, 0.0666, 0.0380], atol=5e-5)
    assert doctest.testmod(noise).failed == 0


def test_brownian_planes_and_images_are_independent() -> None:
    """Correlation of planes over draws is that of independent ones, whose mean is zero."""
    draws = brownian_batch(SMALL, 10, rngs(400)).reshape(400, -1, 3).astype(np.float64)
    draws /= draws.std(axis=1, keepdims=True)
    for first, second in ((draws[..., 0], draws[..., 1]), (draws[:-1, :, 0], draws[1:, :, 0])):
        correlations = (first * second).mean(axis=1)
        assert abs(correlations.mean()) < 5 * correlations.std() / sqrt(len(correlations))
        assert np.abs(correlations).max() < 0.95


@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize("shape", [SMALL, (31, 40, 3), SHAPE], ids=str)
def test_batches_are_the_bytes_of_single_planes(shape, literal) -> None:
    """Plane by plane and image by image, with nothing shared between them."""
    together = brownian_batch(shape, 40, rngs(3), literal=literal)
    for image, rng in zip(together, rngs(3), strict=True):
        unit = rng.standard_normal((3, *shape[:2])) * 40
        for plane in range(3):
            squares = squared_radius(shape) + (plane**2 if literal else 0)
            squares[0, 0] = np.inf
            alone = np.fft.ifft2(np.fft.fft2(unit[plane]) * (1 / squares)).real
            np.testing.assert_array_equal(image[..., plane], alone.astype(np.float32))
    for index, rng in enumerate(rngs(3)):
        alone = brownian(shape, 40, rng, literal=literal)
        np.testing.assert_array_equal(together[index], alone)
    for image, rng, again in zip(white_batch(shape, 0.3, rngs(3)), rngs(3), rngs(3), strict=True):
        unit = np.clip(rng.standard_normal(shape), -3, 3)
        np.testing.assert_array_equal(image, (0.3 * unit).astype(np.float32))
        np.testing.assert_array_equal(image, white(shape, 0.3, again))
