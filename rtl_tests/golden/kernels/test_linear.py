"""Linear layers against PyTorch's qnnpack kernel and against int64 products."""

import numpy as np
import pytest
import torch
from golden_layers import random_linear

from maccord.golden.kernels.linear import PackedLinear, accumulate, linear
from maccord.nets.framework import qnnpack
from maccord.nets.int8 import codes
from maccord.nets.int8_modules import module_of

SHAPES = [(1, 1, 1), (3, 10, 17), (1, 1000, 512), (5, 33, 1024), (2, 40, 5000)]


def _case(seed: int, batch, outputs, depth):
    rng = np.random.default_rng([seed, batch, outputs, depth])
    layer = random_linear(rng, outputs, max(depth, 2))
    return layer, rng.integers(0, 256, (batch, max(depth, 2)), np.uint8)


def _torch(layer, x_q):
    with qnnpack():
        tensor = torch._make_per_tensor_quantized_tensor(
            torch.from_numpy(x_q), layer.input.scale, layer.input.zero_point
        )
        return codes(module_of(layer)(tensor))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_qnnpack(shape, seed: int) -> None:
    layer, x_q = _case(seed, *shape)
    result = linear(x_q, layer)
    np.testing.assert_array_equal(result, _torch(layer, x_q))
    np.testing.assert_array_equal(result, PackedLinear(layer)(x_q))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_accumulators(shape) -> None:
    layer, x_q = _case(9, *shape)
    x = x_q.astype(np.int64) - layer.input.zero_point
    expected = x @ layer.weight.T.astype(np.int64) + layer.bias_q
    acc = accumulate(x_q, layer)
    assert acc.dtype == np.int32
    np.testing.assert_array_equal(acc, expected)


def test_sums_beyond_2_24() -> None:
    layer, x_q = _case(4, 2, 40, 25088)
    layer.weight[:] = np.where(layer.weight > 0, 127, -128)
    layer.weight[::2] = np.abs(layer.weight[::2].astype(np.int16)).clip(0, 127)
    acc = accumulate(x_q, layer)
    x = x_q.astype(np.int64) - layer.input.zero_point
    np.testing.assert_array_equal(acc, x @ layer.weight.T.astype(np.int64) + layer.bias_q)
    assert np.abs(acc).max() > 2**24
    np.testing.assert_array_equal(linear(x_q, layer), _torch(layer, x_q))


def test_refuses() -> None:
    layer, x_q = _case(1, 3, 10, 17)
    with pytest.raises(ValueError, match="x_q must be uint8, got float32"):
        linear(x_q.astype(np.float32), layer)
    with pytest.raises(ValueError, match=r"x_q must have shape \(N, 17\) for random.linear"):
        linear(x_q[:, 1:], layer)
