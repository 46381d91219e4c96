"""Integer graph of a quantized transformer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ...golden import graph
from ...golden.array.requantize import bias_codes, multipliers
from ...golden.graph import Network, Node, Operation, Quantization, Tensor
from ...golden.operations.layer_norm import LayerNorm
from ...golden.operations.rearrange import Rearrange
from ...golden.operations.softmax import Softmax
from ...golden.operations.tensor_product import TensorProduct
from ...golden.operations.tokens import AddConstant, Tokens
from ...golden.verify import verify
from ..framework import one_thread, qnnpack
from . import steps
from .observe import constant_of
from .parts import Transformer
from .reference import constant_codes, gelu_table, quantized_weight

__all__ = ["import_transformer"]


class _Importer:
    """Makes nodes of each step; values are names of tensors."""

    def __init__(self, name: str, quantizations: Mapping[str, Quantization], image: Tensor) -> None:
        self._prefix = name
        self._quantizations = quantizations
        self.nodes: list[Node] = []
        self._tensors = {image.name: image}

    def _node(self, operation: Operation, *inputs: str) -> str:
        self.nodes.append(Node(operation, inputs))
        shape = operation.output_shape(*(self._tensors[name].shape for name in inputs))
        self._tensors[operation.name] = Tensor(operation.name, shape, operation.output)
        return operation.name

    def compute(self, step: steps.Step, *inputs: str) -> str:
        """Append a step's nodes; return the name of its result."""
        name = f"{self._prefix}.{step.name}"
        sources = [self._tensors[each] for each in inputs]
        if isinstance(step, steps.First | steps.Mean):
            part = self._node(_row(step, name, sources[0]), *inputs)
            return self._node(graph.Flatten(name, self._tensors[part].quantization), part)
        return self._node(self._operation(step, name, sources), *inputs)

    def _operation(self, step: steps.Step, name: str, sources: list[Tensor]) -> Operation:
        given, shape = sources[0].quantization, sources[0].shape
        pair = given, sources[-1].quantization
        match step:
            case steps.Tokens():
                return Tokens(name, given, constant_codes(step.first[0], given).numpy())
            case steps.Softmax():
                return Softmax(name, given, shape[3])
            case steps.Rearrange():
                return Rearrange(name, given, step.places)
        output = self._quantizations[step.name]
        match step:
            case steps.Convolution():
                module = step.module
                assert module.bias is not None
                return _layer(name, module.weight, module.bias, given, output, module.stride[0])
            case steps.Linear():
                layer = _layer(name, step.weight, step.bias, given, output, 1)
                return layer if len(shape) == 4 else _of_rows(layer)
            case steps.AddConstant():
                other = self._quantizations[constant_of(step.name)]
                codes = np.ascontiguousarray(constant_codes(step.addend, other).numpy())
                return AddConstant(name, codes, given, other, output)
            case steps.Norm(module=module):
                gamma, beta = (each.detach().numpy() for each in (module.weight, module.bias))
                return LayerNorm(name, gamma, beta, module.eps, given, output)
            case steps.Scores():
                depth = shape[3] // step.heads
                return TensorProduct(name, pair, output, step.heads, True, depth, step.factor)
            case steps.Weighted():
                return TensorProduct(name, pair, output, step.heads, False, shape[3])
            case steps.Add():
                return graph.Add(name, pair, output)
            case steps.Gelu():
                return graph.Lookup(name, given, output, gelu_table(given, output))
        raise TypeError(f"step must be one of maccord.nets.transformer.steps, got {type(step)}")


def _row(step: steps.First | steps.Mean, name: str, source: Tensor) -> Operation:
    """Return what leaves one pixel of an image."""
    if isinstance(step, steps.First):
        return graph.Slice(f"{name}.slice", source.quantization, (None, (0, 1, 1), None))
    height, width = source.shape[1:3]
    kernel = (height, width)
    return graph.AvgPool2d(f"{name}.mean", source.quantization, kernel, kernel)


def _layer(
    name: str,
    weight: torch.Tensor,
    bias: torch.Tensor,
    given: Quantization,
    output: Quantization,
    stride: int,
) -> graph.Conv2d:
    """Return a convolution; a linear layer of tokens is one of 1 x 1."""
    packed = quantized_weight(weight)
    scales = packed.q_per_channel_scales().numpy()
    values, codes = bias.detach().numpy(), packed.int_repr().numpy()
    return graph.Conv2d(
        name=name,
        weight=codes if codes.ndim == 4 else codes[:, :, None, None],
        bias=values,
        bias_q=bias_codes(values, given.scale, scales),
        weight_scale=scales,
        multiplier=multipliers(given.scale, scales, output.scale),
        input=given,
        output=output,
        stride=(stride, stride),
    )


def _of_rows(layer: graph.Conv2d) -> graph.Linear:
    """Return a 1 x 1 convolution as a linear layer of rows."""
    fields = ("name", "bias", "bias_q", "weight_scale", "multiplier", "input", "output")
    kept = {field: getattr(layer, field) for field in fields}
    return graph.Linear(weight=layer.weight[:, :, 0, 0], **kept)


def import_transformer(
    model: Transformer, name: str, quantizations: Mapping[str, Quantization]
) -> Network:
    """Return the integer graph of a network.

    Parameters
    ----------
    model : Transformer
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
    shape = (1, model.image, model.image, model.colours)
    image = Tensor(f"{name}.{steps.IMAGE}", shape, quantizations[steps.IMAGE])
    importer = _Importer(name, quantizations, image)
    with qnnpack(), one_thread():
        output, _ = steps.walk(model.steps(), importer.compute, image.name)
    network = Network(name, image, tuple(importer.nodes), output)
    verify(network)
    return network
