"""Rewrites calls whose operands quantization mistakes: tuples, constants, other types."""

from __future__ import annotations

import operator as python_operator
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from .examples import Example
from .unquantized import leave_in_floats
from .values import Value, usual, values_of

__all__ = ["spell_operands"]

_CALLS = ("call_function", "call_method")
_PAIRS = {
    *(python_operator.add, python_operator.sub, python_operator.mul, python_operator.truediv),
    *(torch.sub, "sub", torch.div, "div"),
}
_INT8_MODES = ("nearest", "nearest-exact", "bilinear", "area")
_IMAGE = 4  # dimensions


def spell_operands(traced: fx.GraphModule, example: Example) -> None:
    """Rewrite a traced network in place, without changing its results.

    A tuple of tensors that is passed on becomes its elements, a constant of one element becomes a
    number. Calls that PyTorch's INT8 kernels do not take as they are stay in floating point.

    Parameters
    ----------
    traced : GraphModule
    example : tuple of Tensor of shape (N, ...)
        For what each call returns.
    """
    if usual(traced):
        return
    values = values_of(traced, example)
    _unpack(traced, values)
    for node in list(traced.graph.nodes):
        if node.op in _CALLS:
            _constants(traced, node, values)
            _floats(node, values)


def _unpack(traced: fx.GraphModule, values: dict[fx.Node, Value]) -> None:
    """Pass on the elements of tuples one by one."""
    elements: dict[fx.Node, list[fx.Node]] = {}

    def parts(node: fx.Node) -> list[fx.Node]:
        if node not in elements:
            with traced.graph.inserting_after(node):
                found = [
                    traced.graph.call_function(python_operator.getitem, (node, index))
                    for index in reversed(range(len(values[node].parts)))
                ][::-1]
            for each, value in zip(found, values[node].parts, strict=True):
                each.meta.update(node.meta)
                values[each] = value
            elements[node] = found
        return elements[node]

    for node in list(traced.graph.nodes):
        takes_part = node.target is python_operator.getitem
        if takes_part and values[node.args[0]].parts:
            if isinstance(node.args[1], slice):
                elements[node] = parts(node.args[0])[node.args[1]]
            continue

        def unpacked(read: fx.Node) -> fx.Node | list[fx.Node]:
            return parts(read) if values[read].parts else read

        if any(values[read].parts for read in node.all_input_nodes if read in values):
            node.args = fx.map_arg(node.args, unpacked)
            node.kwargs = fx.map_arg(node.kwargs, unpacked)


def _constants(traced: fx.GraphModule, node: fx.Node, values: Mapping[fx.Node, Value]) -> None:
    """Write a constant of one element as a number, where the other operand has more dimensions."""
    if node.target not in _PAIRS or len(node.args) < 2:
        return
    pair = [arg for arg in node.args[:2] if isinstance(arg, fx.Node)]
    for constant, other in (pair, pair[::-1]) if len(pair) == 2 else ():
        if constant.op != "get_attr" or other.op == "get_attr":
            continue
        tensor = _attribute(traced, str(constant.target))
        if not isinstance(tensor, torch.Tensor) or tensor.dtype != torch.float32:
            continue
        if tensor.numel() == 1 and tensor.ndim < len(values[other].shape):
            number: Any = tensor.item()
            node.replace_input_with(constant, number)


def _attribute(module: nn.Module, path: str) -> object:
    parent, _, name = path.rpartition(".")
    return getattr(module.get_submodule(parent), name, None)


def _floats(node: fx.Node, values: Mapping[fx.Node, Value]) -> None:
    """Leave a call in floating point that has no INT8 kernel of its meaning."""
    read = [values[each] for each in node.all_input_nodes if each in values]
    other = next((v.dtype for v in read if v.dtype not in (None, torch.float32)), None)
    if node.target is functional.interpolate:
        reason = _resized(node, read[0])
        if reason:
            leave_in_floats(node, reason)
    elif other is not None and node.target in _quantizable():
        leave_in_floats(node, f"inputs must be of float32, got one of {_word(other)}")


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _resized(node: fx.Node, given: Value) -> str:
    """Return why an interpolation has no INT8 kernel; empty if it has."""
    names = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor", "antialias")
    arguments = dict(zip(names, node.args[1:], strict=False)) | node.kwargs
    mode = arguments.get("mode", "nearest")
    if mode not in _INT8_MODES:
        return f"mode of interpolate must be nearest, got {mode}"
    if len(given.shape) != _IMAGE:
        return (
            f"input of interpolate must be an image, got a tensor of {len(given.shape)} dimensions"
        )
    return "antialias of interpolate must be off, got on" if arguments.get("antialias") else ""


@cache
def _quantizable() -> frozenset[object]:
    """Functions and methods that PyTorch's quantization knows."""
    from .preparation import backend

    patterns = [config.pattern for config in backend().configs]
    return frozenset(
        each
        for each in patterns
        if isinstance(each, str) or (callable(each) and not isinstance(each, type))
    )
