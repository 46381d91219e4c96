"""The fake-quantized counterpart of the integer network, in float32.

Scales, zero points and weight codes are frozen at the integer graph's values. Fake quantization
follows every operator, placed like PyTorch's ``prepare_qat_fx``: pools, clamps, concatenations and
flattenings share the ``FakeQuantize`` of their input. After an average pool it rounds the mean to
the input's codes, like the integer kernel. After operators that only move or select codes, it has
no effect and is omitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from ..golden.graph import (
    Add,
    AvgPool2d,
    Clamp,
    Concat,
    Conv2d,
    Flatten,
    Linear,
    Lookup,
    MaxPool2d,
    Mul,
    Network,
    Node,
    Quantization,
    Relabel,
    Shuffle,
    Slice,
    Upsample,
)
from ..golden.kernels.flatten import channels_last_columns
from ..golden.kernels.quantize import dequantize
from ..golden.operations.conv_transpose2d import ConvTranspose2d
from .framework import fake_quantize, one_thread
from .integer_moves import moved
from .lowered import reordered
from .transposed import transposed_floats

__all__ = ["FakeQuantNetwork"]

_Kernel = Callable[..., torch.Tensor]


class FakeQuantNetwork:
    """A network of the integer graph in float32, fake-quantized with the graph's parameters.

    Parameters
    ----------
    graph : Network
        Must have passed `verify.verify`.
    """

    def __init__(self, graph: Network) -> None:
        self.graph = graph
        self._orders = reordered(graph)
        self._kernels = [self._kernel(node) for node in graph.nodes]
        self._last_use = {
            name: index for index, node in enumerate(graph.nodes) for name in node.inputs
        }

    def logits(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Fake-quantized output.

        Parameters
        ----------
        images : ndarray of shape (N, 3, H, W), float32
            Normalized.

        Returns
        -------
        ndarray of shape (N, classes), float32

        Raises
        ------
        ValueError
            If the images have another dtype or shape.
        """
        found = {name: x for name, x in self._execute(images) if name == self.graph.output}
        return found[self.graph.output].numpy()

    def tensors(self, images: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.uint8]]:
        """Codes of every activation by name, in the layout of `golden.network.execute`."""
        return {name: self._codes(name, x) for name, x in self._execute(images)}

    def _codes(self, name: str, x: torch.Tensor) -> npt.NDArray[np.uint8]:
        quantization = self.graph.tensors[name].quantization
        # exact: x is the real value of a code
        steps = (x * (1 / torch.tensor(quantization.scale))).round_().add_(quantization.zero_point)
        codes = steps.to(torch.uint8)
        if codes.ndim == 4:
            codes = codes.permute(0, 2, 3, 1)
        found = np.ascontiguousarray(codes.numpy())
        return channels_last_columns(found, *self._orders[name]) if name in self._orders else found

    def _execute(self, images: npt.NDArray[np.float32]) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield each activation; free those that no later node reads."""
        _, height, width, channels = self.graph.input.shape
        if images.dtype != np.float32 or images.shape[1:] != (channels, height, width):
            raise ValueError(
                f"images must be float32 of shape (N, {channels}, {height}, {width}) for "
                f"{self.graph.name}, got {images.dtype} of {images.shape}"
            )
        source = self.graph.input
        with one_thread(), torch.inference_mode():
            image = fake_quantize(torch.from_numpy(images), source.quantization)
        values = {source.name: image}
        yield source.name, image
        for index, (node, kernel) in enumerate(zip(self.graph.nodes, self._kernels, strict=True)):
            with one_thread(), torch.inference_mode():
                result = kernel(*(values[name] for name in node.inputs))
            values[node.name] = result
            for name in node.inputs:
                if self._last_use[name] == index:
                    values.pop(name, None)
            yield node.name, result

    def _kernel(self, node: Node) -> _Kernel:
        operation = node.operation
        if isinstance(operation, Conv2d | Linear):
            return _layer(operation, self._orders.get(node.inputs[0]))
        if isinstance(operation, Add | Mul):
            return _pair(operation)
        if isinstance(operation, Relabel):
            return _relabel(operation)
        if isinstance(operation, MaxPool2d):
            return _max_pool2d(operation)
        if isinstance(operation, AvgPool2d):
            size = self.graph.tensors[node.inputs[0]].shape[1:3]
            return _avg_pool2d(operation, operation.kernel == size)
        if isinstance(operation, Clamp):
            low, high = _reals((operation.low, operation.high), operation.output)
            return lambda x: x.clamp(low, high)
        if isinstance(operation, Concat):
            return _concat(operation)
        if isinstance(operation, Upsample | Slice | Shuffle):
            return moved(operation)
        if isinstance(operation, Lookup):
            return _lookup(operation)
        assert isinstance(operation, Flatten)
        return lambda x: x.flatten(1)


def _reals(codes: tuple[int, int], quantization: Quantization) -> tuple[float, float]:
    """Real values of two codes."""
    scale = np.float32(quantization.scale)
    low, high = (float(scale * np.float32(code - quantization.zero_point)) for code in codes)
    return low, high


def _layer(layer: Conv2d | Linear, order: tuple[int, int, int] | None) -> _Kernel:
    scale = layer.weight_scale.astype(np.float32)
    floats = layer.weight.astype(np.float32) * scale.reshape(-1, *[1] * (layer.weight.ndim - 1))
    if order is not None:  # activations here are in PyTorch's order
        height, width, channels = order
        split = floats.reshape(len(floats), height, width, channels)
        floats = np.moveaxis(split, 3, 1).reshape(floats.shape)
    weight = torch.from_numpy(np.ascontiguousarray(floats))
    bias = torch.from_numpy(np.array(layer.bias))
    limits = None if layer.limits == (0, 255) else _reals(layer.limits, layer.output)

    def kernel(x: torch.Tensor) -> torch.Tensor:
        if isinstance(layer, ConvTranspose2d):
            y = transposed_floats(layer)(x)
        elif isinstance(layer, Linear):
            y = functional.linear(x, weight, bias)
        else:
            padding = layer.padding
            if layer.end_padding:
                (top, bottom), (left, right) = layer.pads
                x, padding = functional.pad(x, (left, right, top, bottom)), (0, 0)
            y = functional.conv2d(
                x, weight, bias, layer.stride, padding, layer.dilation, layer.groups
            )
        y = fake_quantize(y.relu_() if layer.relu else y, layer.output)
        return y if limits is None else y.clamp_(*limits)

    return kernel


def _pair(operation: Add | Mul) -> _Kernel:
    def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        result = a + b if isinstance(operation, Add) else a * b
        return fake_quantize(result.relu_() if operation.relu else result, operation.output)

    return kernel


def _relabel(operation: Relabel) -> _Kernel:
    """Return the values that the input's codes stand for in the output."""
    before, after = operation.input, operation.output
    step, shift = 1 / before.scale, before.zero_point - after.zero_point
    return lambda x: (x * step).round_().add_(shift).mul_(after.scale)


