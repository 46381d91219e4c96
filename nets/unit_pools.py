"""Writes pools of one element as slices: PyTorch's INT8 kernels refuse them."""

from __future__ import annotations

import operator
from copy import copy
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

__all__ = ["spell_unit_pools"]

_MODULES = (nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d)
_FUNCTIONS = (
    *(functional.max_pool1d, functional.max_pool2d, torch.max_pool1d, torch.max_pool2d),
    *(functional.avg_pool1d, functional.avg_pool2d, torch.avg_pool1d),
)
_OTHERS = ("return_indices", "divisor_override")


def spell_unit_pools(traced: fx.GraphModule) -> None:
    """Write each pool of one element without padding as a slice with steps, in place.

    Parameters
    ----------
    traced : GraphModule
    """
    for node in list(traced.graph.nodes):
        given = _arguments(traced, node)
        if given is None or any(given.get(name) for name in _OTHERS):
            continue
        dimensions = 1 if "1d" in _word(traced, node) else 2
        kernel, padding = (
            _sizes(given.get(name), dimensions) for name in ("kernel_size", "padding")
        )
        if set(kernel) != {1} or set(padding) - {0}:
            continue
        steps = _sizes(given.get("stride") or 1, dimensions)
        index: Any = (..., *(slice(None, None, step) for step in steps))
        with traced.graph.inserting_before(node):
            new = traced.graph.call_function(operator.getitem, (node.args[0], index))
        new.meta.update(copy(node.meta))
        node.replace_all_uses_with(new)
        traced.graph.erase_node(node)


def _arguments(traced: fx.GraphModule, node: fx.Node) -> dict[str, Any] | None:
    """Return a pool's arguments by name; None for other calls."""
    names = ("kernel_size", "stride", "padding")
    if node.op == "call_module":
        module = traced.get_submodule(str(node.target))
        wanted = (*names, *_OTHERS)
        if not isinstance(module, _MODULES):
            return None
        return {name: getattr(module, name, None) for name in wanted}
    if node.op != "call_function" or node.target not in _FUNCTIONS:
        return None
    return dict(zip(names, node.args[1:], strict=False)) | node.kwargs


def _word(traced: fx.GraphModule, node: fx.Node) -> str:
    if node.op == "call_module":
        return type(traced.get_submodule(str(node.target))).__name__
    return str(getattr(node.target, "__name__", node.target))


def _sizes(value: Any, dimensions: int) -> tuple[int, ...]:  # noqa: ANN401
    if isinstance(value, tuple | list):
        return tuple(value) * (dimensions // len(value) if len(value) == 1 else 1)
    return (value or 0,) * dimensions
