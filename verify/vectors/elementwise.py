"""Calls of sums, products, functions of one code, and of the steps between codes and reals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Any

import numpy as np

from .case import Case
from .draw import CODES, EXTREMES, PAIRS, codes, generator, image, scale

__all__ = ["elementwise_cases"]

# scales of the inputs and the output
_SUMS = {
    "equal scales": (0.5, 0.5, 0.5),
    "ties": (0.5, 0.5, 1.0),  # each odd sum is one
    "three eighths": (0.375, 0.5, 1.0),
    "smallest ratio": (2.0**-14, 1.0, 1.0),
    "largest ratio": (255.9, 0.5, 1.0),
    "largest shift": (0.00195, 0.00195, 1.0),
    "double scales": (0.1, 0.3, 0.7),  # not fp32 numbers
}
_PRODUCTS = {
    "ties": (0.5, 1.0, 1.0),
    "small": (0.003, 0.02, 0.001),
    "steps of 8": (1.0, 1.0, 0.125),
    "tiny scales": (2.0**-60, 2.0**-60, 2.0**-112),
    "double scales": (0.1, 0.3, 0.7),
}
# zero points, in turn
_POINTS = ((128, 127, 100), (0, 255, 0), (255, 0, 254), (1, 254, 30), (0, 0, 127))
_BOUNDS: dict[str, tuple[str, tuple[float, float]]] = {
    "relu": ("relu", (0.0, inf)),
    "relu6": ("relu6", (0.0, 6.0)),
    "hardtanh": ("hardtanh", (-1.0, 1.0)),
    "clamp": ("clamp", (-0.3, 2.45)),
}
# arguments behind the tensor; [scale, zero point] of the output where the kernel takes them
_FUNCTIONS: dict[str, list[Any]] = {
    "hardswish": [0.0371, 11],
    "sigmoid": [],
    "hardsigmoid": [],
    "tanh": [],
    "leaky_relu": [0.1, False, 0.0211, 40],
    "elu": [0.0173, 30, 1.0, 1.0, 1.0],
}


def elementwise_cases() -> Iterator[Case]:
    """Yield the calls, without results."""
    yield from _pairs("add", "Add", _SUMS)
    yield from _pairs("mul", "Mul", _PRODUCTS)
    yield from _gates()
    yield from _clamps()
    yield from _concats()
    yield from _functions()
    yield from _relabels()
    yield from _quantizations()
    for zero_point in EXTREMES:
        settings = {"input": [scale(generator(f"dequantize {zero_point}")), zero_point]}
        name = f"dequantize.zero point {zero_point}"
        yield Case(name, "dequantize", "dequantize", settings, {"x": CODES[None]})


def _pairs(word: str, kind: str, scales: dict[str, tuple[float, float, float]]) -> Iterator[Case]:
    """Every pair of codes, at extreme zero points and with and without ReLU; images; no images."""
    for index, (name, three) in enumerate(scales.items()):
        for relu in (False, True):
            points = _POINTS[(index + 2 * relu) % len(_POINTS)]
            settings = _both(three, points, relu)
            full = f"{word}.{name}{' relu' if relu else ''}"
            yield Case(full, kind, word, settings, {"x": PAIRS[0], "x1": PAIRS[1]})
    for name, shape in (("image", (2, 3, 5, 7)), ("one", (1, 1)), ("empty", (0, 2, 2, 3))):
        rng = generator(f"{word}.{name}")
        points = rng.integers(0, 255, 3).tolist()
        settings = _both(next(iter(scales.values())), points, False)
        arrays = {"x": codes(rng, *shape), "x1": codes(rng, *shape)}
        yield Case(f"{word}.{name}", kind, word, settings, arrays)


def _both(scales: tuple[float, float, float], points: Sequence[int], relu: bool) -> dict[str, Any]:
    pairs = [list(pair) for pair in zip(scales, points, strict=True)]
    return dict(zip(("input", "second", "output"), pairs, strict=True)) | {"relu": relu}


def _gates() -> Iterator[Case]:
    """One factor per image and channel."""
    for channels in (1, 5, 33):
        name = f"mul.gate of {channels}"
        rng = generator(name)
        points = rng.integers(0, 255, 3).tolist()
        settings = _both((0.02, 0.0039, 0.01), points, bool(channels % 2))
        arrays = {"x": codes(rng, 2, 3, 4, channels), "x1": codes(rng, 2, 1, 1, channels)}
        yield Case(name, "Mul", "mul", settings, arrays)


def _clamps() -> Iterator[Case]:
    """All codes; scales of which the bounds are ties among them."""
    for name, (kernel, bounds) in _BOUNDS.items():
        for step in (4.0, 0.4, 0.2, 0.0235):
            for zero_point in EXTREMES:
                settings = {"input": [step, zero_point], "bounds": list(map(_plain, bounds))}
                full = f"clamp.{name} {step} {zero_point}"
                yield Case(full, "Clamp", kernel, settings, {"x": CODES[None]})
        rng = generator(f"clamp.{name}")
        settings = {"input": [0.05, 90], "bounds": list(map(_plain, bounds))}
        arrays = {"x": codes(rng, 2, 3, 4, 6)}
        yield Case(f"clamp.{name} of an image", "Clamp", kernel, settings, arrays)


def _plain(bound: float) -> float | str:
    """Return a bound as JSON has it."""
    return bound if bound < inf else "inf"


def _concats() -> Iterator[Case]:
    for name, channels, equal in (
        ("equal", (3, 5), True),
        ("of three", (1, 4, 2), False),
        ("of one channel each", (1, 1), False),
    ):
        rng = generator(f"cat.{name}")
        first = [scale(rng), int(rng.integers(256))]
        pairs = [first]
        pairs += [first if equal else [scale(rng), int(rng.integers(256))] for _ in channels[1:]]
        arrays = {
            f"x{index or ''}": codes(rng, 2, 3, 4, count) for index, count in enumerate(channels)
        }
        yield Case(f"cat.{name}", "Concat", "cat", {"inputs": pairs}, arrays)
    for zero_point in EXTREMES:
        for name, steps in (("any", (0.0123, 0.0371)), ("ties", (0.5, 0.25))):
            pairs = [[steps[0], zero_point], [steps[1], 255 - zero_point]]
            arrays = {"x": CODES[None], "x1": CODES[None]}
            full = f"cat.{name} zero point {zero_point}"
            yield Case(full, "Concat", "cat", {"inputs": pairs}, arrays)


def _functions() -> Iterator[Case]:
    """Tables of all codes, and an image that they have to give; a multiple of 64 codes each."""
    for function, arguments in _FUNCTIONS.items():
        for step in (0.0078, 0.0472, 0.125, 1.0):
            for zero_point in (0, 128, 255):
                name = f"lookup.{function} {step} {zero_point}"
                settings = {
                    "input": [step, zero_point],
                    "function": function,
                    "arguments": arguments,
                }
                arrays = {"x": image(generator(name), zero_point, 1, 4, 2, 8)}
                yield Case(name, "Lookup", "function", settings, arrays)


def _relabels() -> Iterator[Case]:
    """Numbers that change the scale or the zero point alone."""
    for kernel, number in (("mul_scalar", 0.37), ("mul_scalar", 3.0), ("add_scalar", 0.0)):
        settings = {"input": [0.05, 100], "number": number}
        name = f"{kernel}.{number}"
        yield Case(name, "Relabel", kernel, settings, {"x": CODES.reshape(1, 4, 4, 16)})


def _quantizations() -> Iterator[Case]:
    """Ties to within one fp32 step, infinities, denormal numbers."""
    for step in (0.25, 0.0371, 1.7e-3, 2.0**-20, 7.5e4):
        for zero_point in (0, 1, 114, 255):
            name = f"quantize.{step} {zero_point}"
            rng = generator(name)
            ties = ((rng.integers(-300, 300, 60) + 0.5) * step).astype(np.float32)
            near = [np.nextafter(ties, np.float32(end)) for end in (-inf, inf)]
            special = [0, -0.0, 1e-45, -1e-45, 1e-39, 3e38, -3e38, inf, -inf]
            spread = rng.normal(0, 100 * step, 80)
            x = np.concatenate([ties, *near, special, spread]).astype(np.float32)
            settings = {"input": [step, zero_point]}
            yield Case(name, "quantize", "quantize", settings, {"x": x})
    settings = {"input": [0.5, 3]}
    yield Case("quantize.empty", "quantize", "quantize", settings, {"x": np.zeros(0, np.float32)})
