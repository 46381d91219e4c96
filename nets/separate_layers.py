"""Gives each call of a layer a module of its own, in the form that conversion takes."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy, deepcopy
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from .parts import SCOPE

__all__ = ["separate_layers"]

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def separate_layers(traced: fx.GraphModule) -> None:
    """Rewrite calls of modules in place: one module for each call, numeric zero padding.

    Other padding than of zeros becomes a call of its own; batch norm without weights gets ones.

    Parameters
    ----------
    traced : GraphModule
    """
    called: set[str] = set()
    for node in list(traced.graph.nodes):
        if node.op != "call_module":
            continue
        path = str(node.target)
        module = traced.get_submodule(path)
        if path in called and module.state_dict():
            path = next(name for name in _numbered(path) if not _holds(traced, name))
            traced.add_submodule(path, deepcopy(module))
            node.target = path
        called.add(path)
        if getattr(module, "inplace", False):  # its readers are known; INT8 kernels print warnings
            module = copy(module)
            setattr(module, "inplace", False)  # noqa: B010
            _put(traced, node, module)
        if isinstance(module, nn.Conv1d | nn.Conv2d) and module.padding_mode != "zeros":
            _pad_first(traced, node, module)
        elif isinstance(module, nn.Conv1d | nn.Conv2d) and isinstance(module.padding, str):
            _pad(traced, node, module)
        elif isinstance(module, _NORMS) and module.weight is None:
            _put(traced, node, _with_weights(module))


def _holds(traced: fx.GraphModule, path: str) -> bool:
    """Whether the network has a module or attribute at that path."""
    parent, _, name = path.rpartition(".")
    return hasattr(traced.get_submodule(parent), name)


def _put(traced: fx.GraphModule, node: fx.Node, module: nn.Module) -> None:
    """Call another module at the same path."""
    parent, _, name = str(node.target).rpartition(".")
    setattr(traced.get_submodule(parent), name, module)


def _with_weights(module: nn.Module) -> nn.Module:
    """Return batch norm with weights of 1 and 0, which conversion needs."""
    own: Any = deepcopy(module)
    own.weight = nn.Parameter(torch.ones(own.num_features), requires_grad=False)
    own.bias = nn.Parameter(torch.zeros(own.num_features), requires_grad=False)
    return own


def _pad_first(traced: fx.GraphModule, node: fx.Node, module: nn.Conv1d | nn.Conv2d) -> None:
    """Replace padding that is not of zeros by a call of its own."""
    widths: Any = tuple(module._reversed_padding_repeated_twice)
    numbered = deepcopy(module)
    numbered.padding = (0,) * len(module.kernel_size)  # pyright: ignore[reportAttributeAccessIssue]
    numbered.padding_mode = "zeros"
    with traced.graph.inserting_before(node):
        pad = traced.graph.call_function(
            functional.pad, (node.args[0], widths, module.padding_mode)
        )
    pad.meta.update(copy(node.meta) | {SCOPE: f"{node.target}."})
    node.args = (pad, *node.args[1:])
    _put(traced, node, numbered)


def _pad(traced: fx.GraphModule, node: fx.Node, module: nn.Conv1d | nn.Conv2d) -> None:
    """Replace a convolution's padding "same" or "valid" by numbers.

    "same" with an even kernel pads one more at the end, which becomes a separate call.
    """
    kernel, dilation = module.kernel_size, module.dilation
    same = module.padding == "same"
    total = [d * (k - 1) * same for d, k in zip(dilation, kernel, strict=True)]
    numbered = deepcopy(module)
    numbered.padding = tuple(size // 2 for size in total)  # pyright: ignore[reportAttributeAccessIssue]
    if any(size % 2 for size in total):
        widths = tuple(width for size in reversed(total) for width in (0, size % 2))
        with traced.graph.inserting_before(node):
            pad = traced.graph.call_function(functional.pad, (node.args[0], widths))
        pad.meta.update(copy(node.meta))
        node.args = (pad, *node.args[1:])
    _put(traced, node, numbered)


def _numbered(path: str) -> Iterator[str]:
    """Yield the path with suffixes _1, _2 and so on."""
    number = 0
    while True:
        number += 1
        yield f"{path}_{number}"
