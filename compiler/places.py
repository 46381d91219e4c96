"""Aliases: flattened tensors, and inputs of concatenations that are written in place."""

from __future__ import annotations

from collections import Counter

from ..golden.graph import (
    AvgPool2d,
    Concat,
    Flatten,
    Lookup,
    Network,
    Node,
    Operation,
    Relabel,
    Slice,
)
from .overlays import overlay
from .place import Place

__all__ = ["Place", "moves_nothing", "places"]


def moves_nothing(operation: Operation) -> bool:
    """Whether the output lies in the input: flattened, a mean of one element, channels, a scale."""
    if isinstance(operation, AvgPool2d):
        alone = operation.kernel == operation.stride == (1, 1) and operation.padding == (0, 0)
        return alone and operation.output == operation.input
    if isinstance(operation, Slice):
        return not any(operation.spans[:-1])
    if isinstance(operation, Lookup):
        return operation.identity
    return isinstance(operation, Flatten | Relabel)


def places(network: Network) -> dict[str, Place]:
    """Find each tensor's place; a part that cannot be written in place gets its own memory.

    Parameters
    ----------
    network : Network

    Raises
    ------
    ValueError
        If a concatenation would have to requantize.
    """
    makers = {node.name: node for node in network.nodes}
    found = {source.name: Place(source.name) for source in network.sources}
    joins = Counter(
        name for node in network.nodes if isinstance(node.operation, Concat) for name in node.inputs
    )
    # From the last to the first: a concatenation may itself be a part of a later one.
    for node in reversed(network.nodes):
        own = found.setdefault(node.name, Place(node.name))
        if not isinstance(node.operation, Concat):
            continue
        channel = own.channel
        for name in node.inputs:
            tensor = network.tensors[name]
            if tensor.quantization != network.tensors[node.name].quantization:
                raise ValueError(
                    f"{node.name}: the inputs of a concatenation must have one scale and zero "
                    f"point to run in hardware, got others in {name}"
                )
            if joins[name] == 1 and name in makers and _writes(makers[name]):
                found[name] = Place(own.root, channel)
            channel += tensor.shape[-1]
    for node in network.nodes:
        if moves_nothing(node.operation):
            source, channel = found[node.inputs[0]], 0
            if isinstance(node.operation, Slice):
                channel = node.operation.channel
            found[node.name] = Place(source.root, source.channel + channel)
    overlay(network, found, {name: _writes(maker) for name, maker in makers.items()})
    return found


def _writes(node: Node) -> bool:
    """Whether the node writes its output, rather than aliasing its input."""
    return not moves_nothing(node.operation)
