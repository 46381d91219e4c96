"""The perturbations keep to their definitions."""

import numpy as np
import pytest

from maccord.nets.images import load_crop
from maccord.nets.noise import brownian, white
from maccord.nets.perturb import PERTURBATIONS, Perturbation, parse, parse_box
from maccord.nets.streaks import positions

SHAPE = (224, 224, 3)


def test_parse():
    parsed = parse("awgn:0.3, brownian:40,vertical:4,horizontal:3")
    assert [str(item) for item in parsed] == [
        "awgn:0.3",
        "brownian:40",
        "vertical:4",
        "horizontal:3",
    ]
    assert parsed[0] == Perturbation("awgn", 0.3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("awng:0.3", r"perturbation must be one of awgn, .* got 'awng' \(nearest: awgn\)"),
        ("vertcal:2", r"got 'vertcal' \(nearest: vertical\)"),
        ("", "perturbation must be one of"),
        ("awgn", "perturbation must be kind:level with a number, as awgn:0.3, got 'awgn'"),
        ("awgn:much", "kind:level with a number"),
        ("awgn:0", "standard deviation must be above 0 and at most 10, got 0"),
        ("awgn:-1", "got -1"),
        ("awgn:nan", "got nan"),
        ("awgn:10.5", "at most 10, got 10.5"),
        ("brownian:inf", "at most 1000, got inf"),
        ("vertical:0", "whole number between 1 and 50, got 0"),
        ("horizontal:2.5", "whole number between 1 and 50, got 2.5"),
        ("vertical:51", "whole number between 1 and 50, got 51"),
        ("awgn:0.3,,vertical:2", "perturbation must be one of .*, got ''$"),
        ("awgn:0.3,", "perturbation must be one of .*, got ''$"),
        ("awgn:10.0000001", "at most 10, got 10.0000001"),
    ],
)
def test_parse_refuses(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_no_two_levels_have_one_name():
    for text in ("awgn:0.3", "awgn:0.3000001", "brownian:1000", "awgn:1e-07", "vertical:50"):
        assert [str(item) for item in parse(text)] == [text]
    assert str(Perturbation("awgn", np.float32(1))) == "awgn:1"


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_reruns_are_equal_and_seeds_differ(kind):
    crop = load_crop()
    before = crop.copy()
    perturbation = Perturbation(kind, 3)
    first = perturbation.apply(crop, 1)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, perturbation.apply(crop, 1))
    assert (first != perturbation.apply(crop, 2)).any()
    assert (first != Perturbation(kind, 4).apply(crop, 1)).any()
    np.testing.assert_array_equal(crop, before)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        perturbation.apply(crop, -1)


@pytest.mark.parametrize("sigma", [0.1, 0.3, 1.0])
def test_white_noise(sigma):
    """The noise, not the image, ends at three sigma; what is clamped is 0.27 %."""
    crop = load_crop()
    perturbed = Perturbation("awgn", sigma).apply(crop)
    noise = white(SHAPE, sigma, Perturbation("awgn", sigma).rng(0))
    np.testing.assert_array_equal(perturbed, crop + noise)
    assert perturbed.min() < 0
    assert np.abs(noise).max() == np.float32(3 * sigma)
    assert 0.0024 < (np.abs(noise) == np.float32(3 * sigma)).mean() < 0.003
    np.testing.assert_allclose(noise.std(), 0.9932 * sigma, rtol=0.01)
    assert abs(np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02


def _slope(plane):
    """Exponent of the amplitude spectrum over frequencies 2 to 80, averaged in rings."""
    amplitude = np.abs(np.fft.fft2(plane))
    u, v = (np.fft.fftfreq(side, 1 / side) for side in plane.shape)
    radius = np.hypot(u[:, None], v[None])
    rings = np.arange(2, 80)
    power = [np.mean(amplitude[np.abs(radius - ring) < 0.5] ** 2) for ring in rings]
    return np.polyfit(np.log(rings), np.log(np.sqrt(power)), 1)[0]


def test_brownian_spectrum():
    """Amplitude falls with the square of frequency, equally in the three planes; mean 0."""
    noise = brownian(SHAPE, 40, np.random.default_rng(1)).astype(np.float64)
    for plane in range(3):
        assert -2.1 < _slope(noise[..., plane]) < -1.9
        assert abs(noise[..., plane].mean()) < 1e-6


def test_brownian_strength():
    """Standard deviation is 0.011 sigma on average over draws, whatever the plane."""
    draws = [brownian(SHAPE, 10, np.random.default_rng(seed)) for seed in range(60)]
    power = np.mean(np.square(draws), axis=(0, 1, 2))
    np.testing.assert_allclose(np.sqrt(power), 0.1096, rtol=0.2)


def test_brownian_literal_weakens_later_planes():
    draws = [brownian(SHAPE, 10, np.random.default_rng(s), literal=True) for s in range(60)]
    first, second, third = np.sqrt(np.mean(np.square(draws), axis=(0, 1, 2)))
    assert first > 1.2 * second > 1.5 * third


def _streaks(blocked):
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], blocked.astype(int), [0]])))
    return edges[1::2] - edges[::2]


