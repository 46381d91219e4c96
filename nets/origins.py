"""Where a converted network's nodes come from: their names, modules and lines before it."""

from __future__ import annotations

import operator as python_operator
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.nn import functional

__all__ = ["REPLACED", "origins", "scopes_of"]

_ADD = (python_operator.add, torch.add)
_MUL = (python_operator.mul, torch.mul)
_QUANTIZED = torch.ops.quantized
#: What conversion replaces, with its replacements.
REPLACED: tuple[tuple[tuple[object, ...], tuple[object, ...]], ...] = (
    (_ADD, (_QUANTIZED.add, _QUANTIZED.add_relu)),
    (_MUL, (_QUANTIZED.mul, _QUANTIZED.mul_relu)),
    ((torch.matmul,), (_QUANTIZED.matmul,)),
    *(
        ((getattr(functional, word),), (getattr(_QUANTIZED, word),))
        for word in ("layer_norm", "instance_norm", "hardswish", "leaky_relu", "elu", "dropout")
    ),
)


def scopes_of(
    prepared: torch.fx.GraphModule, spelled: torch.fx.GraphModule, key: str
) -> dict[str, str]:
    """Return each node's prefix of its operator's name, or its line in the source.

    The prefix is the calling module's path and a dot, or the full path of a flattening module.
    Preparation retraces the spelled graph node by node and assigns its own node names.
    """
    attributes: Any = prepared.meta["_observed_graph_module_attrs"]
    names = list(attributes.node_name_to_scope)
    scopes = [node.meta.get(key, "") for node in spelled.graph.nodes]
    if len(names) != len(scopes):  # directly read parameters, which are not supported
        return {}
    return dict(zip(names, scopes, strict=True))


def origins(
    converted: torch.fx.GraphModule, replaced: Sequence[Sequence[str]]
) -> Iterator[tuple[torch.fx.Node, str]]:
    """Yield each converted node with the name that it had in the prepared network.

    Nodes keep their names, except sums and products, which conversion replaces one by one:
    `replaced` has the names that each kind of `REPLACED` had.
    """
    remaining = {
        target: found
        for found, (before, after) in zip(map(iter, replaced), REPLACED, strict=True)
        for target in (*before, *after)
    }
    for node in converted.graph.nodes:
        if node.op == "call_function" and node.target in remaining:
            yield node, next(remaining[node.target], "")
        else:
            yield node, node.name
