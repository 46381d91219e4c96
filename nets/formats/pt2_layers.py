"""Convolutions and linear layers of PT2E programs, with XNNPACK's arithmetic.

An int32 sum with an int32 bias, the factor f(f(sx * sw) / f(so)), ties to even: qnnpack's, but for
the factor's division.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.fx import Node

from ...golden import overflow
from ...golden.graph import Conv2d, Layer, Linear
from ...golden.quantization import Quantization
from .pt2_values import Pads, Real, Weights, arguments_of, operator

if TYPE_CHECKING:
    from .pt2_importer import Pt2Importer

__all__ = ["layer_of"]

_INT32 = (-(2**31), 2**31 - 1, torch.int32)


def layer_of(
    importer: Pt2Importer,
    node: Node,
    name: str,
    ends: Sequence[Quantization],
    limits: tuple[int, int],
    reads: Sequence[Real],
) -> Layer:
    """Return the layer of a conv2d or linear node.

    Parameters
    ----------
    importer : Pt2Importer
    node : Node
    name : str
    ends : (Quantization, Quantization)
        Of input and output.
    limits : (int, int)
        Smallest and largest output code.
    reads : sequence of Real
        Activations that it reads; one.

    Raises
    ------
    Unsupported
        If weights are not quantized, or the arithmetic can overflow.
    """
    values = arguments_of(node)
    weights = importer.values.get(values["weight"])
    if not isinstance(weights, Weights) or len(reads) != 1:
        importer.refuse(node, f"weights of {operator(node)} must be quantized constants")
    if weights.axis not in (None, 0):
        importer.refuse(
            node, f"scales of weights must be one per output channel, got {weights.axis}"
        )
    bias = importer.constant(values["bias"])
    if values["bias"] is not None and bias is None:
        importer.refuse(node, "bias must be a constant in floating point")
    fields = _numbers(weights, bias, ends) | {"name": name, "limits": limits}
    try:
        layer = _made(node, fields, values, reads[0].pads)
        overflow.verify(layer)
    except ValueError as error:
        importer.refuse(node, str(error).removeprefix(f"{name}: "))
    return layer


def _made(node: Node, fields: dict[str, Any], values: dict[str, Any], pads: Pads) -> Layer:
    if operator(node) == "linear":
        return Linear(**fields)
    stride, padding, dilation = (_pair(values[key]) for key in ("stride", "padding", "dilation"))
    groups = int(values["groups"])
    (top, bottom), (left, right) = (
        (own + before, own + behind) for own, (before, behind) in zip(padding, pads, strict=True)
    )
    return Conv2d(
        **fields,
        stride=stride,
        padding=(top, left),
        dilation=dilation,
        groups=groups,
        end_padding=None if (top, left) == (bottom, right) else (bottom, right),
    )


def _pair(values: Sequence[int]) -> tuple[int, int]:
    first, second = values if len(values) == 2 else [values[0]] * 2
    return int(first), int(second)


def _numbers(
    weights: Weights, bias: torch.Tensor | None, ends: Sequence[Quantization]
) -> dict[str, Any]:
    """Return the fields that a layer's numbers give."""
    source, output = ends
    count = weights.codes.shape[0]
    scale = np.broadcast_to(np.asarray(weights.scale, np.float32), (count,))
    factor = (np.float32(source.scale) * scale) / np.float32(output.scale)
    given = torch.zeros(count) if bias is None else bias.to(torch.float32)
    return {
        "weight": np.ascontiguousarray(weights.codes),
        "bias": given.numpy(),
        "bias_q": _bias(given, weights.scale, source.scale),
        "weight_scale": scale.astype(np.float64),
        "multiplier": factor,
        "input": source,
        "output": output,
    }


def _bias(bias: torch.Tensor, scale: torch.Tensor | float, source: float) -> npt.NDArray[np.int32]:
    """Return the bias in steps of the sum, quantized as ExecuTorch's XNNPACK backend does."""
    quantized = torch.ops.quantized_decomposed
    if isinstance(scale, torch.Tensor):
        zeros = torch.zeros(len(scale), dtype=torch.int64)
        found = quantized.quantize_per_channel(bias, scale * source, zeros, 0, *_INT32)
    else:
        found = quantized.quantize_per_tensor(bias, scale * source, 0, *_INT32)
    return found.numpy()
