"""Max pools of one tensor, side by side: the larger ones read the smaller ones' outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from .graph import MaxPool2d, Network, Node
from .verify import verify

__all__ = ["chain_max_pools"]


def chain_max_pools(network: Network) -> Network:
    """Compute larger max pools of a tensor from smaller ones of stride 1, with identical results.

    In spatial pyramid pooling, 13 x 13 is 5 x 5 of 9 x 9, which is 5 x 5 of 5 x 5. Tensors keep
    their names; smaller pools move before larger ones.

    Parameters
    ----------
    network : Network

    Returns
    -------
    Network
        Accepted by `verify`.

    Examples
    --------
    >>> from .graph import Concat, Quantization, Tensor
    >>> one = Quantization(1.0, 0)
    >>> pools = [MaxPool2d(f"net.{k}", one, (k, k), (1, 1), (k // 2, k // 2)) for k in (5, 13)]
    >>> nodes = [Node(pool, ("net.input",)) for pool in pools]
    >>> nodes.append(Node(Concat("net.cat", (one, one), one), ("net.5", "net.13")))
    >>> image = Tensor("net.input", (1, 20, 20, 3), one)
    >>> chained = chain_max_pools(Network("net", image, tuple(nodes), "net.cat"))
    >>> chained.nodes[1].inputs, chained.nodes[1].operation.kernel
    (('net.5',), (9, 9))
    """
    groups: dict[str, list[Node]] = {}
    for node in network.nodes:
        if isinstance(node.operation, MaxPool2d) and node.operation.dilation == (1, 1):
            groups.setdefault(node.inputs[0], []).append(node)
    chained = {source: _chained(nodes) for source, nodes in groups.items() if len(nodes) > 1}
    nodes: list[Node] = []
    for node in network.nodes:
        source = node.inputs[0]
        if source in chained and node in groups[source]:
            nodes += chained[source]  # at the place of the first
            chained[source] = []
        else:
            nodes.append(node)
    result = replace(network, nodes=tuple(nodes))
    verify(result)
    return result


def _chained(nodes: Sequence[Node]) -> list[Node]:
    """Order pools of one tensor by size, each reading the one before if possible."""
    ordered = sorted(nodes, key=lambda node: sum(_pool(node).kernel))
    result = ordered[:1]
    for smaller, larger in pairwise(ordered):
        rest = _rest(_pool(smaller), _pool(larger))
        result.append(larger if rest is None else Node(rest, (smaller.name,), larger.output))
    return result


def _pool(node: Node) -> MaxPool2d:
    assert isinstance(node.operation, MaxPool2d)
    return node.operation


def _rest(smaller: MaxPool2d, larger: MaxPool2d) -> MaxPool2d | None:
    """Return the pool that makes the larger of the smaller one's output; None if none does."""
    kernel = larger.kernel[0] - smaller.kernel[0] + 1, larger.kernel[1] - smaller.kernel[1] + 1
    padding = larger.padding[0] - smaller.padding[0], larger.padding[1] - smaller.padding[1]
    fits = all(0 <= pad <= size // 2 for pad, size in zip(padding, kernel, strict=True))
    if smaller.stride != (1, 1) or larger.ceil_mode or min(kernel) < 1 or max(kernel) == 1:
        return None
    return replace(larger, kernel=kernel, padding=padding) if fits else None
