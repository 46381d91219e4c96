"""Pools against PyTorch's quantized kernels."""

import numpy as np
import pytest
from torch.nn import functional
from torch_tensors import EXTREMES, random_quantization, tensor

from maccord.golden.graph import AvgPool2d, MaxPool2d, Quantization
from maccord.golden.kernels.avg_pool2d import avg_pool2d, mean_multiplier
from maccord.golden.kernels.max_pool2d import max_pool2d
from maccord.nets.framework import qnnpack
from maccord.nets.int8 import codes

# kernel, stride, padding, then what max-pools alone have
WINDOWS = {
    "2x2": ((2, 2), (2, 2), (0, 0)),
    "3x3 stride 2": ((3, 3), (2, 2), (0, 0)),
    "3x3 padded": ((3, 3), (2, 2), (1, 1)),
    "overlapping": ((3, 3), (1, 1), (1, 1)),
    "asymmetric": ((2, 5), (1, 3), (1, 2)),
    "sparse": ((1, 2), (3, 3), (0, 1)),
    "large": ((7, 6), (7, 6), (3, 3)),
}
MAX_ONLY = {
    "ceil": ((3, 3), (2, 2), (0, 0), (1, 1), True),
    "ceil padded": ((3, 3), (2, 2), (1, 1), (1, 1), True),
    "ceil sparse": ((2, 2), (3, 3), (1, 1), (1, 1), True),
    "dilated": ((3, 2), (2, 1), (0, 0), (2, 3), False),
    "one row": ((1, 2), (2, 2), (0, 0), (1, 1), False),
}
SIZES = ((14, 15), (13, 12), (9, 16))


def _codes(rng: np.random.Generator, size, quantization, channels=11):
    """Random codes, with rows of both extremes and of the zero point."""
    x_q = rng.integers(0, 256, (2, *size, channels), np.uint8)
    x_q[0, :3], x_q[0, 3:5], x_q[0, 5:7] = 0, 255, quantization.zero_point
    return x_q


@pytest.mark.parametrize("last", [True, False], ids=["channels last", "contiguous"])
@pytest.mark.parametrize("case", WINDOWS | MAX_ONLY)
def test_max_pool2d(case, last) -> None:
    rng = np.random.default_rng(len(case))
    geometry = (WINDOWS | MAX_ONLY)[case]
    for size in SIZES:
        quantization = random_quantization(rng)
        x_q = _codes(rng, size, quantization)
        operation = MaxPool2d("pool", quantization, *geometry)
        with qnnpack():
            expected = codes(functional.max_pool2d(tensor(x_q, quantization, last=last), *geometry))
        assert expected.shape == operation.output_shape(x_q.shape)
        np.testing.assert_array_equal(max_pool2d(x_q, operation), expected)


@pytest.mark.parametrize("zero_point", EXTREMES)
@pytest.mark.parametrize("case", WINDOWS)
def test_avg_pool2d(case, zero_point) -> None:
    rng = np.random.default_rng([zero_point, len(case)])
    geometry = WINDOWS[case]
    for size in SIZES:
        for count_include_pad in (True, False):  # which qnnpack ignores
            quantization = Quantization(random_quantization(rng).scale, zero_point)
            x_q = _codes(rng, size, quantization)
            operation = AvgPool2d("pool", quantization, *geometry)
            with qnnpack():
                expected = functional.avg_pool2d(
                    tensor(x_q, quantization), *geometry, count_include_pad=count_include_pad
                )
            assert codes(expected).shape == operation.output_shape(x_q.shape)
            np.testing.assert_array_equal(avg_pool2d(x_q, operation), codes(expected))


