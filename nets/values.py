"""What each call of a float network returns: numbers, tuples of tensors, other types."""

from __future__ import annotations

import operator as python_operator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from .examples import Example, fresh

__all__ = ["Value", "usual", "values_of"]

_PAIRS = (python_operator.add, python_operator.mul, python_operator.sub)
_USUAL = {  # one tensor of numbers for tensors of numbers
    *(functional.relu, functional.relu6, functional.hardtanh, torch.clamp, "clamp"),
    *(*_PAIRS, torch.cat, torch.mean, "mean"),
    *(torch.flatten, "flatten", functional.max_pool2d, functional.avg_pool2d),
    *(functional.adaptive_avg_pool2d, functional.dropout, functional.pad),
}


@dataclass(frozen=True)
class Value:
    """A result for one input.

    Parameters
    ----------
    dtype : dtype or None
        None if it is not a tensor.
    shape : tuple of int
        Of a tensor.
    finite : bool
        Whether all of a tensor's numbers are.
    parts : tuple of Value
        Elements of a tuple or list of tensors; none for anything else.
    """

    dtype: torch.dtype | None = None
    shape: tuple[int, ...] = ()
    finite: bool = True
    parts: tuple[Value, ...] = ()


class _Values(fx.Interpreter):
    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced)
        self.found: dict[fx.Node, Value] = {}

    def run_node(self, n: fx.Node) -> Any:  # noqa: ANN401
        result = super().run_node(n)
        self.found[n] = _value(result)
        return result


def _value(result: object) -> Value:
    if isinstance(result, torch.Tensor):
        return Value(result.dtype, tuple(result.shape), bool(torch.isfinite(result).all()))
    several = isinstance(result, tuple | list)
    if several and all(isinstance(part, torch.Tensor) for part in result):
        return Value(parts=tuple(map(_value, result)))
    return Value()


def values_of(traced: fx.GraphModule, example: Example) -> dict[fx.Node, Value]:
    """Return what each node computes for an input."""
    values = _Values(traced)
    with torch.no_grad():
        values.run(*fresh(example))
    return values.found


def usual(traced: fx.GraphModule) -> bool:
    """Whether every call is a module's, or of an operator with one tensor of numbers.

    Batch norm that normalizes a batch by itself is not usual.
    """
    for module in traced.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is None:
            return False
    calls = (n for n in traced.graph.nodes if n.op in ("call_function", "call_method", "get_attr"))
    return all(
        node.target in _USUAL and not (node.target in _PAIRS and len(node.all_input_nodes) < 2)
        for node in calls
    )
