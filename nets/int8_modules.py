"""Conversion between PyTorch's INT8 modules and integer layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ..golden.array.requantize import bias_codes, multipliers
from ..golden.graph import Conv2d, Layer, Linear, Quantization
from .batch_norm import batch_norm_layer
from .framework import qnnpack
from .transposed import transposed_layer

__all__ = ["NO_PADS", "Pads", "is_conv1d", "is_convolution", "is_linear", "layer_of"]
__all__ += ["module_of", "per_channel"]

Pads = tuple[tuple[int, int], tuple[int, int]]
NO_PADS: Pads = ((0, 0), (0, 0))  # (top, bottom), (left, right)


def is_conv1d(module: nn.Module | None) -> bool:
    """Whether a module is PyTorch's INT8 convolution of signals."""
    from torch.ao.nn import quantized

    return isinstance(module, quantized.Conv1d)


def is_convolution(module: nn.Module | None) -> bool:
    """Whether a module is PyTorch's INT8 convolution of images or signals."""
    from torch.ao.nn import quantized

    return isinstance(module, quantized.Conv1d | quantized.Conv2d)


def is_linear(module: nn.Module | None) -> bool:
    """Whether a module is PyTorch's INT8 linear layer."""
    from torch.ao.nn import quantized

    return isinstance(module, quantized.Linear)


def layer_of(
    module: nn.Module, name: str, source: Quantization, pads: Pads = NO_PADS
) -> Layer | None:
    """Convert one of PyTorch's INT8 modules to an integer layer.

    A convolution of signals is one of images of height 1.

    Parameters
    ----------
    module : Module
    name : str
        Name of the layer.
    source : Quantization
        Quantization of the module's input.
    pads : (top, bottom), (left, right)
        Further padding with the input's zero point, in addition to the module's own.

    Returns
    -------
    Layer or None
        None if the module is not a quantized convolution or linear layer.

    Raises
    ------
    ValueError
        If the padding mode is not zeros, or a scale or bias is out of range; the message names it.
    """
    from torch.ao.nn import quantized
    from torch.ao.nn.intrinsic import quantized as fused

    if not isinstance(module, quantized.Conv1d | quantized.Conv2d | quantized.Linear):
        return transposed_layer(module, name, source) or batch_norm_layer(module, name, source)
    with qnnpack():  # other engines drop a signal's height in place, and then the kernel fails
        weight, bias = module._weight_bias()
    if bias is None:
        bias = torch.zeros(weight.shape[0])
    scales = channel_scales(weight).numpy().astype(np.float64)
    floats = bias.detach().numpy().astype(np.float32)
    try:
        target = Quantization(float(module.scale), int(module.zero_point))
        multiplier = multipliers(source.scale, scales, target.scale)
        bias_q = bias_codes(floats, source.scale, scales)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    common = {
        "name": name,
        "weight": weight.int_repr().numpy(),
        "bias": floats,
        "bias_q": bias_q,
        "weight_scale": scales,
        "multiplier": multiplier,
        "input": source,
        "output": target,
        "relu": isinstance(module, fused.ConvReLU1d | fused.ConvReLU2d | fused.LinearReLU),
    }
    if isinstance(module, quantized.Linear):
        return Linear(**common)
    if module.padding_mode != "zeros":
        raise ValueError(f"padding_mode must be zeros, got {module.padding_mode}")
    (top, bottom), (left, right) = pads
    rows, columns = (0, *module.padding)[-2:]
    if is_conv1d(module):
        common["weight"] = common["weight"][:, :, None]
    start, end = (rows + top, columns + left), (rows + bottom, columns + right)
    return Conv2d(
        **common,
        stride=_pair(module.stride),
        padding=start,
        end_padding=None if end == start else end,
        dilation=_pair(module.dilation),
        groups=module.groups,
    )


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    """Return (vertical, horizontal) of one value, of a signal, or two."""
    vertical, horizontal = (1, *values)[-2:]
    return vertical, horizontal


def channel_scales(weight: torch.Tensor) -> torch.Tensor:
    """Scale of each output channel's quantized weights; equal ones if the tensor has one scale."""
    if weight.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        return torch.full((weight.shape[0],), weight.q_scale(), dtype=torch.float64)
    return weight.q_per_channel_scales()


def per_channel(codes: np.ndarray, scales: np.ndarray, axis: int = 0) -> torch.Tensor:
    """Quantized weights from int8 codes, with a float64 scale per output channel, along `axis`."""
    return torch._make_per_channel_quantized_tensor(  # pyright: ignore[reportPrivateImportUsage]
        torch.from_numpy(np.array(codes)),
        torch.from_numpy(np.array(scales)),
        torch.zeros(len(scales), dtype=torch.int64),
        axis,
    )


def module_of(layer: Layer) -> nn.Module:
    """Convert an integer layer to PyTorch's INT8 module, with weights packed for qnnpack."""
    from torch.ao.nn import quantized
    from torch.ao.nn.intrinsic import quantized as fused

    pads = layer.pads if isinstance(layer, Conv2d) and layer.end_padding is not None else None
    with qnnpack():
        weight = per_channel(layer.weight, layer.weight_scale)
        if isinstance(layer, Linear):
            outputs, inputs = layer.weight.shape
            kind: Any = fused.LinearReLU if layer.relu else quantized.Linear
            module = kind(1, 1)  # minimal size: the constructor packs a weight that is replaced
            module.in_features, module.out_features = inputs, outputs
        else:
            outputs, depth, *kernel = layer.weight.shape
            kind = fused.ConvReLU2d if layer.relu else quantized.Conv2d
            module = kind(
                depth * layer.groups,
                outputs,
                tuple(kernel),
                layer.stride,
                (0, 0) if pads else layer.padding,
                layer.dilation,
                layer.groups,
            )
        module.set_weight_bias(weight, torch.from_numpy(np.array(layer.bias)))
        module.scale = layer.output.scale
        module.zero_point = layer.output.zero_point
    if pads:
        (top, bottom), (left, right) = pads
        return nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), module)
    return module
