"""Calls of convolutions, transposed convolutions and linear layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .case import Case
from .draw import EXTREMES, codes, generator, image, scale

__all__ = ["layer_cases"]

# shape of the weight (O, I / groups, kh, kw), image (N, H, W), geometry
_CONVOLUTIONS: dict[str, tuple[tuple[int, ...], tuple[int, int, int], dict[str, Any]]] = {
    "3x3": ((6, 5, 3, 3), (2, 6, 7), {"padding": [1, 1]}),
    "1x1": ((16, 24, 1, 1), (2, 4, 5), {}),
    "1x1 strided": ((7, 12, 1, 1), (2, 7, 6), {"stride": [2, 2]}),
    "7x7 strided": ((8, 3, 7, 7), (1, 17, 14), {"stride": [2, 2], "padding": [3, 3]}),
    "asymmetric": ((5, 4, 1, 5), (2, 5, 12), {"stride": [1, 3], "padding": [0, 2]}),
    "dilated": ((6, 4, 3, 3), (2, 9, 10), {"padding": [2, 3], "dilation": [2, 3]}),
    "grouped": ((12, 4, 3, 3), (2, 6, 7), {"groups": 3, "padding": [1, 1], "stride": [2, 1]}),
    "depthwise 3x3": ((16, 1, 3, 3), (2, 7, 6), {"groups": 16, "padding": [1, 1]}),
    "depthwise 5x5": (
        (9, 1, 5, 5),
        (2, 8, 9),
        {"groups": 9, "padding": [2, 2], "stride": [2, 2]},
    ),
    "depthwise 7x7": ((9, 1, 7, 7), (1, 9, 8), {"groups": 9, "padding": [3, 3]}),
    "depthwise dilated": (
        (10, 1, 3, 3),
        (1, 9, 8),
        {"groups": 10, "padding": [2, 2], "dilation": [2, 2]},
    ),
    "depthwise multiplier": ((12, 1, 3, 3), (1, 6, 7), {"groups": 6, "padding": [1, 1]}),
    "four-sided": ((8, 5, 3, 3), (1, 8, 7), {"stride": [2, 2], "end_padding": [1, 2]}),
    "padding beyond the kernel": ((3, 2, 2, 2), (1, 2, 3), {"padding": [3, 2]}),
    "one pixel": ((3, 2, 3, 3), (2, 3, 3), {}),
    "one pixel padded": ((3, 4, 3, 3), (1, 1, 1), {"padding": [1, 1]}),
    "one channel": ((1, 1, 3, 3), (1, 4, 4), {}),
    "signal": ((6, 4, 1, 5), (2, 1, 13), {"padding": [0, 2], "stride": [1, 2]}),
    "empty": ((3, 2, 1, 1), (0, 4, 4), {}),
}
_TRANSPOSED: dict[str, tuple[tuple[int, ...], tuple[int, int, int], dict[str, Any]]] = {
    "2x2 strided": ((4, 5, 2, 2), (2, 4, 5), {"stride": [2, 2]}),
    "3x3 padded": ((4, 5, 3, 3), (1, 4, 5), {"padding": [1, 1]}),
    "longer": (
        (3, 4, 3, 2),
        (1, 5, 4),
        {"stride": [2, 3], "padding": [1, 0], "output_padding": [1, 2]},
    ),
    "dilated": ((3, 4, 3, 3), (1, 4, 4), {"dilation": [2, 2], "padding": [1, 1]}),
    "one pixel": ((3, 4, 3, 3), (1, 1, 1), {}),
    "grouped": ((6, 2, 3, 3), (1, 4, 4), {"groups": 2, "stride": [2, 2], "per_tensor": True}),
}
_GEOMETRY = {"stride": [1, 1], "padding": [0, 0], "output_padding": [0, 0], "dilation": [1, 1]}


def layer_cases() -> Iterator[Case]:
    """Yield the calls, without results."""
    for name, (weight, size, geometry) in _CONVOLUTIONS.items():
        yield _convolution(f"conv2d.{name}", weight, size, geometry)
    yield from _zero_points()
    shape: tuple[int, ...] = (6, 5, 3, 3)
    one = {"padding": [1, 1]}
    yield _convolution("conv2d.per tensor", shape, (1, 5, 6), one | {"per_tensor": True})
    yield from _large_sums()
    for name, (weight, size, geometry) in _TRANSPOSED.items():
        settings = _GEOMETRY | geometry
        case = _convolution(f"conv_transpose2d.{name}", weight, size, settings)
        yield Case(case.name, "ConvTranspose2d", "conv_transpose2d", case.settings, case.arrays)
    for name, size, relu in (
        ("small", (3, 10, 17), False),
        ("wide", (1, 100, 64), True),
        ("deep", (2, 3, 1025), False),
        ("one of one", (1, 1, 1), False),
        ("empty", (0, 3, 5), False),
    ):
        yield _linear(f"linear.{name}", *size, relu=relu)
    yield _linear("linear.per tensor", 3, 10, 17, per_tensor=True)
    for zero_point in EXTREMES:
        for relu in (False, True):
            word = " relu" if relu else ""
            name = f"linear.zero point {zero_point}{word}"
            both = (zero_point, 40 if relu else 255 - zero_point)
            yield _linear(name, 2, 9, 12, relu=relu, zero_points=both)
    yield from _requantizations()


def _fields(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    zero_points: tuple[int, int] | None = None,
    *,
    per_tensor: bool = False,
    spread: float = 40.0,
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Draw settings and arrays whose results spread over the codes; weights include -128."""
    weight = np.clip(np.rint(rng.normal(0, 60, shape)), -128, 127).astype(np.int8)
    weight.reshape(-1)[:2] = (-128, 127)[: weight.size]
    scales = rng.uniform(0.0005, 0.02, shape[0]).astype(np.float32).astype(np.float64)
    scales = np.full_like(scales, scales[0]) if per_tensor else scales
    source = scale(rng)
    deviation = 74 * 60 * np.sqrt(np.prod(shape[1:])) * source * scales.mean()
    target = float(np.float32(deviation / spread))
    first, second = zero_points or rng.integers(0, 256, 2).tolist()
    bias = rng.normal(0, deviation, shape[0]).astype(np.float32)
    settings = {"input": [source, first], "output": [target, second]}
    return settings, {"weight": weight, "bias": bias, "weight_scale": scales}


