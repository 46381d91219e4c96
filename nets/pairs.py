"""Imports sums and products: of two tensors, or of a tensor and a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from ..golden.graph import Quantization
from .framework import qnnpack

if TYPE_CHECKING:
    from .importer import Importer

__all__ = ["PAIRS", "import_pair"]

#: Functions of converted networks.
PAIRS = tuple(getattr(torch.ops.quantized, name) for name in ("add", "add_relu", "mul", "mul_relu"))


def import_pair(importer: Importer, node: fx.Node) -> None:
    """Import a call of one of `PAIRS`.

    A number that changes the tensor's codes gives a table.
    """
    source, op = importer.source_quantization(node), importer.called(node)
    numbers = [value for value in node.args[:2] if isinstance(value, int | float)]
    if len(importer.sources(node)) == 2:
        quantization = importer.quantization(*node.args[2:4])
    elif len(numbers) == 1:
        quantization = _relabelled(node, numbers[0], source)
        if quantization is None:
            importer.function(node)
            return
        op = f"{op.removesuffix('_relu')}_scalar"
    else:
        importer.refuse(node)
    arguments = {"scale": quantization.scale, "zero_point": quantization.zero_point}
    importer.add(node, op, arguments, quantization)


def _relabelled(node: fx.Node, number: float, source: Quantization) -> Quantization | None:
    """Return the quantization of PyTorch's result; None if a code is not the tensor's."""
    codes = torch.arange(256, dtype=torch.uint8)
    target: Any = node.target
    with qnnpack():
        from_codes: Any = torch.ops.aten._make_per_tensor_quantized_tensor
        given = from_codes(codes, source.scale, source.zero_point)
        result = target(given, number)
    if not torch.equal(result.int_repr(), codes):
        return None
    return Quantization(result.q_scale(), result.q_zero_point())
