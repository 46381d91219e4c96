"""Ranges of a transformer's activations, observed in floating point."""

from __future__ import annotations

import torch
from torch import nn

from ...golden.operations.tensor_product import SYMMETRIC
from ...golden.quantization import Quantization
from .deit import VisionTransformer
from .walk import walk

__all__ = ["observe"]

_SMALLEST = 2.0**-20  # scale of a tensor of zeros
_LEAST_RATIO = 2.0**-10  # of the scales of a constant and of the sum with it


class _Observer:
    """Computes in fp32 and keeps the range of each result.

    Attributes
    ----------
    ranges : dict of str to (float, float)
        Smallest and largest value, 0 included.
    symmetric : set of str
        Results that are a product's weights.
    """

    def __init__(self) -> None:
        self.ranges: dict[str, tuple[float, float]] = {}
        self.symmetric: set[str] = set()

    def _seen(self, name: str, x: torch.Tensor) -> torch.Tensor:
        low, high = self.ranges.get(name, (0.0, 0.0))
        self.ranges[name] = min(low, float(x.min())), max(high, float(x.max()))
        return x

    def quantization(self, name: str) -> Quantization:
        """Scale and zero point that map a range to all codes; symmetric ones to 1..255."""
        low, high = self.ranges[name]
        if name in self.symmetric:
            scale = torch.tensor(max(-low, high, 127 * _SMALLEST) / 127)
            return Quantization(float(scale), SYMMETRIC)
        scale = float(torch.tensor(max(high - low, 255 * _SMALLEST) / 255))
        return Quantization(scale, min(max(round(-low / scale), 0), 255))

    def convolution(
        self, name: str, module: nn.Conv2d, x: torch.Tensor, also: torch.Tensor
    ) -> torch.Tensor:
        self._seen("input", x)
        self._seen(name, also)
        return self._seen(name, module(x))

    def tokens(self, name: str, first: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        pixels = x.flatten(2).transpose(1, 2)
        return torch.cat([first.expand(len(x), -1, -1), pixels], dim=1)

    def add_constant(self, name: str, constant: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        self._seen(f"{name}.constant", constant)
        return self._seen(name, x + constant)

    def layer_norm(self, name: str, module: nn.LayerNorm, x: torch.Tensor) -> torch.Tensor:
        return self._seen(name, module(x))

    def linear(
        self,
        name: str,
        weight: torch.Tensor,
        bias: torch.Tensor,
        x: torch.Tensor,
        *,
        symmetric: bool = False,
    ) -> torch.Tensor:
        if symmetric:
            self.symmetric.add(name)
        return self._seen(name, nn.functional.linear(x, weight, bias))

    def scores(
        self, name: str, q: torch.Tensor, k: torch.Tensor, heads: int, factor: float
    ) -> torch.Tensor:
        products = _heads(q, heads) @ _heads(k, heads).transpose(-2, -1)
        return self._seen(name, products * factor)

    def softmax(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return x.softmax(dim=-1)

    def weighted_sum(
        self, name: str, weights: torch.Tensor, v: torch.Tensor, heads: int
    ) -> torch.Tensor:
        mixed = weights @ _heads(v, heads)
        return self._seen(name, mixed.transpose(1, 2).flatten(2))

    def add(self, name: str, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self._seen(name, a + b)

    def gelu(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self._seen(name, nn.functional.gelu(x))

    def first_token(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0]


def _heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """Rearrange (N, T, heads * D) as (N, heads, T, D)."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


def observe(model: VisionTransformer, images: torch.Tensor) -> dict[str, Quantization]:
    """Quantization of every tensor of a network.

    Parameters
    ----------
    model : VisionTransformer
        In evaluation mode.
    images : tensor of shape (N, colours, H, W), float32
        For calibration.

    Returns
    -------
    dict of str to Quantization
        By the names of `walk`; the image is ``input``, the position embedding
        ``pos_embed.constant``.
    """
    observer = _Observer()
    with torch.no_grad():
        walk(model, observer, images)
    found = {name: observer.quantization(name) for name in observer.ranges}
    # The adder takes no scale that is far below the sum's, as that of an untrained embedding is
    constant, total = found["pos_embed.constant"], found["pos_embed"]
    least = total.scale * _LEAST_RATIO
    if constant.scale < least:
        found["pos_embed.constant"] = Quantization(least, 128)
    return found