@pytest.mark.parametrize("count", [1, 2, 4, 6, 50])
@pytest.mark.parametrize("box", [None, (20, 40, 190, 140)])
@pytest.mark.parametrize("kind", ["vertical", "horizontal"])
def test_streaks(kind, box, count):
    """`count` black streaks 2 % of the box wide, across the box and nowhere else."""
    ones = np.ones(SHAPE, np.float32)
    out = Perturbation(kind, count).apply(ones, 5, box)
    x0, y0, x1, y1 = box or (0, 0, 224, 224)
    side = x1 - x0 if kind == "vertical" else y1 - y0
    width = round(0.02 * side)
    inside = out[y0:y1, x0:x1, 0] == 0
    line = inside.all(axis=0 if kind == "vertical" else 1)
    assert (inside == (line[None] if kind == "vertical" else line[:, None])).all()
    assert line.sum() == count * width
    assert (_streaks(line) % width == 0).all()
    assert (out == 0).sum() == 3 * inside.sum()
    assert set(np.unique(out)) == {0, 1}


def test_streak_positions_are_uniform():
    """Each of the arrangements of two streaks in a box of 5 pixels comes about as often."""
    found = [tuple(positions(5, 2, np.random.default_rng(seed))[0]) for seed in range(2000)]
    arrangements, counts = np.unique(found, axis=0, return_counts=True)
    assert len(arrangements) == 10
    assert counts.min() > 150


def test_boxes():
    assert parse_box("1,2,30,40") == (1, 2, 30, 40)
    for text, message in (
        ("1,2,3", "bbox must be four whole numbers x0,y0,x1,y1, got '1,2,3'"),
        ("1,2,3,x", "bbox must be four whole numbers"),
        ("5,0,5,9", "bbox must have 0 <= x0 < x1 and 0 <= y0 < y1, got 5,0,5,9"),
        ("-1,0,5,9", "got -1,0,5,9"),
    ):
        with pytest.raises(ValueError, match=message):
            parse_box(text)
    ones = np.ones(SHAPE, np.float32)
    with pytest.raises(ValueError, match="bbox must lie within 224 x 224 pixels, got 0,0,225,9"):
        Perturbation("vertical", 1).apply(ones, 0, (0, 0, 225, 9))
    with pytest.raises(ValueError, match="streaks must be at most 9 for a box of 9 pixels, got 10"):
        Perturbation("horizontal", 10).apply(ones, 0, (0, 0, 50, 9))
    assert (Perturbation("horizontal", 9).apply(ones, 0, (0, 0, 50, 9))[:9, :50] == 0).all()


def test_deviation():
    crop = load_crop()
    assert 0.28 < Perturbation("awgn", 0.3).deviation(crop) < 0.31
    assert Perturbation("vertical", 4).deviation(crop) > 0.05
