"""Layers and networks whose weights have 8, 4 and 2 bits, mixed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maccord.golden.graph import Conv2d, Layer, Linear, Network
from maccord.spec.parameters import Parameters
from maccord.spec.weight_widths import WIDTHS

__all__ = ["NARROW_ARRAYS", "array_of", "narrowed", "narrowed_network", "of_width"]

#: Small arrays that unpack weights: rows that n divides, and others.
NARROW_ARRAYS = {
    "9x4 bus 8": Parameters(
        *(9, 4, 0, 8),
        activation_bytes=1 << 12,
        weight_bytes=1 << 10,
        output_bytes=1 << 11,
        accumulators=64,
        line_cells=32,
        lookup=True,
        narrow=True,
    ),
    "16x16": Parameters(
        activation_bytes=1 << 13, weight_bytes=1 << 11, output_bytes=1 << 11, narrow=True
    ),
}


def array_of(bits: int) -> Parameters:
    """The small array, generated for weights of a width."""
    return replace(NARROW_ARRAYS["9x4 bus 8"], weight_bits=bits)


def narrowed(layer: Layer, rng: np.random.Generator, bits: int) -> Layer:
    """A layer with random codes of a width, its outputs as spread as before."""
    if bits == 8:
        return layer
    limit = 1 << bits - 1
    weight = rng.integers(-limit, limit, layer.weight.shape).astype(np.int8)
    multiplier = (layer.multiplier * (128 // limit)).astype(np.float32)
    return replace(layer, weight=weight, multiplier=multiplier, weight_bits=bits)


def of_width(network: Network, rng: np.random.Generator, bits: int) -> Network:
    """A network whose layers all have random codes of a width."""
    nodes = [
        replace(node, operation=narrowed(node.operation, rng, bits))
        if isinstance(node.operation, Conv2d | Linear)
        else node
        for node in network.nodes
    ]
    return replace(network, nodes=tuple(nodes))


def narrowed_network(network: Network, rng: np.random.Generator) -> Network:
    """A network whose layers take turns at the widths, from a random one on."""
    turn = int(rng.integers(3))
    nodes = []
    for node in network.nodes:
        operation = node.operation
        if isinstance(operation, Conv2d | Linear):
            operation = narrowed(operation, rng, WIDTHS[turn % 3])
            turn += 1
        nodes.append(replace(node, operation=operation))
    return replace(network, nodes=tuple(nodes))
