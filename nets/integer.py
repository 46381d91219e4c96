"""The exact integer network on batches of images, through torch: CPU or GPU, byte for byte.

Computes the same as `golden.network.execute`, but faster: weights are packed once, products use
int8 or exact floats, and tensors stay on the device as int8 codes minus 128.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..golden.graph import (
    Add,
    AvgPool2d,
    Clamp,
    Concat,
    Conv2d,
    Flatten,
    Host,
    Linear,
    Lookup,
    MaxPool2d,
    Mul,
    Network,
    Operation,
    Relabel,
    Shuffle,
    Slice,
    Upsample,
)
from ..golden.kernels.add import check_add
from ..golden.kernels.avg_pool2d import mean_multiplier
from ..golden.kernels.concat import rescale_table
from ..golden.kernels.gemm import OFFSET
from ..golden.kernels.host import host
from ..golden.kernels.mul import check_mul
from ..golden.kernels.quantize import dequantize
from ..golden.network import check_inputs
from ..golden.operations.conv_transpose2d import ConvTranspose2d
from .integer_layers import layer_of
from .integer_moves import shuffle, take, upsample
from .products import exact_floats
from .transposed import packed

__all__ = ["IntegerNetwork"]

Codes = npt.NDArray[np.uint8]
_Kernel = Callable[..., torch.Tensor]


def _add(operation: Add, device: torch.device) -> _Kernel:
    """Fixed-point addition, as `golden.array.add.add_codes`."""
    factors = check_add(operation)
    first, second, zero = operation.zero_points
    za, zb = first - OFFSET, second - OFFSET
    low = operation.output.zero_point if operation.relu else 0
    half = 1 << (factors.shift - 1)
    # no intermediate sum exceeds int32: |code - zero| <= 255, factors <= 2**22
    largest = 255 * (factors.a + factors.b) + half
    dtype = torch.int32 if largest < 2**31 else torch.int64
    offset = -za * factors.a - zb * factors.b

    def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        acc = a.to(dtype).mul_(factors.a).add_(offset)
        acc.add_(b.to(dtype), alpha=factors.b)
        # (acc + half) >> shift rounds halves up; one less below zero rounds them down
        if not factors.half_up:
            acc.add_(acc < 0, alpha=-1)
        acc.add_(half).bitwise_right_shift_(factors.shift)
        return acc.clamp_(low - zero, 255 - zero).add_(zero - OFFSET).to(torch.int8)

    return kernel


def _mul(operation: Mul, device: torch.device) -> _Kernel:
    factor = float(check_mul(operation))
    za, zb = (source.zero_point - OFFSET for source in operation.inputs)
    zero = operation.output.zero_point
    low = zero if operation.relu else 0

    def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        # exact in float32: |code - zero| <= 255
        scaled = a.to(torch.float32).sub_(za) * b.to(torch.float32).sub_(zb)
        scaled.mul_(factor).round_()
        return scaled.clamp_(low - zero, 255 - zero).add_(zero - OFFSET).to(torch.int8)

    return kernel


def _max_pool2d(operation: MaxPool2d, device: torch.device) -> _Kernel:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        shape = operation.output_shape(tuple(x.shape))
        for axis in (0, 1):
            x = _along(x, axis, shape[1 + axis], operation, -OFFSET, torch.maximum)
        return x.contiguous()

    return kernel


def _avg_pool2d(operation: AvgPool2d, device: torch.device) -> _Kernel:
    factor = float(mean_multiplier(operation))
    first, zero = operation.input.zero_point, operation.output.zero_point

    def kernel(x: torch.Tensor) -> torch.Tensor:
        shape = operation.output_shape(tuple(x.shape))
        acc = x.to(torch.int32).sub_(first - OFFSET)
        for axis in (0, 1):
            acc = _along(acc, axis, shape[1 + axis], operation, 0, torch.add)
        scaled = acc.to(torch.float32).mul_(factor).round_()
        return scaled.clamp_(-zero, 255 - zero).add_(zero - OFFSET).to(torch.int8)

    return kernel


def _along(
    x: torch.Tensor,
    axis: int,
    outputs: int,
    operation: MaxPool2d | AvgPool2d,
    fill: int,
    combine: Callable[..., torch.Tensor],
) -> torch.Tensor:
    """Return a pool along one image axis; a 2D pool applies two in sequence."""
    kernel, stride, padding = (
        pair[axis] for pair in (operation.kernel, operation.stride, operation.padding)
    )
    dilation = operation.dilation[axis] if isinstance(operation, MaxPool2d) else 1
    dim = 1 + axis
    if outputs == 1 and not padding and dilation == 1 and combine is torch.add:
        return x.narrow(dim, 0, kernel).sum(dim, keepdim=True, dtype=x.dtype)
    reach = (outputs - 1) * stride + dilation * (kernel - 1) + 1
    after = max(reach - padding - x.shape[dim], 0)
    widths = (0, 0, padding, after) if axis else (0, 0, 0, 0, padding, after)
    lines = torch.nn.functional.pad(x, widths, value=fill) if padding or after else x
    span = (outputs - 1) * stride + 1
    taps = [lines.narrow(dim, tap * dilation, span) for tap in range(kernel)]
    index = [slice(None)] * 4
    index[dim] = slice(None, None, stride)
    result = taps[0][tuple(index)].clone()
    for tap in taps[1:]:
        combine(result, tap[tuple(index)], out=result)
    return result


def _clamp(operation: Clamp, device: torch.device) -> _Kernel:
    return lambda x: x.clamp(operation.low - OFFSET, operation.high - OFFSET)


def _relabel(operation: Relabel, device: torch.device) -> _Kernel:
    return lambda x: x


def _flatten(operation: Flatten, device: torch.device) -> _Kernel:
    return lambda x: x.reshape(len(x), -1)


def _table(codes: Codes) -> torch.Tensor:
    return torch.from_numpy((codes ^ OFFSET).view(np.int8))


def _looked_up(x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    return table.to(x.device)[x.to(torch.int32) + OFFSET]


def _lookup(operation: Lookup, device: torch.device) -> _Kernel:
    table = _table(operation.table).to(device)
    return lambda x: _looked_up(x, table)


def _concat(operation: Concat, device: torch.device) -> _Kernel:
    tables = [
        None if source == operation.output else _table(rescale_table(source, operation.output))
        for source in operation.inputs
    ]

    def kernel(*parts: torch.Tensor) -> torch.Tensor:
        pairs = zip(parts, tables, strict=True)
        return torch.cat([x if t is None else _looked_up(x, t) for x, t in pairs], -1)

    return kernel


def _host(operation: Host, device: torch.device) -> _Kernel:
    def kernel(*inputs: torch.Tensor) -> torch.Tensor:
        found = host(*map(_codes, inputs), operation)
        return torch.from_numpy((found ^ np.uint8(OFFSET)).view(np.int8)).to(device)

    return kernel


_KERNELS: dict[type, Callable[..., _Kernel]] = {
    Add: _add,
    Mul: _mul,
    MaxPool2d: _max_pool2d,
    AvgPool2d: _avg_pool2d,
    Clamp: _clamp,
    Flatten: _flatten,
    Relabel: _relabel,
    Concat: _concat,
    Host: _host,
    Upsample: upsample,
    Slice: take,
    Shuffle: shuffle,
    Lookup: _lookup,
}


class IntegerNetwork:
    """A network of the integer graph, packed for repeated execution.

    Parameters
    ----------
    graph : Network
        Must have passed `verify.verify`.
    device : str
        Torch device: "cpu", "cuda", "cuda:1".
    products : "int8", "float32" or None
        How matrix products are computed, with identical results; by default the fastest choice of
        `products.products`.

    Raises
    ------
    ValueError
        If the requested products are not exact on this machine.
    """

    def __init__(self, graph: Network, device: str = "cpu", products: str | None = None) -> None:
        self.graph = graph
        self.device = torch.device(device)
        with exact_floats():
            self._kernels = [self._pack(node.operation, products) for node in graph.nodes]
        self._last_use = {
            name: index for index, node in enumerate(graph.nodes) for name in node.inputs
        }

    def _pack(self, operation: Operation, products: str | None) -> Any:
        if isinstance(operation, ConvTranspose2d):
            return packed(operation, self.device, products)
        if isinstance(operation, Conv2d | Linear):
            return layer_of(operation, self.device, products)
        return _KERNELS[type(operation)](operation, self.device)

    def logits(self, *inputs: Codes) -> npt.NDArray[np.float32]:
        """Real values of the output.

        Parameters
        ----------
        *inputs : ndarray of shape (N, H, W, C) or (N, K), uint8
            Codes of each of the network's inputs, of its size; any N.

        Returns
        -------
        ndarray of shape (N, classes), float32

        Raises
        ------
        ValueError
            As `golden.network.check_inputs`.
        """
        name = self.graph.output
        codes = self._run(inputs, {name})[name]
        return dequantize(codes, self.graph.tensors[name].quantization)

    def tensors(self, *inputs: Codes) -> dict[str, Codes]:
        """Every tensor by name, as in `golden.network.execute`; inputs and errors as `logits`."""
        return self._run(inputs, self.graph.tensors)

    def _run(self, inputs: Sequence[Codes], wanted: Collection[str]) -> dict[str, Codes]:
        """Run the network; free each tensor after the last node that reads it."""
        check_inputs(self.graph, inputs)
        found: dict[str, Codes] = {}
        values: dict[str, torch.Tensor] = {}
        with exact_floats():
            for source, x_q in zip(self.graph.sources, inputs, strict=True):
                image = torch.from_numpy((x_q ^ np.uint8(OFFSET)).view(np.int8))
                values[source.name] = image.to(self.device)
                if source.name in wanted:
                    found[source.name] = x_q.copy()
            for index, (node, kernel) in enumerate(
                zip(self.graph.nodes, self._kernels, strict=True)
            ):
                result = kernel(*(values[name] for name in node.inputs))
                values[node.name] = result
                for name in node.inputs:
                    if self._last_use[name] == index:
                        values.pop(name, None)
                if node.name in wanted:
                    found[node.name] = _codes(result)
        return found


def _codes(tensor: torch.Tensor) -> Codes:
    return tensor.cpu().contiguous().numpy().view(np.uint8) ^ np.uint8(OFFSET)
