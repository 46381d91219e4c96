"""Convolutions and linear layers of ONNX files, with ONNX Runtime's arithmetic.

Its INT8 kernels are QLinearConv, QLinearMatMul and QGemm: an int32 sum with an int32 bias, the
factor f(f(sx * sw) / f(so)), ties to even. So they are qnnpack's, but for the factor's division.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...golden import overflow
from ...golden.graph import Conv2d, Layer, Linear
from ...golden.quantization import Quantization
from ..unsupported import Unsupported
from .onnx_values import Weights

__all__ = ["convolution", "fully_connected", "pads_of"]

Pads = tuple[tuple[int, int], tuple[int, int]]  # (top, bottom), (left, right)


def _scaled(
    name: str, weights: Weights, axis: int, bias: npt.NDArray[Any], ends: Sequence[Quantization]
) -> dict[str, Any]:
    """Return the fields that a layer's numbers give."""
    count = weights.codes.shape[axis]
    if weights.scale.size > 1 and weights.axis % weights.codes.ndim != axis:
        raise Unsupported(
            f"{name}: scales of weights must be one for each output channel, got axis "
            f"{weights.axis}"
        )
    scale = np.broadcast_to(weights.scale.reshape(-1), (count,)).astype(np.float32)
    source, output = ends
    factor = (np.float32(source.scale) * scale) / np.float32(output.scale)
    tiny = np.finfo(np.float32).tiny
    if not (np.isfinite(factor).all() and (factor >= tiny).all()):
        raise Unsupported(f"{name}: scales must give normal factors, got {factor.min():g}")
    if np.abs(weights.codes + (weights.codes > 0)).max(initial=0) > 128:
        raise Unsupported(
            f"{name}: weights must be at most 8 bits from their zero point, got "
            f"{weights.codes.min()} to {weights.codes.max()}"
        )
    steps = source.scale * scale.astype(np.float64)
    return {
        "name": name,
        "weight": weights.codes.astype(np.int8),
        "bias": (bias * steps).astype(np.float32),
        "bias_q": np.broadcast_to(bias, (count,)).astype(np.int32),
        "weight_scale": scale.astype(np.float64),
        "multiplier": factor,
        "input": source,
        "output": output,
    }


def convolution(
    name: str,
    weights: Weights,
    bias: npt.NDArray[Any],
    ends: Sequence[Quantization],
    attributes: dict[str, Any],
    pads: Pads,
) -> Layer:
    """Return the layer of a Conv or QLinearConv.

    Parameters
    ----------
    name : str
    weights : Weights
        Codes of shape (O, I / groups, kh, kw), or (O, I / groups, k) of a signal.
    bias : ndarray of shape (O,) or (), int
        In steps of the sum.
    ends : (Quantization, Quantization)
        Of input and output.
    attributes : dict
        The node's.
    pads : ((top, bottom), (left, right))

    Raises
    ------
    Unsupported
        If the hardware lacks it.
    """
    fields = _scaled(name, weights, 0, bias, ends)
    weight, signal = fields["weight"], fields["weight"].ndim == 3
    fields["weight"] = weight[:, :, None] if signal else weight
    if fields["weight"].ndim != 4:
        raise Unsupported(f"{name}: kernel must be of one or two dimensions, got {weight.shape}")
    (top, bottom), (left, right) = pads
    layer = Conv2d(
        **fields,
        stride=_pair(attributes.get("strides"), signal=signal),
        padding=(top, left),
        dilation=_pair(attributes.get("dilations"), signal=signal),
        groups=int(attributes.get("group", 1)),
        end_padding=None if (top, left) == (bottom, right) else (bottom, right),
    )
    overflow.verify(layer)
    return layer


def fully_connected(
    name: str, weights: Weights, bias: npt.NDArray[Any], ends: Sequence[Quantization], axis: int
) -> Layer:
    """Return the layer of a Gemm or MatMul.

    Parameters
    ----------
    name, weights, bias, ends
        As for `convolution`; codes of shape (O, I), or (I, O).
    axis : int
        Dimension of the outputs.
    """
    if weights.codes.ndim != 2:
        raise Unsupported(f"{name}: weights must be a matrix, got shape {weights.codes.shape}")
    fields = _scaled(name, weights, axis, bias, ends)
    if axis:
        fields["weight"] = np.ascontiguousarray(fields["weight"].T)
    layer = Linear(**fields)
    overflow.verify(layer)
    return layer


def _pair(values: Sequence[int] | None, *, signal: bool) -> tuple[int, int]:
    if not values:
        return 1, 1
    return (1, int(values[0])) if signal else (int(values[0]), int(values[1]))


def pads_of(
    attributes: dict[str, Any], kernel: Sequence[int], sizes: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Return the padding before and after each dimension of a kernel.

    Parameters
    ----------
    attributes : dict
        Of a Conv or pool.
    kernel : sequence of int
    sizes : sequence of int
        Of the input, as many.
    """
    count = len(kernel)
    auto = attributes.get("auto_pad", "NOTSET")
    if auto == "NOTSET":
        given = attributes.get("pads") or [0] * (2 * count)
        return tuple((given[i], given[i + count]) for i in range(count))
    if auto == "VALID":
        return ((0, 0),) * count
    strides = attributes.get("strides") or [1] * count
    dilations = attributes.get("dilations") or [1] * count
    found = []
    for k, size, stride, dilation in zip(kernel, sizes, strides, dilations, strict=True):
        reach = dilation * (k - 1) + 1
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        small, large = total // 2, total - total // 2
        found.append((small, large) if auto == "SAME_UPPER" else (large, small))
    return tuple(found)
