"""Quantization of real values against PyTorch's operator."""

import numpy as np
import pytest
import torch

from maccord.golden.graph import Quantization
from maccord.golden.kernels.quantize import dequantize, quantize_per_tensor
from maccord.nets.framework import qnnpack


def _torch(x, quantization):
    with qnnpack():
        tensor = torch.quantize_per_tensor(
            torch.from_numpy(x), quantization.scale, quantization.zero_point, torch.quint8
        )
        return tensor.int_repr().numpy(), tensor.dequantize().numpy()


@pytest.mark.parametrize("zero_point", [0, 1, 114, 128, 255])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equals_torch(seed: int, zero_point) -> None:
    """Random values, ties to within one fp32 step, infinities, denormals."""
    rng = np.random.default_rng([seed, zero_point])
    scale = float(np.float32(np.exp2(rng.uniform(-12, 3))))
    steps = rng.integers(-300, 300, 100_000) + 0.5
    ties = (steps * scale).astype(np.float32)
    x = np.concatenate(
        [
            rng.normal(0, 100 * scale, 100_000).astype(np.float32),
            ties,
            np.nextafter(ties, np.float32(np.inf)),
            np.nextafter(ties, np.float32(-np.inf)),
            np.array([0, -0.0, 1e-45, -1e-45, 1e-39, 3e38, -3e38, np.inf, -np.inf], np.float32),
        ]
    )
    quantization = Quantization(scale, zero_point)
    codes, values = _torch(x, quantization)
    np.testing.assert_array_equal(quantize_per_tensor(x, quantization), codes)
    np.testing.assert_array_equal(dequantize(codes, quantization), values)


def test_power_of_two_ties_go_to_even_codes() -> None:
    x = (np.arange(-20, 20, dtype=np.float32) + 0.5) / 4
    for zero_point in (99, 100):
        quantization = Quantization(0.25, zero_point)
        codes = quantize_per_tensor(x, quantization)
        assert (codes % 2 == 0).all()
        np.testing.assert_array_equal(codes, _torch(x, quantization)[0])


def test_refuses() -> None:
    with pytest.raises(ValueError, match="x must be float32, got float64"):
        quantize_per_tensor(np.zeros(1), Quantization(1, 0))
    with pytest.raises(ValueError, match="x must be numbers, got NaN"):
        quantize_per_tensor(np.array([np.nan], np.float32), Quantization(1, 0))
    with pytest.raises(ValueError, match="codes must be uint8, got int64"):
        dequantize(np.zeros(1, np.int64), Quantization(1, 0))
