"""Products against PyTorch's quantized kernel: every pair of codes, one value per channel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_tensors import EXTREMES, tensor

from maccord.golden.graph import Mul, Quantization
from maccord.golden.kernels.mul import mul
from maccord.nets.framework import qnnpack
from maccord.nets.int8 import codes

PAIRS = np.stack(np.divmod(np.arange(1 << 16), 256)).astype(np.uint8)


def random_mul(rng: np.random.Generator) -> Mul:
    """Scales of any size, whose product mostly spans the output; extreme zero points."""
    a, b = np.exp2(rng.uniform(-12, 4, 2))
    scales = np.float32([a, b, a * b * 2.0 ** rng.uniform(-3, 13)]).tolist()
    zero_points = [int(rng.choice([*EXTREMES, rng.integers(256)])) for _ in range(3)]
    first, second, output = map(Quantization, scales, zero_points)
    return Mul("product", (first, second), output, relu=bool(rng.integers(2)))


def expected(
    a_q: np.ndarray, b_q: np.ndarray, operation: Mul, *, last: bool = True, swapped: bool = False
) -> np.ndarray:
    """PyTorch's product."""
    quantized = torch.ops.quantized
    function = quantized.mul_relu if operation.relu else quantized.mul
    with qnnpack():
        pairs = zip((a_q, b_q), operation.inputs, strict=True)
        a, b = (tensor(x_q, quantization, last=last) for x_q, quantization in pairs)
        given = (b, a) if swapped else (a, b)
        return codes(function(*given, operation.output.scale, operation.output.zero_point))


@pytest.mark.parametrize("seed", range(12))
def test_every_pair(seed: int) -> None:
    operation = random_mul(np.random.default_rng(seed))
    a_q, b_q = PAIRS.reshape(2, 256, 256)
    found = mul(a_q, b_q, operation)
    np.testing.assert_array_equal(found, expected(a_q, b_q, operation), str(operation))
    assert operation.relu or len(np.unique(found)) > 1


def test_ties_round_to_even() -> None:
    """Half an output step per step of the product: every odd product is a tie."""
    half, one = Quantization(0.5, 0), Quantization(1.0, 0)
    operation = Mul("product", (half, one), one)
    a_q, b_q = PAIRS.reshape(2, 256, 256)
    found = mul(a_q, b_q, operation)
    np.testing.assert_array_equal(found, expected(a_q, b_q, operation))
    assert found[1, :8].tolist() == [0, 0, 1, 2, 2, 2, 3, 4]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("last", [True, False], ids=["channels last", "contiguous"])
@pytest.mark.parametrize("seed", range(3))
def test_one_value_per_channel(seed: int, last: bool, swapped: bool) -> None:
    """The gate of a squeeze-and-excitation, as the second or the first factor of PyTorch's call."""
    rng = np.random.default_rng(seed)
    operation = random_mul(rng)
    channels = int(rng.integers(1, 70))
    x_q = rng.integers(0, 256, (2, 7, 5, channels), np.uint8)
    gate_q = rng.integers(0, 256, (2, 1, 1, channels), np.uint8)
    due = expected(x_q, gate_q, operation, last=last, swapped=swapped)
    np.testing.assert_array_equal(mul(x_q, gate_q, operation), due)


@pytest.mark.parametrize("shape", [(2, 1, 1, 5), (1, 1, 1, 4), (1, 3, 4, 1), (1, 3, 1, 4), (1, 4)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    one = Quantization(1.0, 0)
    x_q = np.zeros((2, 3, 4, 4), np.uint8)
    with pytest.raises(ValueError, match="product: inputs must have one shape, or the second one"):
        mul(x_q, np.zeros(shape, np.uint8), Mul("product", (one, one), one))


def test_other_types_are_refused() -> None:
    one = Quantization(1.0, 0)
    x_q = np.zeros((1, 4), np.uint8)
    with pytest.raises(ValueError, match="a_q and b_q must be uint8, got int8"):
        mul(x_q, x_q.view(np.int8), Mul("product", (one, one), one))
