"""Channel shuffles as convolutions with a permutation for weights."""

from __future__ import annotations

import numpy as np

from ..golden.graph import Conv2d, Shuffle

__all__ = ["shuffle_layer"]


def shuffle_layer(operation: Shuffle, channels: int) -> Conv2d:
    """Express a shuffle as a 1 x 1 convolution that copies codes."""
    weight = np.zeros((channels, channels, 1, 1), np.int8)
    weight[np.arange(channels), operation.sources(channels)] = 1
    return Conv2d(
        name=operation.name,
        weight=weight,
        bias=np.zeros(channels, np.float32),
        bias_q=np.zeros(channels, np.int32),
        weight_scale=np.ones(channels),
        multiplier=np.ones(channels, np.float32),
        input=operation.input,
        output=operation.output,
    )
