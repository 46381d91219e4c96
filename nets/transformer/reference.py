"""A quantized transformer as PyTorch's own kernels compute it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ...golden.quantization import Quantization
from ..framework import one_thread, qnnpack
from ..lattice import lattice_scales
from . import kernels, steps
from .floating import channels_last, heads_of
from .observe import constant_of
from .parts import Transformer, check_images

__all__ = ["constant_codes", "gelu_table", "quantized_weight", "reference_tensors"]

Codes = npt.NDArray[np.uint8]
_WEIGHT_CODES = 127  # the largest; weights are symmetric
_SMALLEST = 2.0**-23  # scale of a channel of zeros
_untyped: Any = torch


def quantized_weight(weight: torch.Tensor) -> torch.Tensor:
    """Weights as qint8, a scale for each output channel; on a lattice, they keep their codes."""
    weight = weight.detach()
    scales = lattice_scales(weight)
    if scales is None:
        scales = weight.flatten(1).abs().amax(dim=1) / _WEIGHT_CODES
    zero_points = torch.zeros(len(scales), dtype=torch.int64)
    scales = scales.clamp(min=_SMALLEST).double()
    return torch.quantize_per_channel(weight, scales, zero_points, 0, torch.qint8)


def gelu_table(given: Quantization, output: Quantization) -> Codes:
    """PyTorch's GELU of all 256 codes, between dequantize and quantize, in one call."""
    codes = torch.arange(256, dtype=torch.uint8)
    y = nn.functional.gelu(_quantized(codes, given).dequantize())
    found = torch.quantize_per_tensor(y, output.scale, output.zero_point, torch.quint8)
    return found.int_repr().numpy()


def constant_codes(x: torch.Tensor, quantization: Quantization) -> torch.Tensor:
    """Codes of a constant; beyond the range, where a mask's numbers are, the first or last."""
    parameters = quantization.scale, quantization.zero_point
    return torch.quantize_per_tensor(x.detach(), *parameters, torch.quint8).int_repr()


def _quantized(codes: torch.Tensor, quantization: Quantization) -> torch.Tensor:
    return _untyped._make_per_tensor_quantized_tensor(
        codes.contiguous(), quantization.scale, quantization.zero_point
    )


def _moved(x: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Return codes that were moved, with the scale and zero point of the tensor they are from."""
    return _quantized(codes, Quantization(x.q_scale(), x.q_zero_point()))


class _Reference:
    """Computes with quint8 tensors.

    Parameters
    ----------
    quantizations : mapping of str to Quantization
        As from `observe`.
    """

    def __init__(self, quantizations: Mapping[str, Quantization]) -> None:
        self._quantizations = quantizations

    def output(self, name: str) -> tuple[float, int]:
        """Scale and zero point of a result."""
        quantization = self._quantizations[name]
        return quantization.scale, quantization.zero_point

    def compute(self, step: steps.Step, *inputs: torch.Tensor) -> torch.Tensor:
        """Return a step's result."""
        x = inputs[0]
        match step:
            case steps.Convolution():
                return self._convolution(step, x)
            case steps.Tokens():
                parameters = Quantization(x.q_scale(), x.q_zero_point())
                first = constant_codes(step.first[None], parameters).expand(len(x), -1, -1, -1)
                pixels = x.int_repr().flatten(1, 2)[:, None]
                return _moved(x, torch.cat([first, pixels], dim=2))
            case steps.AddConstant():
                return self._sum(step, x)
            case steps.Norm(module=module):
                parameters = module.weight.detach(), module.bias.detach(), module.eps
                return kernels.layer_norm(x, *parameters, *self.output(step.name))
            case steps.Linear():
                weight, bias = quantized_weight(step.weight), step.bias.detach()
                packed = torch.ops.quantized.linear_prepack(weight, bias)
                return torch.ops.quantized.linear(x, packed, *self.output(step.name))
            case steps.Scores() | steps.Weighted():
                return self._product(step, x, inputs[1])
            case steps.Softmax():
                return kernels.softmax(x)
            case steps.Add():
                return torch.ops.quantized.add(x, inputs[1], *self.output(step.name))
            case steps.Gelu():
                output = self._quantizations[step.name]
                table = gelu_table(Quantization(x.q_scale(), x.q_zero_point()), output)
                return _quantized(torch.from_numpy(table)[x.int_repr().long()], output)
            case steps.Rearrange():
                places = torch.from_numpy(step.places)
                taken = x.flatten(1, 2).index_select(1, places.flatten())
                return taken.reshape(len(x), *places.shape[:2], -1)
            case steps.First():
                return _moved(x, x.int_repr()[:, 0, 0])
            case steps.Mean():
                return x.permute(0, 3, 1, 2).mean([2, 3])
        raise TypeError(f"step must be one of maccord.nets.transformer.steps, got {type(step)}")

    def _convolution(self, step: steps.Convolution, x: torch.Tensor) -> torch.Tensor:
        module = step.module
        packed = torch.ops.quantized.conv2d_prepack(
            quantized_weight(module.weight), module.bias, module.stride, [0, 0], [1, 1], 1
        )
        found = torch.ops.quantized.conv2d(x.permute(0, 3, 1, 2), packed, *self.output(step.name))
        return found.permute(0, 2, 3, 1)

    def _sum(self, step: steps.AddConstant, x: torch.Tensor) -> torch.Tensor:
        constant = self._quantizations[constant_of(step.name)]
        codes = constant_codes(step.addend, constant)
        times = x.shape[1] // codes.shape[1]
        other = _quantized(codes.repeat(len(x), times, 1, 1), constant)
        return torch.ops.quantized.add(x.contiguous(), other, *self.output(step.name))

    def _product(
        self, step: steps.Scores | steps.Weighted, a: torch.Tensor, b: torch.Tensor
    ) -> torch.Tensor:
        """One linear layer for each image, window and head: codes of a by codes of b."""
        right = heads_of(b.int_repr(), step.heads).flatten(0, 2)
        scores = isinstance(step, steps.Scores)
        if scores:
            left = heads_of(a.int_repr(), step.heads).flatten(0, 2)
        else:
            left, right = a.int_repr().flatten(0, 1), right.transpose(1, 2)
        factor, ends = step.factor if scores else 1.0, self.output(step.name)
        rows = [
            kernels.weighted(_moved(a, rows), _moved(b, others), factor, *ends).int_repr()
            for rows, others in zip(left, right, strict=True)
        ]
        found = torch.stack(rows).unflatten(0, (len(a), -1))
        if not scores:
            found = found.unflatten(1, (-1, step.heads)).transpose(2, 3).flatten(3)
        return _quantized(found, self._quantizations[step.name])


def reference_tensors(
    model: Transformer, quantizations: Mapping[str, Quantization], images: torch.Tensor
) -> dict[str, Codes]:
    """Every tensor of the quantized network, by PyTorch's kernels.

    Parameters
    ----------
    model : Transformer
    quantizations : mapping of str to Quantization
        As from `observe`.
    images : tensor of shape (N, colours, H, W), float32

    Returns
    -------
    dict of str to ndarray, uint8
        The images, ``input``, and the result of each of the network's `steps`, in their layouts.

    Raises
    ------
    ValueError
        If the images are of another shape or type.
    """
    check_images(model, images)
    reader = _Reference(quantizations)
    with qnnpack(), one_thread():
        parameters = reader.output(steps.IMAGE)
        x = torch.quantize_per_tensor(channels_last(images), *parameters, torch.quint8)
        _, found = steps.walk(model.steps(), reader.compute, x)
    return {name: np.ascontiguousarray(x.int_repr().numpy()) for name, x in found.items()}
