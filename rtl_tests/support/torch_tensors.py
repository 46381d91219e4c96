"""Quantized tensors of PyTorch's from codes, for tests of the golden kernels."""

from __future__ import annotations

import numpy as np
import torch

from maccord.golden.graph import Quantization

EXTREMES = (0, 1, 127, 128, 254, 255)  # zero points


def random_quantization(rng: np.random.Generator, low: float = 0.001, high: float = 0.1):
    """A scale between the bounds, uniform in its logarithm, and any zero point."""
    scale = np.float32(np.exp(rng.uniform(np.log(low), np.log(high))))
    return Quantization(float(scale), int(rng.integers(256)))


def tensor(codes: np.ndarray, quantization: Quantization, *, last: bool = True) -> torch.Tensor:
    """PyTorch's tensor for codes (N, H, W, C), in memory channels last or contiguous; or (N, K)."""
    plain = torch.from_numpy(np.ascontiguousarray(codes))
    if codes.ndim == 4:
        plain = plain.permute(0, 3, 1, 2)
        plain = plain if last else plain.contiguous()
    return torch._make_per_tensor_quantized_tensor(
        plain, quantization.scale, quantization.zero_point
    )
