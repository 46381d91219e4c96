"""Sums for every pair of codes: against PyTorch's qnnpack kernel, and XNNPACK's formula."""

import numpy as np
import pytest
import torch
from torch_tensors import EXTREMES, random_quantization, tensor

from maccord.golden.array.add import add_factors
from maccord.golden.graph import Add, Quantization
from maccord.golden.kernels.add import add
from maccord.nets.framework import qnnpack
from maccord.nets.int8 import codes

A_Q = np.repeat(np.arange(256, dtype=np.uint8), 256).reshape(1, -1)
B_Q = np.tile(np.arange(256, dtype=np.uint8), 256).reshape(1, -1)


def _quantizations(*parameters):
    return [Quantization(scale, zero_point) for scale, zero_point in parameters]


BELOW = float(np.nextafter(np.float32(256), np.float32(0)))
ABOVE = float(np.float32(2.0**-14))
EDGES = {
    "equal": _quantizations((0.02, 100), (0.02, 100), (0.02, 100)),
    "ties": _quantizations((0.5, 0), (0.25, 255), (1.0, 128)),
    "many ties": _quantizations((0.125, 7), (0.375, 99), (1.0, 254)),
    "all zero": _quantizations((0.03, 0), (0.04, 0), (0.05, 0)),
    "all 255": _quantizations((0.03, 255), (0.04, 255), (0.05, 255)),
    "largest ratio": _quantizations((BELOW, 0), (BELOW, 255), (1.0, 128)),
    "smallest ratio": _quantizations((ABOVE, 3), (1.0, 9), (1.0, 30)),
    "largest shift": _quantizations((2.0**-10, 255), (ABOVE, 0), (1.0, 128)),
    "smallest ratio of XNNPACK": _quantizations((2.0**-10, 255), (2.0**-10, 0), (1.0, 128)),
    "factor of 2**22": _quantizations((1 - 2.0**-24, 0), (1 - 2.0**-24, 0), (1.0, 0)),
}
WIDER = ("smallest ratio", "largest shift")  # ratios that XNNPACK does not take


def _check(a, b, output) -> None:
    for relu in (False, True) if output.zero_point < 255 else (False,):
        operation = Add("sum", (a, b), output, relu)
        kernel = torch.ops.quantized.add_relu if relu else torch.ops.quantized.add
        with qnnpack():
            expected = kernel(tensor(A_Q, a), tensor(B_Q, b), output.scale, output.zero_point)
        np.testing.assert_array_equal(add(A_Q, B_Q, operation), codes(expected))


@pytest.mark.parametrize("case", EDGES)
def test_every_pair_at_the_edges(case) -> None:
    _check(*EDGES[case])


