"""Operations whose hardware was left out, computed by the host with PyTorch's kernels.

A network's own import knows all the hardware that maccord can generate. An accelerator made without
products or tables runs the rest of the network, and the host these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..golden.fuse_pairs import fuse_pairs
from ..golden.graph import Concat, Host, Lookup, Mul, Network, Node, Quantization
from ..spec.parameters import Parameters
from .framework import one_thread, qnnpack

__all__ = ["without_lacking"]

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class _ByPyTorch:
    """The function of a `Host` operation that stands for another.

    Parameters
    ----------
    operation : Mul, Concat or Lookup
    """

    operation: Mul | Concat | Lookup

    def __call__(self, given: Sequence[Codes]) -> Codes:
        """Return the operation's codes."""
        operation = self.operation
        if isinstance(operation, Lookup):  # PyTorch's kernel has filled it
            return operation.table[given[0]]
        with one_thread(), qnnpack():
            pairs = zip(given, operation.inputs, strict=True)
            tensors = [_tensor(codes, quantization) for codes, quantization in pairs]
            return self._joined(operation, tensors).int_repr().numpy()

    def _joined(self, operation: Mul | Concat, tensors: list[torch.Tensor]) -> torch.Tensor:
        if isinstance(operation, Concat):
            return torch.cat(tensors, -1)  # quantized as the first one
        kernel: Any = torch.ops.quantized.mul_relu if operation.relu else torch.ops.quantized.mul
        return kernel(*tensors, operation.output.scale, operation.output.zero_point)


def _tensor(codes: Codes, quantization: Quantization) -> torch.Tensor:
    untyped: Any = torch  # torch.ops would print warnings past Python's filters
    plain = torch.from_numpy(np.ascontiguousarray(codes))
    scale, zero_point = quantization.scale, quantization.zero_point
    return untyped._make_per_tensor_quantized_tensor(plain, scale, zero_point)


def without_lacking(network: Network, parameters: Parameters) -> Network:
    """Return a network in which the host computes operations that the accelerator lacks.

    Parameters
    ----------
    network : Network
        Before any fusion.
    parameters : Parameters
        Of the accelerator; one made without products or tables lacks them.

    Returns
    -------
    Network
        The same one if nothing lacks.
    """
    pairs = {node.name: node for node in fuse_pairs(network).nodes}
    nodes = [
        _hosted(network, pairs.get(node.name, node), node, parameters) for node in network.nodes
    ]
    if all(new is old for new, old in zip(nodes, network.nodes, strict=True)):
        return network
    return replace(network, nodes=tuple(nodes))


def _hosted(network: Network, fused: Node, node: Node, parameters: Parameters) -> Node:
    """Return a node, or one that the host computes; a product may be a table when fused."""
    operation = node.operation
    if isinstance(fused.operation, Mul):
        lacks = not parameters.product
    elif isinstance(fused.operation, Lookup):
        lacks = not (parameters.lookup or fused.operation.identity)
    elif isinstance(operation, Concat):
        lacks = not parameters.lookup and set(operation.inputs) != {operation.output}
    else:
        return node
    if not lacks or not isinstance(operation, Mul | Concat | Lookup):
        return node
    host = Host(
        operation.name,
        operation.inputs,
        operation.output,
        network.tensors[node.name].shape[1:],
        _ByPyTorch(operation),
        (operation.op,),
    )
    return Node(host, node.inputs, node.output)
