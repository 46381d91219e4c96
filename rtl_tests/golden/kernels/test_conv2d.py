"""Convolution against PyTorch's qnnpack kernel and against sums in int64."""

import numpy as np
import pytest
import torch
from golden_layers import random_conv2d

from maccord.golden.array.requantize import requantize
from maccord.golden.kernels.conv2d import PackedConv2d, accumulate, conv2d
from maccord.nets.framework import qnnpack
from maccord.nets.int8 import codes
from maccord.nets.int8_modules import module_of

# outputs, depth per group, kernel, groups, geometry, height, width
CASES = {
    "3x3": (8, 5, (3, 3), 1, {"padding": (1, 1)}, 9, 11),
    "1x1": (16, 24, (1, 1), 1, {}, 7, 7),
    "1x1 strided": (7, 12, (1, 1), 1, {"stride": (2, 2)}, 9, 8),
    "7x7 strided": (12, 3, (7, 7), 1, {"stride": (2, 2), "padding": (3, 3)}, 21, 18),
    "asymmetric": (5, 4, (1, 5), 1, {"stride": (1, 3), "padding": (0, 2)}, 6, 16),
    "dilated": (6, 4, (3, 3), 1, {"padding": (2, 3), "dilation": (2, 3)}, 12, 13),
    "grouped": (12, 4, (3, 3), 3, {"padding": (1, 1), "stride": (2, 1)}, 8, 9),
    "depthwise": (16, 1, (3, 3), 16, {"padding": (1, 1)}, 10, 9),
    "depthwise strided": (24, 1, (5, 5), 24, {"padding": (2, 2), "stride": (2, 2)}, 11, 12),
    "four-sided": (8, 5, (3, 3), 1, {"stride": (2, 2), "end_padding": (1, 2)}, 10, 9),
    "depthwise four-sided": (
        *(16, 1, (5, 5), 16),
        {"padding": (1, 2), "end_padding": (2, 0), "stride": (2, 1)},
        *(10, 9),
    ),
    "depthwise multiplier": (12, 1, (3, 3), 6, {"padding": (1, 1)}, 6, 7),
    "one pixel": (3, 2, (3, 3), 1, {}, 3, 3),
    "deep": (10, 600, (3, 3), 1, {"padding": (1, 1)}, 5, 4),
}


def _layer(case, seed: int, spread=40.0):
    rng = np.random.default_rng([seed, len(case)])
    outputs, depth, kernel, groups, geometry, height, width = CASES[case]
    layer = random_conv2d(rng, outputs, depth, kernel, groups=groups, spread=spread, **geometry)
    x_q = rng.integers(0, 256, (2, height, width, depth * groups), np.uint8)
    return layer, x_q


def _torch(layer, x_q):
    with qnnpack():
        tensor = torch._make_per_tensor_quantized_tensor(
            torch.from_numpy(x_q).permute(0, 3, 1, 2), layer.input.scale, layer.input.zero_point
        )
        return codes(module_of(layer)(tensor))


def _int64_sums(layer, x_q):
    """Sums by a plain int64 convolution of PyTorch's, group by group."""
    shifted = torch.from_numpy(x_q.astype(np.int64) - layer.input.zero_point).permute(0, 3, 1, 2)
    (top, bottom), (left, right) = layer.pads
    shifted = torch.nn.functional.pad(shifted, (left, right, top, bottom))
    sums = torch.nn.functional.conv2d(
        shifted.double(),  # integers far below 2**53
        torch.from_numpy(layer.weight.astype(np.float64)),
        torch.from_numpy(layer.bias_q.astype(np.float64)),
        layer.stride,
        0,
        layer.dilation,
        layer.groups,
    )
    return sums.permute(0, 2, 3, 1).numpy().astype(np.int64)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_equals_qnnpack(case, seed: int) -> None:
    layer, x_q = _layer(case, seed)
    result = conv2d(x_q, layer)
    assert result.shape == layer.output_shape(x_q.shape)
    np.testing.assert_array_equal(result, _torch(layer, x_q))
    assert len(np.unique(result)) > min(20, result.size // 3)


@pytest.mark.parametrize("case", CASES)
def test_accumulators(case) -> None:
    layer, x_q = _layer(case, 7)
    acc = accumulate(x_q, layer)
    assert acc.dtype == np.int32
    np.testing.assert_array_equal(acc, _int64_sums(layer, x_q))
    low = layer.output.zero_point if layer.relu else 0
    np.testing.assert_array_equal(
        requantize(acc, layer.multiplier, layer.output.zero_point, low), conv2d(x_q, layer)
    )


@pytest.mark.parametrize("code", [0, 255])
def test_sums_beyond_2_24(code) -> None:
    """Equal signs everywhere: sums that fp32 rounds, and a reduction that has to be cut."""
    layer, x_q = _layer("deep", 5, spread=8.0)
    layer.weight[:] = np.sign(layer.weight) * 100
    layer.weight[0], layer.weight[1] = 127, -128
    layer.weight[0, 0, 0, 0] = 126
    x_q[:] = code
    x_q[:, 0] = code ^ 1
    result = conv2d(x_q, layer)
    np.testing.assert_array_equal(accumulate(x_q, layer), _int64_sums(layer, x_q))
    np.testing.assert_array_equal(result, _torch(layer, x_q))
    assert np.abs(accumulate(x_q, layer)).max() > 2**24


def test_packed_weights_serve_many_inputs() -> None:
    layer, x_q = _layer("3x3", 1)
    packed = PackedConv2d(layer)
    for image in (x_q, x_q[:1, ::-1, ::2], 255 - x_q):
        np.testing.assert_array_equal(packed(image), conv2d(image, layer))


def test_one_flipped_weight_bit_shows_in_its_channel() -> None:
    layer, x_q = _layer("3x3", 1)
    before = conv2d(x_q, layer)
    layer.weight[3, 2, 1, 1] ^= 0x40
    channels = np.unique(np.argwhere(conv2d(x_q, layer) != before)[:, 3])
    assert channels.tolist() == [3]


def test_refuses() -> None:
    layer, x_q = _layer("3x3", 1)
    with pytest.raises(ValueError, match="x_q must be uint8, got int16"):
        conv2d(x_q.astype(np.int16), layer)
    with pytest.raises(ValueError, match=r"x_q must have shape \(N, H, W, 5\) for random.conv"):
        conv2d(x_q[..., :3], layer)
    with pytest.raises(ValueError, match="at least as large as the kernel"):
        conv2d(x_q[:, :, :0], layer)
    small, image = _layer("one pixel", 1)
    with pytest.raises(ValueError, match="at least as large as the kernel"):
        accumulate(image[:, :2], small)
