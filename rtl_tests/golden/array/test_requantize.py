"""The requantizer in fp32 and in integers, on random, tied and extreme values."""

import re

import numpy as np
import pytest

from maccord.golden.array.requantize import bias_codes, multipliers, requantize, requantize_integer
from maccord.golden.graph import Quantization

EDGES = np.array(
    [
        *(0, 1, -1, 2**24 - 1, 2**24, 2**24 + 1, 2**24 + 3, -(2**24) - 1, 2**25 + 2, 2**31 - 1),
        *(-(2**31), -(2**31) + 1, 2**30 + 64, 2**30 + 65, 127, 128, 255, 256, -255, -256),
    ],
    np.int64,
).astype(np.int32)


def _equal(acc, multiplier, zero_point, low=0):
    expected = requantize(acc, multiplier, zero_point, low)
    np.testing.assert_array_equal(requantize_integer(acc, multiplier, zero_point, low), expected)
    return expected


@pytest.mark.parametrize("zero_point", [0, 1, 114, 128, 254, 255])
@pytest.mark.parametrize("seed", [1, 2])
def test_random(seed: int, zero_point) -> None:
    rng = np.random.default_rng([seed, zero_point])
    acc = rng.integers(-(2**31), 2**31, (4000, 64)).astype(np.int32)
    acc >>= rng.integers(0, 31, acc.shape)
    multiplier = np.exp2(rng.uniform(-35, 2, 64)).astype(np.float32)
    for low in (0, zero_point):
        _equal(acc, multiplier, zero_point, low)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_near_ties_and_double_roundings(seed: int) -> None:
    """Products within an accumulator step of a half, for accumulators on both sides of 2**24."""
    rng = np.random.default_rng(seed)
    multiplier = np.exp2(rng.uniform(-23, 1, 512)).astype(np.float32)
    halves = rng.integers(-255, 256, (400, 512)) + 0.5
    nearest = np.rint(halves / multiplier) + rng.integers(-1, 2, halves.shape)
    acc = np.clip(nearest, -(2**31), 2**31 - 1).astype(np.int32)
    for zero_point in (0, 100, 255):
        _equal(acc, multiplier, zero_point)


@pytest.mark.parametrize("exponent", range(-30, 3))
def test_exact_ties(exponent) -> None:
    """Powers of two make exact halves, which go to the even neighbour of the code before zero."""
    multiplier = np.full(EDGES.size + 200, 2.0**exponent, np.float32)
    steps = np.arange(-100, 100) * 2.0 ** (-exponent - 1)
    acc = np.concatenate([EDGES, np.clip(steps, -(2**31), 2**31 - 1).astype(np.int32)])
    for zero_point in (0, 127, 255):
        _equal(acc[None], multiplier, zero_point)


def test_extreme_multipliers() -> None:
    """The smallest normal number, denormal products, and products far beyond the clamp."""
    multiplier = np.array([2.0**-126, 1.5 * 2.0**-126, 2.0**-60, 1, 3.5, 2.0**40, 3e38], np.float32)
    acc = np.repeat(EDGES[:, None], multiplier.size, axis=1)
    result = _equal(acc, multiplier, 7)
    assert result[EDGES > 0, -1].min() == 255
    assert result[EDGES < 0, -1].max() == 0
    assert (result[:, :2] == 7).all()


def test_half_to_even() -> None:
    acc = np.array([[1, 3, 5, -1, -3, -5]], np.int32)
    expected = [[10, 12, 12, 10, 8, 8]]
    np.testing.assert_array_equal(_equal(acc, np.full(6, 0.5, np.float32), 10), expected)


