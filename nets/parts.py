"""Parts of tensors, and calls of several nodes, each as one call that quantization can keep.

``torch.ao.quantization`` dequantizes in front of slices, chunks and splits, whose codes need no
arithmetic. Each part becomes one call of a function of this module, whose output is quantized like
its input: the codes come back as they were. Sizes that a network computes for such calls become
numbers: the image's size is fixed.
"""

from __future__ import annotations

import operator as python_operator
from collections.abc import Callable
from copy import copy
from functools import wraps
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional
from torch.overrides import handle_torch_function, has_torch_function_unary

from .examples import Example, fresh

__all__ = ["PARTS", "SCOPE", "chunk_part", "part", "spell_parts", "split_part"]

SCOPE = "maccord_scope"  # key in a node's meta: prefix of its operator's name

_CHUNKS = (torch.chunk, "chunk")
_SPLITS = (torch.split, "split", "split_with_sizes")
_NARROWS = (torch.narrow, "narrow")
_SIZES = (getattr, "size")
_VIEWS = (torch.reshape, "view", "reshape")
_SHUFFLES = (torch.channel_shuffle, torch.native_channel_shuffle)
_TRANSPOSES = (torch.transpose, torch.swapaxes, "transpose", "swapaxes")
_PERMUTES = (torch.permute, "permute")
_TURNED = (0, 2, 1, 3, 4)
_GROUPED = 5  # dimensions of an image whose channels are groups


