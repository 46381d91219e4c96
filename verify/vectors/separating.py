"""Calls of layers whose results differ between formulas that are almost right.

Channels are drawn near halves of output steps, and kept where formulas disagree: multipliers by
division or in double precision, products in double precision, biases by division.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .case import Case
from .draw import generator

__all__ = ["separating_cases"]

_KEPT = 60  # channels of each disagreement
_OFFSETS = np.array([0, 1, 3, 77, 255])  # input codes, of weight 1


def separating_cases() -> Iterator[Case]:
    """Yield the calls, without results."""
    yield _half()
    for name, magnitude in (("sums to 2**23", 2.0**22), ("sums to 2**31", 2.0**29)):
        settings, arrays = _separated(f"separating.{name}", magnitude)
        yield Case(f"linear.separating {name}", "Linear", "linear", settings, arrays)
        image = arrays | {
            "x": arrays["x"].reshape(-1, 1, 1, 1),
            "weight": arrays["weight"].reshape(-1, 1, 1, 1),
        }
        yield Case(f"conv2d.separating {name}", "Conv2d", "conv2d", settings, image)
    yield _biases()


def _half() -> Case:
    """Return 585 accumulator steps that are 6.5 output steps in fp32, and less in real numbers."""
    source, weight = 0.05296124517917633, 0.024093778803944588
    settings = {"input": [source, 0], "output": [0.11484327912330627, 2]}
    arrays = {
        "x": np.zeros((1, 1), np.uint8),
        "weight": np.ones((1, 1), np.int8),
        "bias": np.array([585 * source * weight], np.float32),
        "weight_scale": np.array([weight]),
    }
    return Case("linear.a half in fp32", "Linear", "linear", settings, arrays)


def _separated(name: str, magnitude: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw channels; a sum is a bias plus an input code."""
    rng = generator(name)
    source = float(np.float32(rng.uniform(0.01, 0.02)))
    scales = rng.uniform(0.001, 0.002, 40_000).astype(np.float32).astype(np.float64)
    target = float(np.float32(source * 0.0015 * magnitude / 60))
    steps = source * scales / target
    halves = rng.integers(-100, 100, len(scales)) + 0.5
    sums = np.rint(halves / steps) - rng.choice(_OFFSETS, len(scales))
    bias = (sums * source * scales).astype(np.float32)
    inverse = np.float32(1) / (source * scales).astype(np.float32)
    acc = np.rint(bias * inverse).astype(np.int64)[:, None] + _OFFSETS
    product = scales.astype(np.float32) * np.float32(source)
    right = product * (np.float32(1) / np.float32(target))
    divided = product / np.float32(target)
    rounded = np.rint(acc.astype(np.float32) * right[:, None])
    others = (
        np.rint(acc.astype(np.float32) * divided[:, None]),
        np.rint(acc.astype(np.float32) * steps.astype(np.float32)[:, None]),
        np.rint(acc * right.astype(np.float64)[:, None]),
        np.rint(acc.astype(np.float32).astype(np.float64) * right[:, None]),
    )
    kept = [np.flatnonzero((other != rounded).any(axis=1))[:_KEPT] for other in others]
    chosen = np.unique(np.concatenate(kept))
    arrays = {
        "x": _OFFSETS.astype(np.uint8).reshape(-1, 1),
        "weight": np.ones((len(chosen), 1), np.int8),
        "bias": bias[chosen],
        "weight_scale": scales[chosen],
    }
    return {"input": [source, 0], "output": [target, 120]}, arrays


def _biases() -> Case:
    """Return biases of millions of steps, which the inputs cancel, at one output step each."""
    rng = generator("separating.biases")
    depth = 64
    source = float(np.float32(0.0123))
    scales = rng.uniform(0.001, 0.002, 20_000).astype(np.float32).astype(np.float64)
    sums = depth * 128 * 255 + rng.integers(-60, 60, len(scales)) + 0.5
    bias = (sums * source * scales).astype(np.float32)
    inverse = np.float32(1) / (source * scales).astype(np.float32)
    codes = np.rint(bias * inverse)
    chosen = np.flatnonzero(codes != np.rint(bias / (source * scales)))[: 2 * _KEPT]
    arrays = {
        "x": np.full((1, depth), 255, np.uint8),
        "weight": np.full((len(chosen), depth), -128, np.int8),
        "bias": bias[chosen],
        "weight_scale": scales[chosen],
    }
    settings = {"input": [source, 0], "output": [float(np.float32(source * 0.002)), 128]}
    return Case("linear.separating biases", "Linear", "linear", settings, arrays)
