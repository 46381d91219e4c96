"""The integer graph of a network, with how its tensors lie in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..golden.graph import Add, Clamp, Flatten, Lookup, Mul, Network, Relabel
from ..golden.kernels.flatten import channels_last_columns
from .layouts import Layout

__all__ = ["ANY_ORDER", "Lowered", "Output", "reordered"]

ANY_ORDER = Add | Clamp | Lookup | Mul | Relabel  # the order of elements does not matter to them

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Output:
    """One result of a network.

    Parameters
    ----------
    tensor : str
        Name of the graph's tensor.
    label : str
        Place in PyTorch's tuple, list or dictionary, e.g. ``1`` or ``boxes``; empty for a network
        with one result.
    index : int
        Position among all results.
    layout : Layout
        PyTorch's.
    order : (H, W, C), optional
        Size of the flattened image, if PyTorch's order of elements is another.
    """

    tensor: str
    label: str
    index: int
    layout: Layout
    order: Shape | None = None

    def to_graph(self, result: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Reorder PyTorch's result as the graph's tensor is."""
        if self.order is not None:
            return channels_last_columns(result, *self.order)
        return self.layout.to_graph(result)


@dataclass(frozen=True, eq=False)
class Lowered:
    """The integer graph of a network, and how its tensors lie in PyTorch.

    Parameters
    ----------
    graph : Network
    layouts : mapping of str to Layout
        PyTorch's layout of each tensor.
    orders : mapping of str to (H, W, C)
        Flattened tensors whose element order differs from PyTorch's, with the image's size.
    outputs : tuple of Output
        In PyTorch's order; none if the network ends in floating point.
    tail : tuple of (str, Layout)
        Tensors that the network's floating-point end reads, and PyTorch's layout of each.
    """

    graph: Network
    layouts: Mapping[str, Layout]
    orders: Mapping[str, Shape]
    outputs: tuple[Output, ...]
    tail: tuple[tuple[str, Layout], ...] = ()


def reordered(network: Network) -> dict[str, tuple[int, int, int]]:
    """Flattened tensors whose element order differs from PyTorch's, with the image's (H, W, C)."""
    orders: dict[str, tuple[int, int, int]] = {}
    for node in network.nodes:
        first = node.inputs[0]
        shape = network.tensors[first].shape
        if isinstance(node.operation, Flatten) and len(shape) == 4 and shape[1] * shape[2] > 1:
            orders[node.name] = (shape[1], shape[2], shape[3])
        elif isinstance(node.operation, ANY_ORDER) and first in orders:
            orders[node.name] = orders[first]
    return orders
