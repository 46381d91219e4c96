"""Clamps, concatenation and flattening against PyTorch's quantized kernels."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch_tensors import EXTREMES, random_quantization, tensor

from maccord.golden.graph import Clamp, Concat, Flatten, Quantization
from maccord.golden.kernels.clamp import clamp, clamp_codes
from maccord.golden.kernels.concat import concat, rescale_table
from maccord.golden.kernels.flatten import channels_last_columns, flatten
from maccord.nets.framework import qnnpack
from maccord.nets.int8 import codes

ALL = np.arange(256, dtype=np.uint8).reshape(1, 256)
INFINITY = float("inf")
CLAMPS = {
    "relu": (torch.relu, (0.0, INFINITY)),
    "relu6": (torch.ops.quantized.relu6, (0.0, 6.0)),
    "relu6 by hardtanh": (functional.relu6, (0.0, 6.0)),
    "hardtanh": (functional.hardtanh, (-1.0, 1.0)),
    "clamp": (lambda x: torch.clamp(x, -0.3, 2.45), (-0.3, 2.45)),
}


@pytest.mark.parametrize("case", CLAMPS)
def test_clamps(case) -> None:
    """All codes, scales that make ties of the bounds among them."""
    function, bounds = CLAMPS[case]
    rng = np.random.default_rng(len(case))
    quantizations = [random_quantization(rng, 0.001, 1.0) for _ in range(100)]
    quantizations += [Quantization(s, z) for s in (4.0, 0.4, 0.2) for z in EXTREMES]
    for quantization in quantizations:
        low, high = clamp_codes(*bounds, quantization)
        with qnnpack():
            expected = codes(function(tensor(ALL, quantization)))
        np.testing.assert_array_equal(
            clamp(ALL, Clamp("clamp", quantization, low, high)), expected, str(quantization)
        )


def test_clamped_images() -> None:
    rng = np.random.default_rng(3)
    quantization = Quantization(0.05, 90)
    x_q = rng.integers(0, 256, (2, 5, 4, 6), np.uint8)
    low, high = clamp_codes(0.0, 6.0, quantization)
    with qnnpack():
        expected = codes(functional.relu6(tensor(x_q, quantization, last=False)))
    np.testing.assert_array_equal(clamp(x_q, Clamp("clamp", quantization, low, high)), expected)


@pytest.mark.parametrize("last", [True, False], ids=["channels last", "contiguous"])
@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_concat(seed: int, equal, last) -> None:
    """Of two to four images; PyTorch's result has the first one's parameters."""
    rng = np.random.default_rng(seed)
    first = random_quantization(rng)
    inputs, parts = [], []
    for channels in rng.integers(1, 70, 2 + seed % 3):
        inputs.append(first if equal or not inputs else random_quantization(rng))
        parts.append(rng.integers(0, 256, (2, 6, 7, channels), np.uint8))
    with qnnpack():
        tensors = [tensor(x, q, last=last) for x, q in zip(parts, inputs, strict=True)]
        expected = torch.cat(tensors, 1)
    assert expected.q_scale() == first.scale
    result = concat(parts, Concat("cat", tuple(inputs), first))
    np.testing.assert_array_equal(result, codes(expected))


@pytest.mark.parametrize("seed", range(3))
def test_concat_of_rows(seed: int) -> None:
    """Every code of the second input, requantized, extreme zero points included."""
    rng = np.random.default_rng(seed)
    for zero_point in EXTREMES:
        first = Quantization(random_quantization(rng).scale, zero_point)
        second = random_quantization(rng)
        with qnnpack():
            expected = codes(torch.cat([tensor(ALL, first), tensor(ALL, second)], 1))
        result = concat([ALL, ALL], Concat("cat", (first, second), first))
        np.testing.assert_array_equal(result, expected)
        np.testing.assert_array_equal(rescale_table(first, first), ALL[0])


def test_flatten_and_the_columns_behind_it() -> None:
    """A linear layer sees the same numbers, in the order that both sides share."""
    rng = np.random.default_rng(4)
    quantization = Quantization(0.1, 3)
    x_q = rng.integers(0, 256, (2, 3, 4, 5), np.uint8)
    pytorch = codes(torch.flatten(tensor(x_q, quantization), 1))
    ours = flatten(x_q, Flatten("flatten", quantization))
    assert np.shares_memory(ours, x_q)
    np.testing.assert_array_equal(channels_last_columns(pytorch, 3, 4, 5), ours)
    weight = rng.integers(-128, 128, (7, 60), np.int8)
    products = ours.astype(int) @ channels_last_columns(weight, 3, 4, 5).T.astype(int)
    np.testing.assert_array_equal(products, pytorch.astype(int) @ weight.T.astype(int))


def test_refuses() -> None:
    one = Quantization(1.0, 0)
    with pytest.raises(ValueError, match="bounds must be ordered, got 2 and 1"):
        clamp_codes(2, 1, one)
    with pytest.raises(ValueError, match=r"net.relu: low and high must be ordered within 0..255"):
        clamp(ALL, Clamp("net.relu", one, 7, 6))
    with pytest.raises(ValueError, match="x_q must be uint8, got int64"):
        clamp(ALL.astype(int), Clamp("net.relu", one))
    with pytest.raises(ValueError, match="x_q must be uint8, got int64"):
        flatten(ALL.astype(int), Flatten("net.flatten", one))
    cat = Concat("net.cat", (one, one), one)
    with pytest.raises(ValueError, match=r"net.cat: number of inputs must be 2, got 1"):
        concat([ALL], cat)
    with pytest.raises(ValueError, match=r"net.cat: inputs must be uint8, got int64"):
        concat([ALL, ALL.astype(int)], cat)
    with pytest.raises(ValueError, match=r"net.cat: inputs must have one shape but for ch"):
        concat([ALL, np.zeros((2, 256), np.uint8)], cat)