def _max_pool2d(operation: MaxPool2d) -> _Kernel:
    return lambda x: functional.max_pool2d(
        x,
        operation.kernel,
        operation.stride,
        operation.padding,
        operation.dilation,
        operation.ceil_mode,
    )


def _avg_pool2d(operation: AvgPool2d, whole: bool) -> _Kernel:
    """`whole`: a single window, as in adaptive pools, which PyTorch sums in another order."""

    def kernel(x: torch.Tensor) -> torch.Tensor:
        if whole:
            y = functional.adaptive_avg_pool2d(x, 1)
        else:
            y = functional.avg_pool2d(x, operation.kernel, operation.stride, operation.padding)
        return fake_quantize(y, operation.output)

    return kernel


def _lookup(operation: Lookup) -> _Kernel:
    """Real values by code: the input is a code's real value, but for rounding."""
    source = operation.input
    reals = torch.from_numpy(dequantize(operation.table, operation.output))

    def kernel(x: torch.Tensor) -> torch.Tensor:
        codes = (x / source.scale).round_().add_(source.zero_point).clamp_(0, 255)
        return reals[codes.long()]

    return kernel


def _concat(operation: Concat) -> _Kernel:
    same = all(source == operation.output for source in operation.inputs)

    def kernel(*parts: torch.Tensor) -> torch.Tensor:
        y = torch.cat(parts, 1)
        return y if same else fake_quantize(y, operation.output)

    return kernel
