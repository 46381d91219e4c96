"""Concatenations that lie over a dead tensor, one part of which they keep.

A unit of ShuffleNetV2 halves a tensor, computes with one half, and concatenates the result with the
other one. Nothing needs to be copied: the result is written over the half that it was computed
from, which is dead by then.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..golden.graph import Concat, Network, Node, Slice
from .place import Place

__all__ = ["overlay"]


def overlay(network: Network, found: dict[str, Place], written: Mapping[str, bool]) -> None:
    """Move concatenations onto the tensor that one of their parts is a slice of, where it is dead.

    Parameters
    ----------
    network : Network
    found : dict of str to Place
        Places of all tensors; changed.
    written : mapping of str to bool
        Whether a tensor has bytes that a node writes.
    """
    numbers = {node.name: number for number, node in enumerate(network.nodes)}
    last = dict.fromkeys(network.outputs, len(numbers))
    for number, node in enumerate(network.nodes):
        for name in node.inputs:
            last[name] = max(last.get(name, 0), number)
    makers = {node.name: node for node in network.nodes}
    for node in network.nodes:
        if isinstance(node.operation, Concat) and found[node.name] == Place(node.name):
            base = _base(network, found, node, makers)
            if base and _dead(network, found, (node, base), (numbers, last), written):
                for name, place in found.items():
                    if place.root == node.name:
                        found[name] = Place(base.root, base.channel + place.channel)


def _base(
    network: Network, found: Mapping[str, Place], node: Node, makers: Mapping[str, Node]
) -> Place | None:
    """Return the place at which one slice among the parts would lie where it does now."""
    shape, channel = network.tensors[node.name].shape, 0
    for name in node.inputs:
        maker, place = makers.get(name), found[name]
        if maker and isinstance(maker.operation, Slice) and place.root != name:
            first, root = place.channel - channel, network.tensors[place.root].shape
            inside = 0 <= first <= root[-1] - shape[-1] and root[:-1] == shape[:-1]
            if inside and all(place.root != source.name for source in network.sources):
                return Place(place.root, first)
        channel += network.tensors[name].shape[-1]
    return None


def _dead(
    network: Network,
    found: Mapping[str, Place],
    moved: tuple[Node, Place],
    order: tuple[Mapping[str, int], Mapping[str, int]],
    written: Mapping[str, bool],
) -> bool:
    """Whether the other parts are written in place, after the last read of what lies there."""
    node, base = moved
    numbers, last = order
    channel = 0
    for name in node.inputs:
        width = network.tensors[name].shape[-1]
        start = base.channel + channel
        if found[name] == Place(node.name, channel) and written[name]:
            for other, place in found.items():
                end = place.channel + network.tensors[other].shape[-1]
                over = place.root == base.root and place.channel < start + width and start < end
                if over and last.get(other, 0) >= numbers[name]:
                    return False
        elif found[name] != Place(base.root, start):
            return False
        channel += width
    return True
