"""Matches tensors of the integer graph with tensors of PyTorch's network."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..golden.graph import Flatten, Node
from ..golden.kernels.flatten import channels_last_columns
from .int8 import Step
from .lowered import Lowered
from .reference import Result

__all__ = ["match"]


def match(
    lowered: Lowered,
    steps: Sequence[Step],
    results: Mapping[str, Result],
    count: int,
    inside: Collection[str] = (),
) -> dict[str, npt.NDArray[np.uint8]]:
    """Return PyTorch's codes for every tensor of the graph.

    Parameters
    ----------
    lowered : Lowered
        From `lower.lowered`.
    steps : sequence of Step
        Steps from which the graph was lowered; they name PyTorch's nodes.
    results : mapping of str to Result
        From `Reference.tensors`, keyed by node.
    count : int
        Images.
    inside : collection of str
        Tensors of the graph that are none of the reference's, but parts of one.

    Returns
    -------
    dict of str to ndarray, uint8
        Keyed by graph name, in graph order, with the graph's shapes for `count` images.

    Raises
    ------
    ValueError
        If PyTorch lacks a tensor, or its shape, scale or zero point differs.
    """
    nodes = {step.name: step.node for step in steps}
    graph, orders, layouts = lowered.graph, lowered.orders, lowered.layouts
    makers = {node.name: node for node in graph.nodes}
    found = {}
    for name, tensor in graph.tensors.items():
        if name in inside:
            continue
        node = nodes.get(name) or nodes.get(_origin(name, makers.get(name)), "")
        if node not in results:
            raise ValueError(f"{name}: tensor must be one of PyTorch's network, got none")
        result, wanted = results[node], (count, *tensor.shape[1:])
        codes = result.codes
        if codes.ndim == 3:
            codes = layouts[name].to_graph(codes)
        if name in orders:
            codes = channels_last_columns(codes, *orders[name])
        if codes.ndim == 2 and wanted[1:3] == (1, 1):
            codes = codes[:, None, None]  # PyTorch's mean drops dimensions, the graph's keeps them
        if codes.shape != wanted or result.quantization != tensor.quantization:
            raise ValueError(
                f"{name}: tensor must be as PyTorch's network has it, shape {codes.shape} and "
                f"{result.quantization}, got {wanted} and {tensor.quantization}"
            )
        found[name] = codes
    return found


def _origin(name: str, maker: Node | None) -> str:
    """Return the step that computes a tensor; a mean without keepdim yields two tensors."""
    if maker is not None and isinstance(maker.operation, Flatten):
        source = maker.inputs[0]
        if name == f"{source}.flatten":
            return source
    return name
