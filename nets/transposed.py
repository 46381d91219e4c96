"""Transposed convolutions: PyTorch's INT8 module as a layer, and the layer's torch kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from ..golden.array.requantize import bias_codes, multipliers
from ..golden.graph import Quantization
from ..golden.operations.conv_transpose2d import ConvTranspose2d
from .integer_layers import layer_of

__all__ = ["packed", "transposed_floats", "transposed_layer"]

_Kernel = Callable[[torch.Tensor], torch.Tensor]


def transposed_layer(module: nn.Module, name: str, source: Quantization) -> ConvTranspose2d | None:
    """Convert PyTorch's INT8 module to an integer layer; None if it is another module.

    Raises
    ------
    ValueError
        If a scale or bias is out of range; the message names the layer.
    """
    from torch.ao.nn import quantized

    if not isinstance(module, quantized.ConvTranspose2d):
        return None
    weight, bias = module._weight_bias()
    outputs = module.out_channels
    floats = torch.zeros(outputs) if bias is None else bias.detach()
    if weight.qscheme() == torch.per_tensor_affine:
        scales = np.full(outputs, weight.q_scale())
    else:
        scales = weight.q_per_channel_scales().numpy().astype(np.float64)
    biases = floats.numpy().astype(np.float32)
    try:
        target = Quantization(float(module.scale), int(module.zero_point))
        multiplier = multipliers(source.scale, scales, target.scale)
        bias_q = bias_codes(biases, source.scale, scales)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return ConvTranspose2d(
        name=name,
        weight=_by_outputs(weight.int_repr().numpy(), module.groups),
        bias=biases,
        bias_q=bias_q,
        weight_scale=scales,
        multiplier=multiplier,
        input=source,
        output=target,
        stride=_pair(module.stride),
        padding=_pair(module.padding),
        dilation=_pair(module.dilation),
        groups=module.groups,
        output_padding=_pair(module.output_padding),
    )


def _pair(values: Any) -> tuple[int, int]:  # noqa: ANN401
    first, second = values
    return int(first), int(second)


def _by_outputs(weight: npt.NDArray[np.int8], groups: int) -> npt.NDArray[np.int8]:
    """Return weights (I, O / groups, kh, kw) as (O, I / groups, kh, kw)."""
    inputs, outputs, *kernel = weight.shape
    grouped = weight.reshape(groups, inputs // groups, outputs, *kernel).swapaxes(1, 2)
    return np.ascontiguousarray(grouped.reshape(groups * outputs, inputs // groups, *kernel))


def packed(layer: ConvTranspose2d, device: torch.device, kind: str | None) -> _Kernel:
    """Return the kernel on codes minus 128 (N, H, W, I), int8."""
    mirrored = layer.mirrored
    (top, bottom), (left, right) = mirrored.pads
    convolve = layer_of(replace(mirrored, padding=(0, 0), end_padding=None), device, kind)
    down, across = layer.stride
    zero = layer.input.zero_point - 128

    def kernel(x: torch.Tensor) -> torch.Tensor:
        n, height, width, channels = x.shape
        shape = n, (height - 1) * down + 1, (width - 1) * across + 1, channels
        wide = torch.full(shape, zero, dtype=x.dtype, device=x.device)
        wide[:, ::down, ::across] = x
        return convolve(functional.pad(wide, (0, 0, left, right, top, bottom), value=zero))

    return kernel


def transposed_floats(layer: ConvTranspose2d) -> _Kernel:
    """Return the kernel on reals (N, I, H, W), before fake quantization."""
    scale = layer.weight_scale.astype(np.float32).reshape(-1, 1, 1, 1)
    weight = torch.from_numpy(_by_inputs(layer.weight.astype(np.float32) * scale, layer.groups))
    bias = torch.from_numpy(np.array(layer.bias))
    geometry = layer.stride, layer.padding, layer.output_padding, layer.groups, layer.dilation
    return lambda x: functional.conv_transpose2d(x, weight, bias, *geometry)


def _by_inputs(weight: npt.NDArray[np.float32], groups: int) -> npt.NDArray[np.float32]:
    """Return weights (O, I / groups, kh, kw) as PyTorch's, (I, O / groups, kh, kw)."""
    outputs, inputs, *kernel = weight.shape
    grouped = weight.reshape(groups, outputs // groups, inputs, *kernel).swapaxes(1, 2)
    return np.ascontiguousarray(grouped.reshape(groups * inputs, outputs // groups, *kernel))
