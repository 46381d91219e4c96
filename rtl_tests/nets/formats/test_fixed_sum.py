"""The adder's setting for sums in floating point: right for every pair, or none."""

from __future__ import annotations

import numpy as np
import pytest

from maccord.golden.graph import Add, Quantization
from maccord.golden.kernels.add import add
from maccord.nets.formats.fixed_sum import FixedSum, fixed_sum

CODES = np.arange(256, dtype=np.uint8)
A, B = (np.ascontiguousarray(each) for each in np.meshgrid(CODES, CODES, indexing="ij"))


def float_sum(ends: tuple[Quantization, ...], *, relu: bool = False) -> np.ndarray:
    """ONNX Runtime's QLinearAdd, after MLAS: two fused steps in fp32, ties to even."""
    first, second, output = ends
    scales = [np.float32(each.scale) / np.float32(output.scale) for each in (first, second)]
    z = output.zero_point - (
        np.float64(scales[0]) * first.zero_point + np.float64(scales[1]) * second.zero_point
    )
    inner = (B.astype(np.float64) * scales[1] + np.float64(np.float32(z))).astype(np.float32)
    total = (A.astype(np.float64) * scales[0] + inner).astype(np.float32)
    low = output.zero_point if relu else 0
    return np.clip(np.rint(total), low, 255).astype(np.uint8)


def cases() -> list[tuple[Quantization, ...]]:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(40):
        scales = np.exp(rng.uniform(-5, -2, 3))
        scales[2] = max(scales[:2]) * rng.uniform(0.9, 1.6)
        zeros = rng.integers(0, 256, 3)
        pairs = zip(scales.astype(np.float32), zeros, strict=True)
        found.append(tuple(Quantization(float(scale), int(zero)) for scale, zero in pairs))
    return found


def computed(ends: tuple[Quantization, ...], setting: FixedSum) -> np.ndarray:
    """The golden model's sum with a setting."""
    operation = Add(
        "sum",
        (ends[0], ends[1]),
        ends[2],
        setting.relu,
        setting.factors,
        given_zero_points=setting.zero_points,
    )
    return add(A, B, operation)


@pytest.mark.parametrize("relu", [False, True])
def test_nearly_all_sums_have_a_setting(relu: bool) -> None:
    settings = 0
    for ends in cases():
        expected = float_sum(ends, relu=relu)
        setting = fixed_sum(expected, ends)
        if setting is not None:
            settings += 1
            np.testing.assert_array_equal(computed(ends, setting), expected)
    assert settings >= 36


def test_one_wrong_pair_is_none() -> None:
    ends = cases()[0]
    expected = float_sum(ends)
    assert fixed_sum(expected, ends) is not None
    wrong = expected.copy()
    wrong[17, 200] += 1
    assert fixed_sum(wrong, ends) is None
