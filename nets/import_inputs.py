"""Names of a network's inputs, and which of them a quantized tensor is made from."""

from __future__ import annotations

from typing import Any

from torch import fx

__all__ = ["input_arguments", "input_label"]


def input_label(node: fx.Node) -> str:
    """Return a name for an input of the graph: ``input``, or ``input.NAME`` of several.

    Parameters
    ----------
    node : Node
        A placeholder, or what quantizes one, or a tensor computed from one, for the accelerator.
    """
    found = _read(node)
    if len(_placeholders(node.graph)) == 1 or len(found) != 1:
        return "input"
    return f"input.{found[0].target}"


def input_arguments(node: fx.Node) -> dict[str, Any]:
    """Return the position of the first input that a node quantizes, where there are several."""
    found, read = _placeholders(node.graph), _read(node)
    return {"position": found.index(read[0])} if len(found) > 1 and read else {}


def _placeholders(graph: fx.Graph) -> list[fx.Node]:
    return [node for node in graph.nodes if node.op == "placeholder"]


def _read(node: fx.Node) -> list[fx.Node]:
    """Return the inputs of a network from which a node's result is computed."""
    found, todo = {node}, [node]
    while todo:
        for source in todo.pop().all_input_nodes:
            if source not in found:
                found.add(source)
                todo.append(source)
    return [each for each in _placeholders(node.graph) if each in found]
