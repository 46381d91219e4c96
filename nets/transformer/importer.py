"""Integer graph of a quantized transformer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from ...golden.array.requantize import bias_codes, multipliers
from ...golden.graph import (
    Add,
    Conv2d,
    Flatten,
    Linear,
    Lookup,
    Network,
    Node,
    Operation,
    Quantization,
    Slice,
    Tensor,
)
from ...golden.operations.layer_norm import LayerNorm
from ...golden.operations.softmax import Softmax
from ...golden.operations.tensor_product import TensorProduct
from ...golden.operations.tokens import AddConstant, Tokens
from ...golden.verify import verify
from ..framework import qnnpack
from .deit import VisionTransformer
from .reference import gelu_table, quantized_weight
from .walk import walk

__all__ = ["import_transformer"]


class _Importer:
    """Makes a node of each operation; values are names of tensors."""

    def __init__(self, name: str, quantizations: Mapping[str, Quantization], image: Tensor) -> None:
        self._prefix = name
        self._quantizations = quantizations
        self.image = image
        self.nodes: list[Node] = []
        self._shapes = {image.name: image.shape}
        self._made = {image.name: image.quantization}

    def _node(self, operation: Operation, *inputs: str) -> str:
        self.nodes.append(Node(operation, inputs))
        shapes = (self._shapes[name] for name in inputs)
        self._shapes[operation.name] = operation.output_shape(*shapes)
        self._made[operation.name] = operation.output
        return operation.name

    def _name(self, name: str) -> str:
        return f"{self._prefix}.{name}"

    def _constant(self, x: torch.Tensor, quantization: Quantization) -> np.ndarray:
        parameters = quantization.scale, quantization.zero_point
        codes = torch.quantize_per_tensor(x.detach(), *parameters, torch.quint8).int_repr()
        return np.ascontiguousarray(codes.numpy())

    def _layer(
        self, name: str, weight: torch.Tensor, bias: torch.Tensor, x: str, stride: int
    ) -> Conv2d:
        """Return a convolution; a linear layer of tokens is one of 1 x 1."""
        given, output = self._made[x], self._quantizations[name]
        packed = quantized_weight(weight)
        scales = packed.q_per_channel_scales().numpy()
        values = bias.detach().numpy()
        codes = packed.int_repr().numpy()
        return Conv2d(
            name=self._name(name),
            weight=codes if codes.ndim == 4 else codes[:, :, None, None],
            bias=values,
            bias_q=bias_codes(values, given.scale, scales),
            weight_scale=scales,
            multiplier=multipliers(given.scale, scales, output.scale),
            input=given,
            output=output,
            stride=(stride, stride),
        )

    def convolution(self, name: str, module: nn.Conv2d, x: str, also: torch.Tensor) -> str:
        assert module.bias is not None
        return self._node(self._layer(name, module.weight, module.bias, x, module.stride[0]), x)

    def tokens(self, name: str, first: torch.Tensor, x: str) -> str:
        codes = self._constant(first[0], self._made[x])
        return self._node(Tokens(self._name(name), self._made[x], codes), x)

    def add_constant(self, name: str, constant: torch.Tensor, x: str) -> str:
        other = self._quantizations[f"{name}.constant"]
        codes = self._constant(constant[:, None], other)
        output = self._quantizations[name]
        return self._node(AddConstant(self._name(name), codes, self._made[x], other, output), x)

    def layer_norm(self, name: str, module: nn.LayerNorm, x: str) -> str:
        gamma, beta = module.weight.detach().numpy(), module.bias.detach().numpy()
        ends = self._made[x], self._quantizations[name]
        return self._node(LayerNorm(self._name(name), gamma, beta, module.eps, *ends), x)

    def linear(
        self,
        name: str,
        weight: torch.Tensor,
        bias: torch.Tensor,
        x: str,
        *,
        symmetric: bool = False,
    ) -> str:
        layer = self._layer(name, weight, bias, x, 1)
        if len(self._shapes[x]) == 4:
            return self._node(layer, x)
        fields = ("name", "bias", "bias_q", "weight_scale", "multiplier", "input", "output")
        kept = {field: getattr(layer, field) for field in fields}
        return self._node(Linear(weight=layer.weight[:, :, 0, 0], **kept), x)

    def _product(
        self, name: str, a: str, b: str, heads: int, depth: int, factor: float | None
    ) -> str:
        ends = (self._made[a], self._made[b]), self._quantizations[name]
        scores = factor is not None
        rest = heads, scores, depth, factor if scores else 1.0
        return self._node(TensorProduct(self._name(name), *ends, *rest), a, b)

    def scores(self, name: str, q: str, k: str, heads: int, factor: float) -> str:
        return self._product(name, q, k, heads, self._shapes[q][3] // heads, factor)

    def softmax(self, name: str, x: str) -> str:
        return self._node(Softmax(self._name(name), self._made[x], self._shapes[x][3]), x)

    def weighted_sum(self, name: str, weights: str, v: str, heads: int) -> str:
        return self._product(name, weights, v, heads, self._shapes[v][2], None)

    def add(self, name: str, a: str, b: str) -> str:
        ends = (self._made[a], self._made[b]), self._quantizations[name]
        return self._node(Add(self._name(name), *ends), a, b)

    def gelu(self, name: str, x: str) -> str:
        ends = self._made[x], self._quantizations[name]
        return self._node(Lookup(self._name(name), *ends, gelu_table(*ends)), x)

    def first_token(self, name: str, x: str) -> str:
        part = Slice(self._name(f"{name}.slice"), self._made[x], (None, (0, 1, 1), None))
        row = self._node(part, x)
        return self._node(Flatten(self._name(name), self._made[x]), row)


def import_transformer(
    model: VisionTransformer, name: str, quantizations: Mapping[str, Quantization]
) -> Network:
    """Return the integer graph of a network.

    Parameters
    ----------
    model : VisionTransformer
    name : str
        What names of tensors begin with.
    quantizations : mapping of str to Quantization
        As from `observe`.

    Returns
    -------
    Network
        Of one image; linear layers of tokens are 1 x 1 convolutions.

    Raises
    ------
    ValueError
        If `golden.verify` rejects it.
    """
    size = model.size
    shape = (1, size.image, size.image, size.colours)
    image = Tensor(f"{name}.input", shape, quantizations["input"])
    importer = _Importer(name, quantizations, image)
    with qnnpack():
        output = walk(model, importer, image.name)
    network = Network(name, image, tuple(importer.nodes), output)
    verify(network)
    return network
