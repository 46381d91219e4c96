"""Results that the comparison can take: finite numbers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import fx

from .source_line import LINE
from .values import values_of

__all__ = ["check_results"]


def check_results(
    traced: fx.GraphModule, network: str, image: torch.Tensor, results: Iterable[torch.Tensor]
) -> None:
    """Refuse a network that computes nothing, or whose results are not finite.

    Parameters
    ----------
    traced : GraphModule
        In floating point, each node with its line.
    network : str
        Name for error messages.
    image : Tensor of shape (N, ...)
    results : iterable of Tensor
        Its results for that input.

    Raises
    ------
    ValueError
        Naming the first call whose result is not finite.
    """
    *_, output = traced.graph.nodes
    if not any(node.op.startswith("call_") for node in traced.graph.nodes):
        raise ValueError(
            f"{network}: network must compute something of its input, got one that returns it"
        )
    if all(torch.isfinite(each).all() for each in results):
        return
    values = values_of(traced, image)
    reached, todo = set(), [output]
    while todo:
        node = todo.pop()
        todo += [each for each in node.all_input_nodes if each not in reached]
        reached.update(node.all_input_nodes)
    first = next(node for node in traced.graph.nodes if node in reached and not values[node].finite)
    line = first.meta.get(LINE)
    path = str(first.target) if first.op == "call_module" else first.name
    place = f" ({line})" if line else ""
    raise ValueError(
        f"{network}.{path}: results must be finite numbers, got nan or infinity for a calibration "
        f"input{place}"
    )
