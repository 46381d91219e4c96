"""Imports what a network returns, and swaps of the dimensions of signals and sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from .framework import path_of
from .int8 import Step
from .int8_modules import NO_PADS
from .outputs import flat
from .unsupported import Unsupported

if TYPE_CHECKING:
    from .importer import Importer

__all__ = ["TRANSPOSES", "import_results", "import_transpose"]

TRANSPOSES = (torch.transpose, "transpose", torch.permute, "permute")


def import_results(importer: Importer, node: fx.Node) -> None:
    """Add a step for each result.

    Raises
    ------
    Unsupported
        If one is not a tensor of codes, dequantized or not.
    """
    results, ends = list(flat(node.args[0])), {}
    for index, (label, result) in enumerate(results):
        source, pads = importer.floats.get(result, (result, NO_PADS))
        if importer.names.get(source) not in importer.parameters or pads != NO_PADS:
            raise Unsupported(
                f"{importer.network}: results must be dequantized tensors, "
                f"got {importer.names.get(result, result)}",
                node.name,
            )
        arguments = ends.setdefault(result, {})
        if len(results) > 1:
            arguments.setdefault("results", []).append([index, label])
    for result, arguments in ends.items():
        source, _ = importer.floats.get(result, (result, NO_PADS))
        inputs = (importer.names[source],)
        step = Step(importer.name("logits"), "dequantize", inputs, arguments, result.name)
        importer.steps.append(step)


def import_transpose(importer: Importer, node: fx.Node) -> None:
    """Import a swap of the last two dimensions of a tensor of three, as `permute` spells it."""
    given: list[Any] = [*node.args[1:], *node.kwargs.values()]
    dims = list(given[0]) if len(given) == 1 and isinstance(given[0], list | tuple) else given
    swap = node.target in (torch.transpose, "transpose")
    if swap and all(isinstance(dim, int) and dim % 3 in (1, 2) for dim in dims):
        dims = [0, 2, 1] if len({dim % 3 for dim in dims}) == 2 else dims
    name = importer.name(path_of(node, "transpose" if swap else "permute"))
    importer.add(node, "transpose", {"dims": dims}, importer.source_quantization(node), name)
