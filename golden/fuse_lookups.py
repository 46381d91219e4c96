"""Fusion of tables: a lookup that alone reads an operation's output becomes part of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ..spec.parameters import WINDOW
from .graph import (
    Add,
    AvgPool2d,
    Clamp,
    Concat,
    Conv2d,
    Linear,
    Lookup,
    MaxPool2d,
    Mul,
    Network,
    Node,
)
from .kernels.concat import rescale_table
from .verify import verify

__all__ = ["fuse_lookups", "rescale_concats"]

_MAKERS = (Conv2d, Linear, Add, Mul, MaxPool2d, AvgPool2d, Clamp, Lookup)


def fuse_lookups(network: Network) -> Network:
    """Fuse a lookup into the operation whose output it alone reads.

    The accelerator applies the table to results on their way to memory, so a fused lookup takes
    no pass of its own. The operation keeps its name; its output tensor takes the lookup's name,
    and the tensor between them no longer exists. A lookup behind a lookup, or behind an operation
    that has one, becomes one table. Lookups that keep the codes are not fused: they move nothing.

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
    >>> one = Quantization(1.0, 0)
    >>> flip = Lookup("net.flip", one, one, np.arange(255, -1, -1, dtype=np.uint8))
    >>> nodes = (Node(Clamp("net.relu6", one, 0, 6), ("net.input",)), Node(flip, ("net.relu6",)))
    >>> network = Network("net", Tensor("net.input", (1, 1), one), nodes, "net.flip")
    >>> (node,) = fuse_lookups(network).nodes
    >>> node.name, node.operation.name, node.table.name
    ('net.flip', 'net.relu6', 'net.flip')
    """
    readers = Counter(name for node in network.nodes for name in node.inputs)
    readers.update(network.outputs)
    nodes: dict[str, Node] = {}
    for node in network.nodes:
        maker = nodes.get(node.inputs[0])
        table = node.operation
        if (
            isinstance(table, Lookup)
            and not table.identity
            and maker is not None
            and _computes(maker)
            and readers[maker.name] == 1
        ):
            del nodes[maker.name]
            node = _joined(maker, table, node.name)
        nodes[node.name] = node
    fused = replace(network, nodes=tuple(nodes.values()))
    verify(fused)
    return fused


def _computes(node: Node) -> bool:
    """Whether results pass through the array's output, where the table is."""
    operation = node.operation
    if isinstance(operation, AvgPool2d) and operation.kernel == (1, 1) and not operation.own_output:
        return False  # an alias
    if isinstance(operation, MaxPool2d) and max(operation.kernel) > WINDOW:
        return False  # of several passes
    return isinstance(operation, _MAKERS)


def _joined(maker: Node, table: Lookup, name: str) -> Node:
    """Return a maker's node with a table behind it."""
    if maker.table is not None:
        return replace(maker, output=name, table=_composed(maker.table, table))
    if isinstance(maker.operation, Lookup):
        return Node(_composed(maker.operation, table), maker.inputs, name)
    return Node(maker.operation, maker.inputs, name, table)


def _composed(first: Lookup, second: Lookup) -> Lookup:
    return Lookup(second.name, first.input, second.output, second.table[first.table])


def rescale_concats(network: Network) -> Network:
    """Give a concatenation's inputs one scale and zero point, by a lookup before those with others.

    Parameters
    ----------
    network : Network

    Returns
    -------
    Network
        Accepted by `verify`. The lookup before input i of concatenation ``cat`` is ``cat[i]``.
    """
    nodes: list[Node] = []
    for node in network.nodes:
        if isinstance(node.operation, Concat):
            nodes += _rescales(node)
            node = _rescaled(node)
        nodes.append(node)
    found = replace(network, nodes=tuple(nodes))
    verify(found)
    return found


def _others(concat: Concat) -> list[int]:
    """Positions of the inputs that have another quantization than the output."""
    return [i for i, each in enumerate(concat.inputs) if each != concat.output]


def _rescales(node: Node) -> list[Node]:
    concat = node.operation
    assert isinstance(concat, Concat)
    return [
        Node(
            Lookup(
                f"{node.name}[{i}]",
                concat.inputs[i],
                concat.output,
                rescale_table(concat.inputs[i], concat.output),
            ),
            (node.inputs[i],),
        )
        for i in _others(concat)
    ]


def _rescaled(node: Node) -> Node:
    concat = node.operation
    assert isinstance(concat, Concat)
    names = list(node.inputs)
    for i in _others(concat):
        names[i] = f"{node.name}[{i}]"
    same = replace(concat, inputs=(concat.output,) * len(names))
    return replace(node, operation=same, inputs=tuple(names))
