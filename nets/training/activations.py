"""Places learned steps of activations in a network, and sets their first values."""

from __future__ import annotations

import operator
from copy import deepcopy
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from ..learned_steps import IMAGE, add_steps, learned_steps
from ..spelling import SCOPE, trace

__all__ = ["attach_activations", "places"]

_LAYERS = (nn.Conv2d, nn.Linear)
_KEEPING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Dropout, nn.Flatten, nn.Identity)
_KEEPING_FUNCTIONS = (torch.flatten, functional.adaptive_avg_pool2d, functional.max_pool2d)
_SUMS = (operator.add, operator.iadd, torch.add)
_UNSIGNED = (nn.ReLU, nn.ReLU6)


def attach_activations(model: nn.Module, images: torch.Tensor) -> None:
    """Quantize the inputs of layers and sums with learned steps from now on.

    Parameters
    ----------
    model : Module
        Modified in place; torch.fx must be able to trace it.
    images : Tensor of shape (N, 3, H, W)
        A batch, for the first steps.

    Raises
    ------
    ValueError
        If the network has concatenations, whose inputs share one scale in INT8.
    """
    add_steps(model, places(model, images[:1]))
    copied = deepcopy(model).train()
    for step in learned_steps(copied).values():
        step.measuring = True
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        copied(images)
    measured = learned_steps(copied)
    for path, step in learned_steps(model).items():
        step.step.data.copy_(measured[path].step.data)


def places(model: nn.Module, image: torch.Tensor) -> dict[str, bool]:
    """Return the modules whose results layers and sums read, and whether these may be negative.

    Pools, dropout and flattening keep their input's scale; the module before them is taken. A sum
    is the result of the block that computes it. Results of other functions are left out; like
    those that no layer reads, they get their scale after training.

    Parameters
    ----------
    model : Module
    image : Tensor of shape (1, 3, H, W)

    Returns
    -------
    dict of str to bool
        By path, in order of execution; `IMAGE` is the network's input.
    """
    traced = trace(model)
    nodes = list(traced.graph.nodes)
    if any(node.target is torch.cat for node in nodes):
        raise ValueError(
            "learned activations must be of a network without concatenations, whose inputs share a "
            f"scale, got {type(model).__name__}"
        )
    read = {
        _produced(model, source)
        for node in nodes
        if isinstance(_called(model, node), _LAYERS) or node.target in _SUMS
        for source in node.all_input_nodes
    }
    blocks = _results(model, traced, image)
    found = {}
    for node in (node for node in nodes if node in read):
        if node.op == "placeholder":
            found[IMAGE] = True
        elif node.op == "call_module":
            found[str(node.target)] = not isinstance(_called(model, node), _UNSIGNED)
        elif node in blocks:
            found[blocks[node]] = True
    return found


def _produced(model: nn.Module, node: fx.Node) -> fx.Node:
    """Return the node whose scale a node's result has."""
    while isinstance(_called(model, node), _KEEPING) or node.target in _KEEPING_FUNCTIONS:
        (node,) = node.all_input_nodes
    return node


def _called(model: nn.Module, node: fx.Node) -> nn.Module | None:
    return model.get_submodule(str(node.target)) if node.op == "call_module" else None


class _Kept(fx.Interpreter):
    """Keeps the value of each node in `values`."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced)
        self.values: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:  # noqa: ANN401
        """Run a node."""
        self.values[n] = super().run_node(n)
        return self.values[n]


def _results(model: nn.Module, traced: fx.GraphModule, image: torch.Tensor) -> dict[fx.Node, str]:
    """Return the sums that are results of a block, with its path."""
    sums = {n: n.meta[SCOPE][:-1] for n in traced.graph.nodes if n.target in _SUMS}
    outputs: dict[str, torch.Tensor] = {}
    hooks = [
        model.get_submodule(path).register_forward_hook(
            lambda _, __, output, path=path: outputs.update({path: output})
        )
        for path in sums.values()
        if path
    ]
    training = model.training
    try:
        with torch.no_grad():
            model.eval()(image)
            kept = _Kept(traced)
            kept.run(image)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return {
        n: p for n, p in sums.items() if p in outputs and torch.equal(kept.values[n], outputs[p])
    }
