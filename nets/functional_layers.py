"""Writes functions with weights as modules, which PyTorch's quantization converts."""

from __future__ import annotations

import inspect
from copy import copy
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from .parts import SCOPE
from .unquantized import leave_in_floats

__all__ = ["spell_layers"]

_NAMES: dict[str, tuple[str, ...]] = {
    "conv": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "linear": ("input", "weight", "bias"),
    "transposed": (
        *("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
    ),
}
_LAYERS: dict[object, tuple[type[nn.Module], str]] = {
    functional.conv1d: (nn.Conv1d, "conv"),
    functional.conv2d: (nn.Conv2d, "conv"),
    functional.linear: (nn.Linear, "linear"),
    functional.conv_transpose2d: (nn.ConvTranspose2d, "transposed"),
}
_OTHERS = (functional.conv3d, functional.conv_transpose1d, functional.conv_transpose3d)


def spell_layers(traced: fx.GraphModule) -> None:
    """Write ``F.conv1d``, ``F.conv2d``, ``F.conv_transpose2d`` and ``F.linear`` as modules.

    Their weights have to be parameters or buffers; others, and convolutions that the accelerator
    lacks, stay in floating point.

    Parameters
    ----------
    traced : GraphModule
        Changed in place.
    """
    for node in list(traced.graph.nodes):
        if node.op != "call_function":
            continue
        if node.target in _OTHERS:
            leave_in_floats(node, f"{_word(node)} must be a module, got a function")
        elif node.target in _LAYERS:
            kind, form = _LAYERS[node.target]
            given = dict(zip(_NAMES[form], node.args, strict=False)) | node.kwargs
            weights = [_tensor(traced, given.get(name)) for name in ("weight", "bias")]
            if weights[0] is None or (given.get("bias") is not None and weights[1] is None):
                wanted = f"weight and bias of {_word(node)} must be parameters"
                leave_in_floats(node, f"{wanted}, got computed ones")
            else:
                _module(traced, node, _layer(kind, given, *weights))


def _word(node: fx.Node) -> str:
    return getattr(node.target, "__name__", str(node.target))


def _tensor(traced: fx.GraphModule, node: object) -> torch.Tensor | None:
    """Return the parameter or buffer that a node reads."""
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        return None
    parent, _, name = str(node.target).rpartition(".")
    found = getattr(traced.get_submodule(parent), name, None)
    return found if isinstance(found, torch.Tensor) else None


def _layer(
    kind: type[nn.Module],
    given: dict[str, Any],
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
) -> nn.Module:
    assert weight is not None
    groups = given.get("groups", 1)
    taken = inspect.signature(kind).parameters
    options = {key: value for key, value in given.items() if key in taken and key != "bias"}
    sizes: list[Any] = [weight.shape[1] * groups, weight.shape[0]]
    if kind is nn.ConvTranspose2d:
        sizes = [weight.shape[0], weight.shape[1] * groups]
    if kind is not nn.Linear:
        sizes.append(tuple(weight.shape[2:]))
    module = kind(*sizes, bias=bias is not None, device="meta", **options)
    module.weight = nn.Parameter(weight.detach(), requires_grad=False)
    if bias is not None:
        module.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return module.eval()


def _module(traced: fx.GraphModule, node: fx.Node, module: nn.Module) -> None:
    """Call a module in place of a function."""
    base, number = f"{node.meta.get(SCOPE, '')}{_word(node)}", 0
    path, taken = base, dict(traced.named_modules())
    while path in taken:
        number += 1
        path = f"{base}_{number}"
    traced.add_submodule(path, module)
    given = node.args[0] if node.args else node.kwargs["input"]
    with traced.graph.inserting_before(node):
        new = traced.graph.call_module(path, (given,))
    new.meta.update(copy(node.meta))
    node.replace_all_uses_with(new)
    traced.graph.erase_node(node)
