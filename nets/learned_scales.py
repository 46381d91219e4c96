"""Gives learned steps of activations to the observers of a network that is being quantized."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn
from torch.ao import quantization
from torch.nn import functional

from .learned_steps import IMAGE, LearnedActivation, forget_steps, learned_steps
from .origins import scopes_of
from .parts import SCOPE

__all__ = ["mark_learned", "set_learned_scales"]

_KEY = "maccord_learned"  # in a spelled node's meta: the path of the step for its result
_FUSED = (nn.BatchNorm2d, nn.ReLU)


class _GivenScale(quantization.MinMaxObserver):
    """Activation observer with a given scale and zero point."""

    def __init__(self, scale: torch.Tensor, zero_point: int) -> None:
        super().__init__(dtype=torch.quint8)
        self.scale, self.zero_point = scale.detach().clone().reshape(1), zero_point
        self.min_val = -zero_point * self.scale[0]
        self.max_val = (255 - zero_point) * self.scale[0]

    def forward(self, x_orig: torch.Tensor) -> torch.Tensor:
        """Observe nothing."""
        return x_orig

    def calculate_qparams(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scale and zero point, tensors of shape (1,)."""
        return self.scale, torch.tensor([self.zero_point], dtype=torch.int32)


def mark_learned(spelled: fx.GraphModule, model: nn.Module) -> None:
    """Note at each node whose result has a learned step which one it has.

    The nodes before it that are fused with it have it, too. Modules that quantize their results
    are replaced by copies that do not.
    """
    for name, module in list(spelled.named_modules()):
        own = copy.copy(module)
        own._forward_hooks = module._forward_hooks.copy()
        if name and forget_steps(own):
            spelled.set_submodule(name, own)
    for path in learned_steps(model):
        node = _node_of(spelled, path)
        if node is not None and any(_source(spelled, user) is node for user in node.users):
            continue  # its result is none in INT8
        while node is not None:
            node.meta[_KEY] = path
            node = _source(spelled, node)


def _node_of(spelled: fx.GraphModule, path: str) -> fx.Node | None:
    nodes = list(spelled.graph.nodes)
    if path == IMAGE:
        return next(node for node in nodes if node.op == "placeholder")
    return next((n for n in reversed(nodes) if n.meta.get(SCOPE) == f"{path}."), None)


def _source(spelled: fx.GraphModule, node: fx.Node) -> fx.Node | None:
    """Return what a node is fused with, if that has no other reader."""
    fused = node.target is functional.relu
    if node.op == "call_module":
        fused = isinstance(spelled.get_submodule(str(node.target)), _FUSED)
    source = node.args[0] if node.args else None
    if fused and isinstance(source, fx.Node) and len(source.users) == 1:
        return source if source.op != "placeholder" else None
    return None


def set_learned_scales(
    prepared: fx.GraphModule, spelled: fx.GraphModule, model: nn.Module, network: str
) -> None:
    """Replace observers of results with learned steps.

    Parameters
    ----------
    prepared : GraphModule
        From ``prepare_fx``; changed in place.
    spelled : GraphModule
        What was prepared, after `mark_learned`.
    model : Module
        With `learned_steps`.
    network : str
        Name for error messages.

    Raises
    ------
    ValueError
        If a step is of no tensor that INT8 quantizes, or two are of one scale.
    """
    steps = learned_steps(model)
    if not steps:
        return
    paths = scopes_of(prepared, spelled, _KEY)
    found: dict[nn.Module, str] = {}
    for node in prepared.graph.nodes:
        observer = _observer(prepared, node)
        path = paths.get(node.args[0].name, "") if observer is not None else ""
        if observer is None or not path:
            continue
        if found.setdefault(observer, path) != path:
            raise ValueError(
                f"{network}: learned steps must be of tensors with scales of their own, got one "
                f"scale for {found[observer]} and {path}"
            )
    _replace(prepared, {old: steps[path] for old, path in found.items()})
    lost = [path for path in steps if path not in found.values()]
    if lost:
        raise ValueError(
            f"{network}: learned steps must be of tensors that INT8 quantizes, got {lost[0]}"
        )


def _replace(prepared: fx.GraphModule, given: Mapping[nn.Module, LearnedActivation]) -> None:
    new = {old: _GivenScale(step.scale, step.zero_point) for old, step in given.items()}
    for name, module in list(prepared.named_modules(remove_duplicate=False)):
        if module in new:
            prepared.set_submodule(name, new[module])


def _observer(prepared: fx.GraphModule, node: fx.Node) -> Any:  # noqa: ANN401
    if node.op != "call_module":
        return None
    module = prepared.get_submodule(str(node.target))
    return module if isinstance(module, quantization.ObserverBase) else None
