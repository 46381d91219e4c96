"""Imports flattenings of numbers, which networks of FX have between two quantizations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import fx, nn

from .framework import path_of
from .int8 import Step
from .int8_modules import NO_PADS

if TYPE_CHECKING:
    from .importer import Importer

__all__ = ["is_flatten", "take_flat"]


def is_flatten(importer: Importer, node: fx.Node) -> bool:
    """Whether a node flattens dequantized images."""
    first = node.args[0] if node.args else None
    source, pads = importer.floats.get(first, (None, NO_PADS))  # pyright: ignore
    if source is None or pads != NO_PADS:
        return False
    if node.op == "call_module":
        module = importer.graph_module.get_submodule(str(node.target))
        return isinstance(module, nn.Flatten) and (module.start_dim, module.end_dim) == (1, -1)
    given = tuple(node.args[1:]), node.kwargs
    usual = given in [((1,), {}), ((1, -1), {}), ((), {"start_dim": 1})]
    return node.target in (torch.flatten, "flatten") and usual


def take_flat(importer: Importer, node: fx.Node) -> None:
    """Take flattened numbers back as the codes that they were.

    Raises
    ------
    Unsupported
        If they are quantized with another scale or zero point.
    """
    flattened = node.args[0]
    assert isinstance(flattened, fx.Node)
    source, _ = importer.floats[importer.flat[flattened]]
    inputs = (importer.names[source],)
    quantization = importer.quantization(*node.args[1:3])
    if quantization != importer.parameters[inputs[0]]:
        importer.refuse(node)
    called = flattened.op == "call_module"
    name = importer.name(str(flattened.target) if called else path_of(flattened, "flatten"))
    importer.steps.append(Step(name, "flatten", inputs, {"start_dim": 1}, node.name))
    importer.names[node], importer.parameters[name] = name, quantization
