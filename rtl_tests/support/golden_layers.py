"""Random layers for tests of the golden kernels against PyTorch's."""

from __future__ import annotations

import numpy as np

from maccord.golden.array.requantize import bias_codes, multipliers
from maccord.golden.graph import Conv2d, Linear, Quantization


def random_fields(
    rng: np.random.Generator, shape: tuple[int, ...], spread: float = 40.0, gain: float = 1.0
) -> dict:
    """Fields that convolutions and linear layers share.

    Parameters
    ----------
    rng : Generator
    shape : tuple of int
        Of the weight, output channels first.
    spread : float
        Output codes that one standard deviation of the accumulator spans.
    gain : float
        Factor of the weights' range, 1 fills int8.
    """
    outputs, depth = shape[0], int(np.prod(shape[1:]))
    weight = np.clip(np.rint(rng.normal(0, 60 * gain, shape)), -128, 127).astype(np.int8)
    weight.reshape(-1)[:2] = -128, 127
    source = Quantization(float(np.float32(rng.uniform(0.001, 0.1))), int(rng.integers(256)))
    scales = rng.uniform(0.0005, 0.02, outputs).astype(np.float32).astype(np.float64)
    deviation = 74 * 60 * gain * np.sqrt(depth) * source.scale * scales.mean()
    target = Quantization(float(np.float32(deviation / spread)), int(rng.integers(256)))
    bias = rng.normal(0, deviation, outputs).astype(np.float32)
    return {
        "weight": weight,
        "bias": bias,
        "bias_q": bias_codes(bias, source.scale, scales),
        "weight_scale": scales,
        "multiplier": multipliers(source.scale, scales, target.scale),
        "input": source,
        "output": target,
        "relu": bool(rng.integers(2)),
    }


def random_conv2d(
    rng: np.random.Generator,
    outputs: int,
    depth: int,
    kernel: tuple[int, int],
    *,
    groups: int = 1,
    spread: float = 40.0,
    **geometry: tuple[int, int],
) -> Conv2d:
    """A convolution of `depth` input channels per group."""
    fields = random_fields(rng, (outputs, depth, *kernel), spread)
    return Conv2d("random.conv", **fields, groups=groups, **geometry)


def random_linear(
    rng: np.random.Generator, outputs: int, depth: int, spread: float = 40.0
) -> Linear:
    """A linear layer."""
    return Linear("random.linear", **random_fields(rng, (outputs, depth), spread))
