"""Calls that quantization leaves in floating point, though it knows their operators.

Some of PyTorch's INT8 kernels ignore an argument, and some do not exist: conversion would change
what the network computes, or fail. Such a call becomes a call of another function, unknown to
``torch.ao.quantization``, between a dequantization and a quantization. After conversion it is
PyTorch's own function again, and the host computes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from functools import cache
from typing import Any

import torch
from torch import fx
from torch.overrides import handle_torch_function, has_torch_function

__all__ = ["REASON", "kept", "leave_in_floats", "restore"]

REASON = "maccord_reason"  # key in a node's meta: why the call stays in floating point

_CALLS = ("call_function", "call_method")
_ORIGINALS: dict[object, tuple[str, Any]] = {}  # functions of this module, and what they call


@cache
def _stand_in(op: str, target: Any) -> Callable[..., Any]:  # noqa: ANN401
    """Return a function that does the same and that quantization does not know."""

    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        tensors = tuple(_tensors(args))
        if has_torch_function(tensors):
            return handle_torch_function(call, tensors, *args, **kwargs)
        if op == "call_method":
            return getattr(args[0], target)(*args[1:], **kwargs)
        return target(*args, **kwargs)

    call.__name__ = call.__qualname__ = getattr(target, "__name__", str(target))
    _ORIGINALS[call] = op, target
    return call


def _tensors(args: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield tensors, also of lists, and what stands for them while a network is traced."""
    for arg in args:
        if isinstance(arg, tuple | list):
            yield from _tensors(arg)
        elif isinstance(arg, torch.Tensor | fx.Proxy):
            yield arg


def leave_in_floats(node: fx.Node, reason: str) -> None:
    """Keep quantization from a call of a function or method.

    Parameters
    ----------
    node : Node
        Of a network that is not converted yet; changed in place.
    reason : str
        What is wrong with the call, without its path.
    """
    assert node.op in _CALLS
    node.meta = copy(node.meta) | {REASON: reason}
    node.target, node.op = _stand_in(node.op, node.target), "call_function"


def kept(node: fx.Node) -> bool:
    """Whether `leave_in_floats` had the node."""
    return node.target in _ORIGINALS


def restore(converted: fx.GraphModule) -> None:
    """Call PyTorch's own functions again, in place."""
    for node in converted.graph.nodes:
        if node.op == "call_function" and node.target in _ORIGINALS:
            node.op, node.target = _ORIGINALS[node.target]
    converted.recompile()
