"""Formulas that are almost right, as other engines have them, differ from the recorded results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import maccord.golden.array.add as sums
import maccord.golden.kernels.add as add
import maccord.golden.kernels.avg_pool2d as avg_pool2d
import maccord.golden.kernels.clamp as clamp
import maccord.golden.kernels.concat as concat
import maccord.golden.kernels.conv2d as conv2d
import maccord.golden.kernels.linear as linear
import maccord.golden.kernels.mul as mul
import maccord.verify.vectors.golden_outputs as golden_outputs
from maccord.verify.vectors.case import load

F32 = np.float32
LAYERS = {"Conv2d", "Linear"}
RECORDING = load()


def bias_by_division(bias, x_scale, w_scale):
    return np.rint(bias / (w_scale * x_scale)).astype(np.int32)


def multiplier_by_division(x_scale, w_scale, y_scale):
    return w_scale.astype(F32) * F32(x_scale) / F32(y_scale)


def multiplier_in_double(x_scale, w_scale, y_scale):
    return (w_scale * x_scale / y_scale).astype(F32)


def scaled_in_double(acc, multiplier, zero_point, low=0, high=255):
    scaled = acc.astype(np.float64) * multiplier.astype(np.float64)
    return np.clip(np.rint(scaled) + zero_point, low, high).astype(np.uint8)


def zero_point_inside(acc, multiplier, zero_point, low=0, high=255):
    scaled = acc.astype(F32) * multiplier + F32(zero_point)
    return np.clip(np.rint(scaled), low, high).astype(np.uint8)


def half_up(acc, multiplier, zero_point, low=0, high=255):
    scaled = np.floor(acc.astype(F32) * multiplier + F32(0.5))
    return np.clip(scaled + zero_point, low, high).astype(np.uint8)


def mean_by_count(operation):
    return F32(1) / F32(operation.kernel[0] * operation.kernel[1])


def zero_point_outside(x, quantization):
    with np.errstate(over="ignore"):
        steps = np.rint(x * (F32(1) / F32(quantization.scale)))
    return np.clip(steps + quantization.zero_point, 0, 255).astype(np.uint8)


def sum_half_up(a, b, factors, zero_points, low, high):
    return sums.add_codes(a, b, replace(factors, half_up=True), zero_points, low, high)


def sum_in_float(a, b, factors, zero_points, low, high):
    first = F32(factors.a / 2.0**factors.shift) * (a.astype(F32) - zero_points[0])
    second = F32(factors.b / 2.0**factors.shift) * (b.astype(F32) - zero_points[1])
    return np.clip(np.rint(first + second) + zero_points[2], low, high).astype(np.uint8)


@pytest.mark.parametrize(
    ("rooms", "name", "wrong", "kinds"),
    [
        ([golden_outputs], "bias_codes", bias_by_division, LAYERS),
        ([golden_outputs], "multipliers", multiplier_by_division, LAYERS),
        ([golden_outputs], "multipliers", multiplier_in_double, LAYERS),
        ([conv2d, linear, mul], "requantize", scaled_in_double, LAYERS | {"Mul"}),
        ([conv2d, linear, mul], "requantize", zero_point_inside, LAYERS | {"Mul"}),
        ([conv2d, linear, mul], "requantize", half_up, LAYERS | {"Mul"}),
        ([avg_pool2d], "mean_multiplier", mean_by_count, {"AvgPool2d"}),
        ([add], "add_codes", sum_half_up, {"Add"}),
        ([add], "add_codes", sum_in_float, {"Add"}),
        ([clamp], "quantize_per_tensor", zero_point_outside, {"Clamp"}),
        ([concat], "quantize_per_tensor", zero_point_outside, {"Concat"}),
    ],
)
def test_a_formula_that_is_almost_right_shows(
    monkeypatch: pytest.MonkeyPatch,
    rooms: list[Any],
    name: str,
    wrong: Callable[..., Any],
    kinds: set[str],
) -> None:
    for room in rooms:
        monkeypatch.setattr(room, name, wrong)
    assert all(map(differing, kinds))


def differing(kind: str) -> set[str]:
    return {
        case.name
        for case in RECORDING.cases
        if case.operation == kind
        and not np.array_equal(golden_outputs.golden_output(case), case.arrays["y"])
    }


def test_a_wrong_zero_point_in_padding_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    padded = conv2d._padded

    def without(x_q, layer):
        return padded(x_q, replace(layer, input=replace(layer.input, zero_point=0)))

    monkeypatch.setattr(conv2d, "_padded", without)
    found = differing("Conv2d")
    assert "conv2d.zero point 255" in found and "conv2d.zero point 0" not in found


def test_a_zero_point_behind_the_rounding_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(golden_outputs.OUTSIDE, "quantize", zero_point_outside)
    assert len(differing("quantize")) > 5