def test_double_roundings_that_one_rounding_would_miss() -> None:
    """Products so near a half that fp32 makes them a tie, which then goes to even."""
    rng = np.random.default_rng(5)
    multiplier = np.exp2(rng.uniform(-17, -16, 50_000)).astype(np.float32)
    halves = rng.integers(128, 255, multiplier.size) + 0.5
    acc = np.rint(halves / multiplier).astype(np.int32)
    exact = acc * multiplier.astype(np.float64)
    rounded = (acc.astype(np.float32) * multiplier).astype(np.float64)
    assert (np.rint(exact) != np.rint(rounded)).sum() > 1000
    _equal(acc[None], multiplier, 0)
    _equal(-acc[None], multiplier, 255)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"acc": np.zeros((1, 2), np.int64)}, "acc must be int32, got int64"),
        ({"multiplier": np.ones(3, np.float32)}, "one entry per channel"),
        ({"multiplier": np.ones(2)}, "multiplier must be float32"),
        ({"multiplier": np.array([1, 1e-40], np.float32)}, "normal fp32 number above 0"),
        ({"multiplier": np.array([1, -1], np.float32)}, "normal fp32 number above 0"),
        ({"zero_point": 256}, "zero_point must be between 0 and 255, got 256"),
        ({"low": 9, "high": 8}, "low and high must be ordered within 0..255, got 9 and 8"),
    ],
)
@pytest.mark.parametrize("function", [requantize, requantize_integer])
def test_refuses(function, change, message: str) -> None:
    arguments = {
        "acc": np.zeros((1, 2), np.int32),
        "multiplier": np.ones(2, np.float32),
        "zero_point": 0,
        "low": 0,
        "high": 255,
    }
    with pytest.raises(ValueError, match=message):
        function(**(arguments | change))


def test_bias_beyond_the_accumulator() -> None:
    with pytest.raises(ValueError, match="bias must be below 2\\*\\*31 accumulator steps"):
        bias_codes(np.array([0, 1e6], np.float32), 1e-3, np.array([1e-3, 1e-3]))


@pytest.mark.parametrize(
    ("scales", "got"),
    [
        ((1e-12, [1e-3, 1e-30], 1.0), "got 1.00053e-42 in channel 1: input scale 1e-12 times"),
        ((1e-3, [1e-3, 0.0], 1.0), "got 0 in channel 1: .* weight scale 0 over"),
        ((1e-3, [-1.0, 1.0], 1.0), "got -0.001 in channel 0: .* weight scale -1 over"),
        ((1e-3, [np.inf, 1.0], 1.0), "got inf in channel 0: .* weight scale inf over"),
        ((1e-3, [1.0, np.nan], 1.0), "got nan in channel 1: .* weight scale nan over"),
        ((1.0, [1.0, 1e-12], 1e30), "got 1.00053e-42 in channel 1: .* over output scale 1e\\+30"),
        ((1e30, [1.0, 1e12], 1.0), "got inf in channel 1: input scale 1e\\+30"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_multipliers_say_what_they_are_made_of(scales, got) -> None:
    x_scale, w_scale, y_scale = scales
    with pytest.raises(ValueError, match=f"multiplier must be a normal fp32 number above 0, {got}"):
        multipliers(x_scale, np.array(w_scale), y_scale)


def test_the_smallest_multiplier_is_legal() -> None:
    assert multipliers(2.0**-100, np.array([2.0**-26]), 1.0) == np.float32(2.0**-126)


@pytest.mark.parametrize(
    ("bias", "w_scale", "message"),
    [
        ([0, np.nan], [1, 1], "bias must be finite, got nan in channel 1"),
        ([-np.inf, 0], [1, 1], "bias must be finite, got -inf in channel 0"),
        ([0, 0], [1, 1e-40], "input scale times .*, got 1 times 1e-40 in channel 1"),
        ([0, 0], [0, 1], "input scale times .*, got 1 times 0 in channel 0"),
        ([1, 1], [1, 1e39], "input scale times .*, got 1 times 1e\\+39 in channel 1"),
        ([1, 1], [1, -1], "input scale times .*, got 1 times -1 in channel 1"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_biases_without_a_unit(bias, w_scale, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bias_codes(np.array(bias, np.float32), 1.0, np.array(w_scale, np.float64))


@pytest.mark.parametrize("scale", [0.0, -1.0, 1e-40, 1e-50, 1e39, np.inf, np.nan])
def test_scales_are_normal(scale) -> None:
    message = re.escape(f"scale must be a normal fp32 number above 0, got {scale:g}")
    with pytest.raises(ValueError, match=message):
        Quantization(scale, 0)
    assert Quantization(2.0**-126, 0).scale and Quantization(2.0**127, 0).scale