@pytest.mark.parametrize("outputs", [(1, 1), (7, 7), (2, 2), (14, 14), (7, 2), (1, 14)])
def test_adaptive_avg_pool2d(outputs) -> None:
    rng = np.random.default_rng(outputs)
    for zero_point in EXTREMES:
        quantization = Quantization(random_quantization(rng).scale, zero_point)
        x_q = _codes(rng, (14, 14), quantization)
        window = (14 // outputs[0], 14 // outputs[1])
        operation = AvgPool2d("pool", quantization, window, window)
        with qnnpack():
            expected = functional.adaptive_avg_pool2d(tensor(x_q, quantization), outputs)
        np.testing.assert_array_equal(avg_pool2d(x_q, operation), codes(expected))


@pytest.mark.parametrize("last", [True, False], ids=["channels last", "contiguous"])
@pytest.mark.parametrize("size", [(7, 7), (3, 4), (1, 1), (13, 13)])
def test_mean(size, last) -> None:
    """As written here: PyTorch has another kernel for [-2, -1], which `framework` avoids."""
    rng = np.random.default_rng(size)
    for zero_point in EXTREMES:
        quantization = Quantization(random_quantization(rng).scale, zero_point)
        x_q = rng.integers(0, 256, (3, *size, 33), np.uint8)
        with qnnpack():
            expected = tensor(x_q, quantization, last=last).mean([2, 3], keepdim=True)
        operation = AvgPool2d("mean", quantization, size, size)
        assert expected.q_scale() == quantization.scale
        np.testing.assert_array_equal(avg_pool2d(x_q, operation), codes(expected))


@pytest.mark.parametrize("count", [2, 4, 8])
def test_means_that_are_ties(count) -> None:
    """Sums of count / 2 above a multiple go to the even step from the zero point."""
    quantization = Quantization(0.0371, 7)
    x_q = np.full((1, 1, count, 200), 7, np.uint8)
    x_q[0, 0, : count // 2] = 7 + (np.arange(200) | 1)
    operation = AvgPool2d("pool", quantization, (1, count), (1, count))
    with qnnpack():
        expected = functional.avg_pool2d(tensor(x_q, quantization), (1, count))
    np.testing.assert_array_equal(avg_pool2d(x_q, operation), codes(expected))
    steps = codes(expected).astype(int) - 7
    assert (steps % 2 == 0).all()


def test_the_factor_depends_on_the_scale() -> None:
    rng = np.random.default_rng(1)
    scales = [random_quantization(rng) for _ in range(200)]
    pools = [AvgPool2d("pool", each, (7, 7), (7, 7)) for each in scales]
    factors = {float(mean_multiplier(pool)) for pool in pools}
    assert len(factors) > 1
    assert float(np.float32(1) / np.float32(49)) in factors


@pytest.mark.parametrize(("kind", "kernel"), [(MaxPool2d, max_pool2d), (AvgPool2d, avg_pool2d)])
def test_refuses(kind, kernel) -> None:
    one = Quantization(1.0, 0)
    x_q = np.zeros((1, 4, 4, 2), np.uint8)

    def refused(message: str, x_q=x_q, **geometry) -> None:
        operation = kind("net.pool", one, **{"kernel": (2, 2), "stride": (2, 2)} | geometry)
        with pytest.raises(ValueError, match=message):
            kernel(x_q, operation)

    refused("x_q must be uint8 of shape .* got int8", x_q.astype(np.int8))
    refused("x_q must be uint8 of shape .* got uint8 .*4, 2", x_q[0])
    refused("at least as large as the window of net.pool, got 1 x 4", x_q[:, :1])
    refused("net.pool: padding must be between 0 and half the kernel", padding=(2, 0))
    refused("net.pool: stride must be at least 1", stride=(1, 0))


def test_refuses_what_pytorch_computes_otherwise() -> None:
    single = MaxPool2d("net.pool", Quantization(1.0, 0), (1, 1), (2, 2))
    with pytest.raises(ValueError, match=r"net.pool: kernel must have more than one element"):
        max_pool2d(np.zeros((1, 9, 9, 1), np.uint8), single)
    operation = MaxPool2d("net.pool", Quantization(1.0, 0), (3, 3), (1, 1), (1, 1), (2, 2))
    with pytest.raises(ValueError, match=r"net.pool: dilation must be 1 where there is padding"):
        max_pool2d(np.zeros((1, 9, 9, 1), np.uint8), operation)


def test_torch_is_the_reference() -> None:
    """A wrong formula would show: the mean by f(1 / n) differs from PyTorch's somewhere."""
    rng = np.random.default_rng(5)
    different = 0
    for _ in range(20):
        quantization = random_quantization(rng)
        x_q = rng.integers(0, 256, (4, 7, 14, 64), np.uint8)
        with qnnpack():
            expected = codes(functional.avg_pool2d(tensor(x_q, quantization), (7, 2)))
        sums = x_q.astype(np.int32) - quantization.zero_point
        sums = sums.reshape(4, 7, 7, 2, 64).sum((1, 3))[:, None]
        naive = np.rint(sums.astype(np.float32) * (np.float32(1) / np.float32(14)))
        different += int((naive + quantization.zero_point != expected).sum())
    assert different > 0
