"""What the nodes of a PT2E program hold, and their arguments by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.fx import Node

__all__ = ["NO_PADS", "Codes", "Floats", "Real", "Value", "Weights", "arguments_of", "operator"]
__all__ += ["path_of"]

Pads = tuple[tuple[int, int], tuple[int, int]]
NO_PADS: Pads = ((0, 0), (0, 0))


@dataclass(frozen=True)
class Codes:
    """Codes that a step computes, with zeros around them: (top, bottom), (left, right)."""

    step: str
    pads: Pads = NO_PADS


@dataclass(frozen=True)
class Real:
    """Real values of a step's codes, with zeros around them."""

    step: str
    pads: Pads = NO_PADS


@dataclass(frozen=True, eq=False)
class Weights:
    """Quantized weights.

    Parameters
    ----------
    codes : ndarray, int8
    scale : Tensor of shape (channels,), or float
    axis : int or None
        Dimension of the channels; None for one scale.
    """

    codes: npt.NDArray[np.int8]
    scale: torch.Tensor | float
    axis: int | None


@dataclass(frozen=True, eq=False)
class Floats:
    """Real values that operators compute from those of codes.

    Parameters
    ----------
    nodes : tuple of Node
        The operators, in order of execution.
    reads : tuple of Real
    """

    nodes: tuple[Node, ...]
    reads: tuple[Real, ...]


Value = Codes | Real | Weights | Floats


def operator(node: Node) -> str:
    """Name of the operator that a node calls, without namespace and overload."""
    target: Any = node.target
    packet = getattr(target, "overloadpacket", None)
    return packet.__name__ if packet is not None else str(target)


def arguments_of(node: Node) -> dict[str, Any]:
    """Arguments of a node by name, defaults included."""
    schema: Any = getattr(node.target, "_schema")  # noqa: B009
    found = {each.name: each.default_value for each in schema.arguments}
    names = [each.name for each in schema.arguments]
    return found | dict(zip(names, node.args, strict=False)) | dict(node.kwargs)


def path_of(node: Node) -> str:
    """Return the path of the module that a node is part of, or computes alone."""
    stack = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
    path = stack[-1] if stack else ""
    word = operator(node) if node.op == "call_function" else node.op
    kind = [*node.meta.get("nn_module_stack", {}).values()][-1:] or [("", "")]
    alone = str(kind[0][1]).startswith(("torch.nn.modules.", "<class 'torch.nn.modules."))
    return path if path and alone else f"{path}.{word}".strip(".")
