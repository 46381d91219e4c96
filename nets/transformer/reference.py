"""A quantized transformer as PyTorch's own kernels compute it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ...golden.quantization import Quantization
from ..framework import qnnpack
from . import kernels
from .deit import VisionTransformer
from .walk import walk

__all__ = ["gelu_table", "quantized_weight", "reference_tensors"]

Codes = npt.NDArray[np.uint8]
_WEIGHT_CODES = 127  # the largest; weights are symmetric
_SMALLEST = 2.0**-23  # scale of a channel of zeros
_untyped: Any = torch


def quantized_weight(weight: torch.Tensor) -> torch.Tensor:
    """Weights as qint8, a scale for each output channel."""
    sizes = weight.detach().flatten(1).abs().amax(dim=1)
    scales = (sizes / _WEIGHT_CODES).clamp(min=_SMALLEST).double()
    zero_points = torch.zeros(len(scales), dtype=torch.int64)
    return torch.quantize_per_channel(weight.detach(), scales, zero_points, 0, torch.qint8)


def gelu_table(given: Quantization, output: Quantization) -> Codes:
    """PyTorch's GELU of all 256 codes, between dequantize and quantize, in one call."""
    codes = torch.arange(256, dtype=torch.uint8)
    x = _untyped._make_per_tensor_quantized_tensor(codes, given.scale, given.zero_point)
    y = nn.functional.gelu(x.dequantize())
    found = torch.quantize_per_tensor(y, output.scale, output.zero_point, torch.quint8)
    return found.int_repr().numpy()


def _quantized(codes: torch.Tensor, quantization: Quantization) -> torch.Tensor:
    return _untyped._make_per_tensor_quantized_tensor(
        codes.contiguous(), quantization.scale, quantization.zero_point
    )


def _moved(x: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Return codes that were moved, with the scale and zero point of the tensor they are from."""
    return _quantized(codes, Quantization(x.q_scale(), x.q_zero_point()))


class _Reference:
    """Computes with quint8 tensors.

    Parameters
    ----------
    quantizations : mapping of str to Quantization
        As from `observe`.

    Attributes
    ----------
    found : dict of str to tensor
        Each result by name.
    """

    def __init__(self, quantizations: Mapping[str, Quantization]) -> None:
        self._quantizations = quantizations
        self.found: dict[str, torch.Tensor] = {}

    def _output(self, name: str) -> tuple[float, int]:
        quantization = self._quantizations[name]
        return quantization.scale, quantization.zero_point

    def _kept(self, name: str, x: torch.Tensor) -> torch.Tensor:
        self.found[name] = x
        return x

    def _constant(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return torch.quantize_per_tensor(x.detach(), *self._output(name), torch.quint8)

    def convolution(
        self, name: str, module: nn.Conv2d, x: torch.Tensor, also: torch.Tensor
    ) -> torch.Tensor:
        x = self._kept("input", torch.quantize_per_tensor(x, *self._output("input"), torch.quint8))
        packed = torch.ops.quantized.conv2d_prepack(
            quantized_weight(module.weight), module.bias, module.stride, [0, 0], [1, 1], 1
        )
        return self._kept(name, torch.ops.quantized.conv2d(x, packed, *self._output(name)))

    def tokens(self, name: str, first: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        scale, zero_point = x.q_scale(), x.q_zero_point()
        start = torch.quantize_per_tensor(first.detach(), scale, zero_point, torch.quint8)
        pixels = x.int_repr().flatten(2).transpose(1, 2)
        joined = torch.cat([start.int_repr().expand(len(x), -1, -1), pixels], dim=1)
        return self._kept(name, _moved(x, joined))

    def add_constant(self, name: str, constant: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        other = self._constant(constant.expand(x.shape).contiguous(), f"{name}.constant")
        return self._kept(name, torch.ops.quantized.add(x, other, *self._output(name)))

    def layer_norm(self, name: str, module: nn.LayerNorm, x: torch.Tensor) -> torch.Tensor:
        parameters = module.weight.detach(), module.bias.detach(), module.eps
        return self._kept(name, kernels.layer_norm(x, *parameters, *self._output(name)))

    def linear(
        self,
        name: str,
        weight: torch.Tensor,
        bias: torch.Tensor,
        x: torch.Tensor,
        *,
        symmetric: bool = False,
    ) -> torch.Tensor:
        packed = torch.ops.quantized.linear_prepack(quantized_weight(weight), bias.detach())
        return self._kept(name, torch.ops.quantized.linear(x, packed, *self._output(name)))

    def scores(
        self, name: str, q: torch.Tensor, k: torch.Tensor, heads: int, factor: float
    ) -> torch.Tensor:
        left, right = _heads(q, heads), _heads(k, heads)
        found = self._products(name, q, left, k, right, factor)
        return self._kept(name, found)

    def softmax(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self._kept(name, kernels.softmax(x))

    def weighted_sum(
        self, name: str, weights: torch.Tensor, v: torch.Tensor, heads: int
    ) -> torch.Tensor:
        right = _heads(v, heads).transpose(2, 3)
        found = self._products(name, weights, weights.int_repr(), v, right, 1.0)
        return self._kept(name, _moved(found, found.int_repr().transpose(1, 2).flatten(2)))

    def _products(
        self,
        name: str,
        a: torch.Tensor,
        left: torch.Tensor,
        b: torch.Tensor,
        right: torch.Tensor,
        factor: float,
    ) -> torch.Tensor:
        """One linear layer for each image and head: codes of a by codes of b."""
        rows = [
            [
                kernels.weighted(
                    _moved(a, left[image, head]),
                    _moved(b, right[image, head]),
                    factor,
                    *self._output(name),
                ).int_repr()
                for head in range(left.shape[1])
            ]
            for image in range(len(left))
        ]
        joined = torch.stack([torch.stack(heads) for heads in rows])
        return _quantized(joined, self._quantizations[name])

    def add(self, name: str, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self._kept(name, torch.ops.quantized.add(a, b, *self._output(name)))

    def gelu(self, name: str, x: torch.Tensor) -> torch.Tensor:
        output = self._quantizations[name]
        table = gelu_table(Quantization(x.q_scale(), x.q_zero_point()), output)
        return self._kept(name, _quantized(torch.from_numpy(table)[x.int_repr().long()], output))

    def first_token(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self._kept(name, _moved(x, x.int_repr()[:, 0]))


def _heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """Codes (N, T, heads * D) as (N, heads, T, D)."""
    return x.int_repr().unflatten(2, (heads, -1)).transpose(1, 2)


def reference_tensors(
    model: VisionTransformer, quantizations: Mapping[str, Quantization], images: torch.Tensor
) -> dict[str, Codes]:
    """Every tensor of the quantized network, by PyTorch's kernels.

    Parameters
    ----------
    model : VisionTransformer
    quantizations : mapping of str to Quantization
        As from `observe`.
    images : tensor of shape (N, colours, H, W), float32

    Returns
    -------
    dict of str to ndarray, uint8
        By the names of `walk`; images channels last, tokens (N, 1, T, C), scores
        (N, heads, T, T), rows (N, C).
    """
    reader = _Reference(quantizations)
    with qnnpack():
        walk(model, reader, images)
    return {name: _channels_last(name, x.int_repr()) for name, x in reader.found.items()}


def _channels_last(name: str, codes: torch.Tensor) -> Codes:
    if codes.ndim == 3:
        codes = codes[:, None]
    elif name in ("input", "patch_embed.proj"):
        codes = codes.permute(0, 2, 3, 1)
    return np.ascontiguousarray(codes.numpy())
