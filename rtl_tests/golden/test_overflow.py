"""The proof that a layer's arithmetic cannot overflow."""

from dataclasses import replace

import numpy as np
import pytest
from golden_layers import random_conv2d, random_linear

from maccord.golden.kernels.conv2d import accumulate
from maccord.golden.overflow import bounds, verify


def test_bounds_are_attained() -> None:
    """Inputs chosen against a channel's weights reach exactly its bounds."""
    rng = np.random.default_rng(1)
    layer = random_conv2d(rng, 6, 4, (3, 2))
    low, high = bounds(layer)
    for channel in range(6):
        positive = (layer.weight[channel] > 0).transpose(1, 2, 0)[None]
        largest = np.where(positive, 255, 0).astype(np.uint8)
        assert accumulate(largest, layer)[0, 0, 0, channel] == high[channel]
        assert accumulate(255 - largest, layer)[0, 0, 0, channel] == low[channel]


def test_accepts_the_deepest_layer() -> None:
    layer = random_linear(np.random.default_rng(2), 8, 25088)
    verify(layer)


def _wide(depth: int):
    layer = random_linear(np.random.default_rng(3), 2, depth)
    layer.weight[1] = 127
    return replace(layer, multiplier=np.full(2, 2.0**-30, np.float32))


def test_refuses_an_accumulator_that_can_wrap() -> None:
    verify(_wide(50_000))
    with pytest.raises(ValueError, match=r"random.linear: accumulator must fit int32 .* channel 1"):
        verify(_wide(140_000))


def test_refuses_a_bias_at_the_edge() -> None:
    layer = random_linear(np.random.default_rng(4), 2, 8)
    layer.bias_q[0] = 2**31 - 1
    with pytest.raises(ValueError, match=r"accumulator must fit int32 .* channel 0"):
        verify(layer)


def test_refuses_products_beyond_int32() -> None:
    layer = random_linear(np.random.default_rng(5), 2, 1000)
    layer.multiplier[1] = 1e6
    with pytest.raises(ValueError, match=r"must stay below 2\*\*31, .* channel 1"):
        verify(layer)


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-40, np.inf, np.nan])
def test_refuses_illegal_multipliers(value) -> None:
    layer = random_linear(np.random.default_rng(6), 2, 8)
    layer.multiplier[0] = value
    with pytest.raises(ValueError, match=r"random.linear: multiplier must be a normal fp32 number"):
        verify(layer)
