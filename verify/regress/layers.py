"""Random convolutions and linear layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...golden.graph import Conv2d, Layer, Linear, Quantization

__all__ = ["random_conv2d", "random_layer", "random_linear"]


def random_layer(rng: np.random.Generator) -> tuple[Layer, tuple[int, ...]]:
    """Return a small layer of any geometry, and the shape of its input."""
    if rng.random() < 0.2:
        shape = int(rng.integers(1, 6)), int(rng.integers(1, 200))
        return random_linear(rng, shape[1], int(rng.integers(1, 70))), shape
    kernel = tuple(int(k) for k in rng.integers(1, 5, 2))
    dilation = tuple(int(d) for d in rng.choice([1, 1, 1, 2, 3], 2))
    groups = int(rng.choice([1, 1, 1, 2, 3, 8]))
    channels = groups * int(rng.integers(1, 10))
    outputs = groups * int(rng.integers(1, 12))
    window = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    padding = tuple(int(rng.integers(0, w + 1)) for w in window)
    size = [int(rng.integers(max(w - 2 * p, 1), 16)) for w, p in zip(window, padding, strict=True)]
    end = tuple(p + int(rng.integers(0, 3)) for p in padding) if rng.random() < 0.4 else None
    layer = random_conv2d(
        rng,
        (outputs, channels // groups, *kernel),
        stride=tuple(int(s) for s in rng.integers(1, 4, 2)),
        padding=padding,
        end_padding=end,
        dilation=dilation,
        groups=groups,
        relu=bool(rng.random() < 0.5),
        limits=(40, 200) if rng.random() < 0.25 else (0, 255),
    )
    return layer, (int(rng.integers(1, 4)), *size, channels)


def random_conv2d(rng: np.random.Generator, shape: tuple[int, ...], **options: Any) -> Conv2d:
    """Return a convolution with weights of shape (O, I / groups, kh, kw), spreading its outputs."""
    return Conv2d(**_common(rng, rng.integers(-128, 128, shape, np.int8)), **options)


def random_linear(rng: np.random.Generator, inputs: int, outputs: int) -> Linear:
    """Return a linear layer, spreading its outputs."""
    weight = rng.integers(-128, 128, (outputs, inputs), np.int8)
    return Linear(**_common(rng, weight), relu=bool(rng.random() < 0.5))


def _common(rng: np.random.Generator, weight: np.ndarray) -> dict:
    outputs, depth = len(weight), weight[0].size
    return {
        "name": "layer",
        "weight": weight,
        "bias": np.zeros(outputs, np.float32),
        "bias_q": rng.integers(-5000, 5000, outputs).astype(np.int32),
        "weight_scale": np.ones(outputs),
        "multiplier": (rng.uniform(0.3, 2, outputs) / 64 / np.sqrt(depth)).astype(np.float32),
        "input": Quantization(0.1, int(rng.integers(0, 256))),
        "output": Quantization(0.1, int(rng.integers(0, 256))),
    }