def _convolution(
    name: str,
    shape: tuple[int, ...],
    size: tuple[int, int, int],
    geometry: dict[str, Any],
    zero_points: tuple[int, int] | None = None,
) -> Case:
    rng = generator(name)
    per_tensor = bool(geometry.get("per_tensor"))
    settings, arrays = _fields(rng, shape, zero_points, per_tensor=per_tensor)
    channels = shape[1] * geometry.get("groups", 1)
    x = image(rng, settings["input"][1], *size, channels)
    return Case(name, "Conv2d", "conv2d", settings | geometry, {"x": x} | arrays)


def _zero_points() -> Iterator[Case]:
    """Yield paddings, whose cells hold the zero point, and outputs at both ends of the codes."""
    for zero_point in EXTREMES:
        for relu in (False, True):
            word = " relu" if relu else ""
            both = (zero_point, 40 if relu else 255 - zero_point)
            geometry = {"padding": [1, 1], "relu": relu}
            name = f"conv2d.zero point {zero_point}{word}"
            yield _convolution(name, (4, 3, 3, 3), (1, 4, 4), geometry, both)
            geometry |= {"groups": 4}
            name = f"conv2d.depthwise zero point {zero_point}{word}"
            yield _convolution(name, (4, 1, 3, 3), (1, 4, 4), geometry, both)


def _large_sums() -> Iterator[Case]:
    """Accumulators beyond 2**24, which fp32 rounds."""
    for zero_point in (0, 255):
        name = f"conv2d.large sums {zero_point}"
        rng = generator(name)
        settings, arrays = _fields(rng, (4, 600, 3, 3), (zero_point, 128))
        arrays["weight"][:] = np.sign(arrays["weight"]) * 100
        arrays["weight"][:2] = np.array([127, -128], np.int8).reshape(2, 1, 1, 1)
        x = np.full((1, 4, 3, 600), 255 - zero_point, np.uint8)
        x[:, 0] ^= 1
        x[:, 1, :, ::7] ^= 3
        largest = float(np.float32(2.0**31 * arrays["weight_scale"].max() * settings["input"][0]))
        settings["output"][0] = float(np.float32(largest / 800))
        yield Case(name, "Conv2d", "conv2d", settings, {"x": x} | arrays)


def _linear(
    name: str,
    batch: int,
    outputs: int,
    depth: int,
    zero_points: tuple[int, int] | None = None,
    *,
    relu: bool = False,
    per_tensor: bool = False,
) -> Case:
    rng = generator(name)
    settings, arrays = _fields(rng, (outputs, depth), zero_points, per_tensor=per_tensor)
    arrays = {"x": codes(rng, batch, depth)} | arrays
    settings |= {"relu": relu, "per_tensor": per_tensor}
    return Case(name, "Linear", "linear", settings, arrays)


def _requantizations() -> Iterator[Case]:
    """Accumulators and multipliers as such: one weight of 1, the rest of the sum a bias.

    With an input scale of 2**5 and weight scales of 2**-5 the steps of biases are 1, and the
    multiplier is the output scale's reciprocal.
    """
    sizes = 2.0 ** np.arange(8, 31)
    for name, output, spread in (
        ("ties", 2.0, 300.0),  # each odd sum is one
        ("near ties", float(np.float32(2.0 + 2.0**-21)), 600.0),
        ("ties of quarters", 4.0, 600.0),
        ("multiplier above 1", 0.25, 40.0),
        ("multiplier of 128", 2.0**-7, 2.0),
        ("odd significand", float(np.float32(3.9999998)), 600.0),
        ("largest multiplier", 2.0**-22, 2.0),
        ("double scale", 0.1, 20.0),  # not an fp32 number
    ):
        rng = generator(f"requantize.{name}")
        bias = np.rint(rng.normal(0, spread, 500)).astype(np.float32)
        yield _requantization(name, output, bias, rng)
    for power in (12, 16, 20, 23):
        name = f"sums up to 2**{power + 7}"
        rng = generator(f"requantize.{name}")
        bias = rng.integers(-(1 << power + 7), 1 << power + 7, 600).astype(np.float32)
        bias[: len(sizes)] = np.minimum(sizes, 2.0 ** (power + 7))
        yield _requantization(name, float(np.float32(2.0**power * 1.1)), bias, rng)
    rng = generator("requantize.denormal products")
    bias = rng.integers(-(1 << 20), 1 << 20, 300).astype(np.float32)
    yield _requantization("denormal products", float(np.float32(2.0**125.9)), bias, rng)


def _requantization(
    name: str, output: float, bias: npt.NDArray[np.float32], rng: np.random.Generator
) -> Case:
    settings = {
        "input": [2.0**5, 0],
        "output": [output, int(rng.choice([3, 100, 127, 200]))],
    }
    arrays = {
        "x": np.array([[0], [1], [255]], np.uint8),
        "weight": np.ones((len(bias), 1), np.int8),
        "bias": bias,
        "weight_scale": np.full(len(bias), 2.0**-5),
    }
    return Case(f"requantize.{name}", "Linear", "linear", settings, arrays)
