"""Fusion passes: fewer nodes, identical results."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from .graph import Clamp, Conv2d, Linear, Network, Node
from .verify import verify

__all__ = ["fuse_clamps"]


def fuse_clamps(network: Network) -> Network:
    """Fuse a clamp into the convolution or linear layer whose output it alone reads.

    Requantization clamps anyway, so a fused ReLU6 takes no extra cycles. The layer keeps its name;
    its output tensor takes the clamp's name.

    Parameters
    ----------
    network : Network

    Returns
    -------
    Network
        Accepted by `verify`.

    Examples
    --------
    >>> import numpy as np
    >>> from .graph import Quantization, Tensor
    >>> one, ones = Quantization(1.0, 0), np.ones(1)
    >>> fields = [np.ones((1, 1), np.int8), ones, ones.astype(np.int32), ones]
    >>> linear = Linear("net.fc", *fields, ones.astype(np.float32), one, one)
    >>> nodes = (Node(linear, ("net.input",)), Node(Clamp("net.relu6", one, 0, 6), ("net.fc",)))
    >>> network = Network("net", Tensor("net.input", (1, 1), one), nodes, "net.relu6")
    >>> (node,) = fuse_clamps(network).nodes
    >>> node.name, node.operation.name, node.operation.bounds
    ('net.relu6', 'net.fc', (0, 6))
    """
    readers = Counter(name for node in network.nodes for name in node.inputs)
    readers.update(network.outputs)
    nodes: dict[str, Node] = {}
    for node in network.nodes:
        clamp = node.operation
        maker = nodes.get(node.inputs[0])
        if (
            isinstance(clamp, Clamp)
            and maker is not None
            and isinstance(maker.operation, Conv2d | Linear)
            and readers[maker.name] == 1
        ):
            low, high = maker.operation.limits
            limits = (min(max(low, clamp.low), clamp.high), max(min(high, clamp.high), clamp.low))
            del nodes[maker.name]
            node = Node(replace(maker.operation, limits=limits), maker.inputs, node.name)
        nodes[node.name] = node
    fused = replace(network, nodes=tuple(nodes.values()))
    verify(fused)
    return fused
