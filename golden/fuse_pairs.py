"""Fusion of sums and products that are functions of one code, as swish written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .graph import Add, Clamp, Lookup, Mul, Network, Node, Relabel
from .network import compute
from .operations.lookup import CODES
from .verify import verify

__all__ = ["fuse_pairs"]

_OF_ONE_CODE = (Lookup, Relabel, Clamp)

Makers = dict[str, Node]


def fuse_pairs(network: Network) -> Network:
    """Make a lookup of a sum or product whose operands are functions of the same codes.

    ``x * torch.sigmoid(x)`` then takes one table instead of a table and a product. Only in
    networks that need tables anyway, so that no hardware is asked for that is not needed.

    Parameters
    ----------
    network : Network

    Returns
    -------
    Network
        Accepted by `verify`. The lookup has the name of the sum or product; tensors that nothing
        reads any more are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from .graph import Quantization, Tensor
    >>> one = Quantization(1.0, 0)
    >>> flip = Lookup("net.flip", one, one, CODES[::-1])
    >>> nodes = (
    ...     Node(flip, ("net.input",)),
    ...     Node(Mul("net.mul", (one, one), one), ("net.input", "net.flip")),
    ... )
    >>> image = Tensor("net.input", (1, 1), one)
    >>> (node,) = fuse_pairs(Network("net", image, nodes, "net.mul")).nodes
    >>> node.name, node.inputs, node.operation.table[[0, 1, 2, 254, 255]].tolist()
    ('net.mul', ('net.input',), [0, 254, 255, 254, 0])
    """
    if not any(map(_needs_table, network.nodes)):
        return network
    makers: Makers = {}
    for node in network.nodes:
        makers[node.name] = _fused(node, makers)
    fused = replace(network, nodes=_read(network, tuple(makers.values())))
    verify(fused)
    return fused


def _fused(node: Node, makers: Makers) -> Node:
    """Return a lookup in place of a sum or product, where that is possible."""
    pair = node.operation
    if not isinstance(pair, Add | Mul):
        return node
    first, second = (list(_chain(name, makers)) for name in node.inputs)
    sources = [name for name, _ in second]
    root = next((name for name, _ in first if name in sources), None)
    if root is None:
        return node
    paths = [_path(chain, root) for chain in (first, second)]
    codes = [CODES[None], CODES[None]]
    for side, path in enumerate(paths):
        for each in path:
            codes[side] = compute(each.operation, [codes[side]])
    table = compute(pair, codes)[0]
    source = paths[0][0].operation.inputs[0] if paths[0] else pair.inputs[0]
    return Node(Lookup(pair.name, source, pair.output, table), (root,), node.output)


def _needs_table(node: Node) -> bool:
    return isinstance(node.operation, Lookup) and not node.operation.identity


def _chain(name: str, makers: Makers) -> Iterator[tuple[str, Node | None]]:
    """Yield a tensor and those that it is a function of, code by code, each with its node."""
    node = makers.get(name)
    while node is not None and isinstance(node.operation, _OF_ONE_CODE) and node.table is None:
        yield name, node
        name = node.inputs[0]
        node = makers.get(name)
    yield name, None


def _path(chain: list[tuple[str, Node | None]], root: str) -> list[Node]:
    """Nodes that lead from a tensor to the chain's first, in order of execution."""
    names = [name for name, _ in chain]
    return [node for _, node in reversed(chain[: names.index(root)]) if node is not None]


def _read(network: Network, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return the nodes whose tensors are read, or are the output."""
    wanted = set(network.outputs)
    kept: list[Node] = []
    for node in reversed(nodes):
        if node.name in wanted:
            wanted.update(node.inputs)
            kept.append(node)
    return tuple(reversed(kept))