def _one_call(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Make a function one node of a traced graph, as PyTorch's own are."""

    @wraps(function)
    def call(x: torch.Tensor, *args: Any) -> torch.Tensor:  # noqa: ANN401
        if has_torch_function_unary(x):
            return handle_torch_function(call, (x,), x, *args)
        return function(x, *args)

    return call


@_one_call
def part(x: torch.Tensor, index: Any) -> torch.Tensor:  # noqa: ANN401
    """Return ``x[index]``; `index` holds slices."""
    return x[index]


@_one_call
def chunk_part(x: torch.Tensor, chunks: int, dim: int, number: int) -> torch.Tensor:
    """Return one of the tensors of ``torch.chunk``."""
    return torch.chunk(x, chunks, dim)[number]


@_one_call
def split_part(x: torch.Tensor, sizes: int | list[int], dim: int, number: int) -> torch.Tensor:
    """Return one of the tensors of ``torch.split``."""
    return torch.split(x, sizes, dim)[number]


PARTS = (part, chunk_part, split_part)


class _Sizes(fx.Interpreter):
    """Runs a network for the sizes that it computes."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced)
        self.found: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:  # noqa: ANN401
        result = super().run_node(n)
        if not isinstance(result, torch.Tensor):
            self.found[n] = result
        return result


def spell_parts(traced: fx.GraphModule, example: Example) -> None:
    """Rewrite slices, chunks, splits, upsamplings and channel shuffles, in place.

    Parameters
    ----------
    traced : GraphModule
    example : tuple of Tensor of shape (N, ...)
        For sizes.
    """
    nodes = list(traced.graph.nodes)
    for node in nodes:
        if node.op == "call_module":
            _upsample_module(traced, node)
    for node in nodes:
        if node.op in ("call_method", "call_function"):
            _part(node)
    for node in list(traced.graph.nodes):
        shuffled = _shuffled(node)
        if shuffled:
            _shuffle_module(traced, node, *shuffled)
    _freeze(traced, example)


def _freeze(traced: fx.GraphModule, example: Example) -> None:
    """Replace computed sizes by numbers in the arguments of parts and upsamplings."""
    targets = (*PARTS, torch.narrow, functional.interpolate)
    calls = [node for node in traced.graph.nodes if node.target in targets]
    computed = [node for node in calls if len(node.all_input_nodes) > 1]
    if not computed:
        return
    sizes = _Sizes(traced)
    with torch.no_grad():
        sizes.run(*fresh(example))
    for node in computed:
        for source in node.all_input_nodes:
            if source in sizes.found:
                node.replace_input_with(source, sizes.found[source])


def _replace(node: fx.Node, target: Any, args: tuple[Any, ...]) -> None:  # noqa: ANN401
    with node.graph.inserting_before(node):
        new = node.graph.call_function(target, args)
    new.meta.update(copy(node.meta))
    node.replace_all_uses_with(new)
    node.graph.erase_node(node)


def _upsample_module(traced: fx.GraphModule, node: fx.Node) -> None:
    """Write a module that upsamples as the function, which quantization knows."""
    module: Any = traced.get_submodule(str(node.target))
    if isinstance(module, nn.Upsample):
        args = (*node.args, module.size, module.scale_factor, module.mode, module.align_corners)
        _replace(node, functional.interpolate, args)


def _part(node: fx.Node) -> None:
    """Write a slice, a part of a tuple of tensors or a narrow as one call."""
    if node.target in _NARROWS:
        names = ("dim", "start", "length")
        _replace(node, torch.narrow, _arguments(node, names, {}))
    if node.target is not python_operator.getitem:
        return
    source, index = node.args
    assert isinstance(source, fx.Node)
    if source.target in _CHUNKS and isinstance(index, int):
        args = _arguments(source, ("chunks", "dim"), {"dim": 0})
        _replace(node, chunk_part, (*args, index))
    elif source.target in _SPLITS and isinstance(index, int):
        name = {"split_with_sizes": "split_sizes"}.get(str(source.target), "split_size_or_sizes")
        if "split_size" in source.kwargs:  # the method's name for it
            name = "split_size"
        args = _arguments(source, (name, "dim"), {"dim": 0})
        _replace(node, split_part, (*args, index))
    elif source.target not in _SIZES and isinstance(index, tuple | slice):
        _replace(node, part, (source, index))


def _arguments(node: fx.Node, names: tuple[str, ...], defaults: dict[str, Any]) -> tuple[Any, ...]:
    """Return a call's tensor and its other arguments by position."""
    given = defaults | dict(zip(names, node.args[1:], strict=False)) | dict(node.kwargs)
    return node.args[0], *(given[name] for name in names)


def _shuffled(node: fx.Node) -> tuple[fx.Node, int] | None:
    """Return the tensor and the groups of a channel shuffle: a call, or view, transpose and view.

    Of the views only the number of groups is read; that the rest is a shuffle shows in the floats.
    """
    if node.target in _SHUFFLES:
        source, groups = _arguments(node, ("groups",), {})
        return source, groups
    if node.target not in _VIEWS or len(_shape(node)) != _GROUPED - 1:
        return None
    inner = node.args[0]
    while isinstance(inner, fx.Node) and inner.target == "contiguous" and len(inner.users) == 1:
        inner = inner.args[0]
    if not isinstance(inner, fx.Node) or len(inner.users) > 1 or not _swaps_groups(inner):
        return None
    grouped = inner.args[0]
    if not isinstance(grouped, fx.Node) or grouped.target not in _VIEWS or len(grouped.users) > 1:
        return None
    shape, source = _shape(grouped), grouped.args[0]
    if len(shape) != _GROUPED or not isinstance(shape[1], int) or not isinstance(source, fx.Node):
        return None
    return source, shape[1]


def _shuffle_module(traced: fx.GraphModule, node: fx.Node, source: fx.Node, groups: int) -> None:
    """Write a channel shuffle as the module, which quantization knows."""
    base, number = f"{node.meta.get(SCOPE, '')}shuffle", 0
    path = base
    while _has(traced, path):
        number += 1
        path = f"{base}_{number}"
    traced.add_submodule(path, nn.ChannelShuffle(groups))
    with node.graph.inserting_before(node):
        new = node.graph.call_module(path, (source,))
    new.meta.update(copy(node.meta))
    node.replace_all_uses_with(new)
    node.graph.erase_node(node)


def _has(module: nn.Module, path: str) -> bool:
    """Whether there is something at a path."""
    for name in path.split("."):
        if not hasattr(module, name):
            return False
        module = getattr(module, name)
    return True


def _swaps_groups(node: fx.Node) -> bool:
    """Whether a call swaps groups and channels of a group."""
    args = node.args[1:]
    if node.target in _TRANSPOSES:
        return args in ((1, 2), (2, 1))
    flat = args[0] if len(args) == 1 and isinstance(args[0], tuple | list) else args
    return node.target in _PERMUTES and tuple(flat) == _TURNED


def _shape(view: fx.Node) -> tuple[Any, ...]:
    """Return the sizes of a view or reshape."""
    args = view.args[1:]
    return tuple(args[0]) if len(args) == 1 and isinstance(args[0], tuple | list) else args
