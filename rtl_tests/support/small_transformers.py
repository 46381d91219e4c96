"""A small vision transformer: its integer graph, and its tensors by PyTorch's kernels."""

from __future__ import annotations

from functools import cache

import torch

from maccord.nets.transformer.deit import Size, VisionTransformer
from maccord.nets.transformer.quantized import QuantizedTransformer, quantize

__all__ = ["SMALL_TRANSFORMER", "small_transformer"]

#: 37 tokens: enough for a chain of two parts.
SMALL_TRANSFORMER = Size(image=24, patch=4, width=16, depth=1, heads=2)


@cache
def small_transformer() -> tuple[QuantizedTransformer, torch.Tensor]:
    """Quantized with seeded weights, and one normalized image."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        model = VisionTransformer(SMALL_TRANSFORMER, 6).eval()
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.2)
        images = torch.randn(4, 3, SMALL_TRANSFORMER.image, SMALL_TRANSFORMER.image)
    return quantize(model, "small", images), images[:1]