@pytest.mark.parametrize("seed", range(24))
def test_every_pair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = random_quantization(rng), random_quantization(rng)
    output = random_quantization(rng, 0.01, 0.2)
    if seed % 3 == 0:
        a = Quantization(a.scale, EXTREMES[seed // 3 % 6])
        output = Quantization(output.scale, EXTREMES[(seed // 3 + 3) % 6])
    _check(a, b, output)


def xnnpack(a: Quantization, b: Quantization, output: Quantization, relu: bool) -> np.ndarray:
    """Sums of every pair, as ``xnn_init_qs8_add_minmax_params`` and ``qs8-vadd`` compute them."""
    ra, rb = (np.float32(x.scale) / np.float32(output.scale) for x in (a, b))
    shift = 20 - int(np.floor(np.log2(np.float64(max(ra, rb)))))
    assert 13 <= shift <= 30
    first, second = (int(np.rint(np.float64(ratio) * 2.0**shift)) for ratio in (ra, rb))
    acc = (A_Q.astype(np.int64) - a.zero_point) * first
    acc += (B_Q.astype(np.int64) - b.zero_point) * second
    y = ((acc + (1 << shift - 1)) >> shift) + output.zero_point
    return y.clip(output.zero_point if relu else 0, 255).astype(np.uint8)


def _differing(rounding: str, a, b, output) -> int:
    operation = Add("sum", (a, b), output, rounding=rounding)
    return int(np.count_nonzero(add(A_Q, B_Q, operation) != xnnpack(a, b, output, relu=False)))


@pytest.mark.parametrize("case", [case for case in EDGES if case not in WIDER])
def test_half_up_at_the_edges(case) -> None:
    a, b, output = EDGES[case]
    for relu in (False, True) if output.zero_point < 255 else (False,):
        operation = Add("sum", (a, b), output, relu, rounding="half_up")
        np.testing.assert_array_equal(add(A_Q, B_Q, operation), xnnpack(a, b, output, relu))


@pytest.mark.parametrize("seed", range(12))
def test_half_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = random_quantization(rng), random_quantization(rng)
    assert _differing("half_up", a, b, random_quantization(rng, 0.01, 0.2)) == 0


def test_roundings_differ_at_negative_ties() -> None:
    assert _differing("half_away", *EDGES["many ties"]) > 1000


@pytest.mark.parametrize("seed", range(3))
def test_images(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, output = (random_quantization(rng) for _ in range(3))
    a_q, b_q = rng.integers(0, 256, (2, 3, 5, 7, 13), np.uint8)
    with qnnpack():
        expected = torch.ops.quantized.add(
            tensor(a_q, a), tensor(b_q, b, last=False), output.scale, output.zero_point
        )
    np.testing.assert_array_equal(add(a_q, b_q, Add("sum", (a, b), output)), codes(expected))


@pytest.mark.parametrize("seed", range(3))
def test_factors_stay_within_int32(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(300):
        a, b = random_quantization(rng, 0.001, 100), random_quantization(rng, 0.001, 100)
        factors = add_factors(a, b, Quantization(0.5, 0))
        assert 14 <= factors.shift <= 31
        assert 2**21 <= max(factors.a, factors.b) <= 2**22
        assert 255 * (factors.a + factors.b) < 2**31


def test_refuses() -> None:
    one = Quantization(1.0, 0)
    operation = Add("net.add", (one, one), one)
    x_q = np.zeros((2, 3), np.uint8)
    with pytest.raises(ValueError, match="a_q and b_q must be uint8, got int8"):
        add(x_q, x_q.astype(np.int8), operation)
    with pytest.raises(ValueError, match=r"net.add: inputs must have one shape, got \(2, 3\) and"):
        add(x_q, x_q[:1], operation)
    with pytest.raises(ValueError, match=r"net.add: zero point must be below 255 with ReLU"):
        add(x_q, x_q, Add("net.add", (one, one), Quantization(1.0, 255), relu=True))
    with pytest.raises(ValueError, match=r"net.add: scale of an input over the output's"):
        add(x_q, x_q, Add("net.add", (one, one), Quantization(1e-3, 0)))
    with pytest.raises(ValueError, match=r"from 2\*\*-14 to below 2\*\*8, got 256"):
        add_factors(one, one, Quantization(1 / 256, 0))
    with pytest.raises(ValueError, match=r"from 2\*\*-14 to below 2\*\*8, got 3.05"):
        add_factors(one, Quantization(2.0**-15, 0), one)
    with pytest.raises(ValueError, match=r"must be at least 2\*\*-10, got 0.000488"):
        add_factors(Quantization(2.0**-11, 0), Quantization(2.0**-13, 0), one)
    with pytest.raises(ValueError, match=r"from 2\*\*-10 to below 2\*\*8, got 0.000488"):
        add_factors(one, Quantization(2.0**-11, 0), one, "half_up")
    with pytest.raises(ValueError, match=r"from 2\*\*-10 to below 2\*\*8, got 256"):
        add_factors(one, one, Quantization(1 / 256, 0), "half_up")
    with pytest.raises(ValueError, match="rounding must be one of half_away, half_up, got 'up'"):
        add(x_q, x_q, Add("net.add", (one, one), one, rounding="up"))
