"""The integer graph: a quantized network as NumPy arrays and frozen dataclasses.

It holds everything needed for bit-exact execution, and does not depend on PyTorch.
Each operation has `name`, `op`, `inputs`, `output` and `output_shape`. Images are channels last.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from .operations.add import Add
from .operations.concat import Concat
from .operations.host import Host
from .operations.layer_norm import LayerNorm
from .operations.lookup import Lookup
from .operations.mul import Mul
from .operations.preserving import Preserving
from .operations.rearrange import Rearrange
from .operations.relabel import Relabel
from .operations.shuffle import Shuffle
from .operations.slice import Slice
from .operations.softmax import Softmax
from .operations.tensor_product import TensorProduct
from .operations.tokens import AddConstant, Tokens
from .operations.upsample import Upsample
from .quantization import Quantization
from .weight_bits import check_weight_bits

__all__ = ["Add", "AvgPool2d", "Clamp", "Concat", "Conv2d", "Flatten", "Host", "Layer", "Linear"]
__all__ += ["Lookup", "MaxPool2d", "Mul", "Network", "Node", "Operation", "Quantization"]
__all__ += ["Relabel", "Shuffle", "Slice", "Tensor", "Upsample"]

Shape = tuple[int, ...]


class _Requantizing:
    """Common base of convolution and linear layers."""

    input: Quantization
    output: Quantization
    relu: bool
    limits: tuple[int, int]

    @property
    def inputs(self) -> tuple[Quantization]:
        """Expected quantization of each input."""
        return (self.input,)

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest output code, from ReLU and the limits."""
        low, high = self.limits
        return min(max(low, self.output.zero_point if self.relu else 0), high), high


@dataclass(frozen=True, eq=False)
class Conv2d(_Requantizing):
    """A convolution with requantization, batch norm folded and ReLU fused.

    Parameters
    ----------
    name : str
        The network's name, then PyTorch's module path, e.g. ``resnet18.conv1``.
    weight : ndarray of shape (O, I / groups, kh, kw), int8
    bias : ndarray of shape (O,), float32
        As stored by PyTorch.
    bias_q : ndarray of shape (O,), int32
        In units of the accumulator (numerics.md section 1, step 2).
    weight_scale : ndarray of shape (O,), float64
    multiplier : ndarray of shape (O,), float32
        Accumulator to output code (numerics.md section 1, step 4); normal and positive.
    input, output : Quantization
    stride, padding, dilation : (vertical, horizontal)
        Padding applies before the first row and column, and after the last unless `end_padding`
        is given.
    groups : int
    relu : bool
        Clamps output codes to at least the output's zero point.
    limits : (low, high)
        Additional clamp bounds, set where `fuse_clamps` fused a clamp.
    end_padding : (vertical, horizontal), optional
        Padding after the last row and column, as in TensorFlow's SAME; `padding` if not given.
    weight_bits : int
        8, 4 or 2: the codes of `weight` fit that many bits.
    """

    name: str
    weight: npt.NDArray[np.int8]
    bias: npt.NDArray[np.float32]
    bias_q: npt.NDArray[np.int32]
    weight_scale: npt.NDArray[np.float64]
    multiplier: npt.NDArray[np.float32]
    input: Quantization
    output: Quantization
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    relu: bool = False
    limits: tuple[int, int] = (0, 255)
    end_padding: tuple[int, int] | None = None
    weight_bits: int = 8

    def __post_init__(self) -> None:
        check_weight_bits(self.name, self.weight, self.weight_bits)

    @property
    def op(self) -> str:
        """Name of the operator in reports."""
        return "conv2d_relu" if self.relu else "conv2d"

    @property
    def pads(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Padding (top, bottom) and (left, right)."""
        (top, left), (bottom, right) = self.padding, self.end_padding or self.padding
        return (top, bottom), (left, right)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Shape (N, OH, OW, O) of the output for an input of shape (N, H, W, I)."""
        n, height, width, _ = input_shape
        kh, kw = self.weight.shape[2:]
        rows, columns = (sum(pad) for pad in self.pads)
        oh = (height + rows - self.dilation[0] * (kh - 1) - 1) // self.stride[0] + 1
        ow = (width + columns - self.dilation[1] * (kw - 1) - 1) // self.stride[1] + 1
        return n, oh, ow, self.weight.shape[0]

    def macs(self, input_shape: tuple[int, ...]) -> int:
        """Count the multiplications for that input shape, padding included."""
        return prod(self.output_shape(input_shape)) * prod(self.weight.shape[1:])


@dataclass(frozen=True, eq=False)
class Linear(_Requantizing):
    """A fully connected layer with requantization; fields as in `Conv2d`, weight (O, I)."""

    name: str
    weight: npt.NDArray[np.int8]
    bias: npt.NDArray[np.float32]
    bias_q: npt.NDArray[np.int32]
    weight_scale: npt.NDArray[np.float64]
    multiplier: npt.NDArray[np.float32]
    input: Quantization
    output: Quantization
    relu: bool = False
    limits: tuple[int, int] = (0, 255)
    weight_bits: int = 8

    def __post_init__(self) -> None:
        check_weight_bits(self.name, self.weight, self.weight_bits)

    @property
    def op(self) -> str:
        """Name of the operator in reports."""
        return "linear_relu" if self.relu else "linear"

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, int]:
        """Shape (N, O) of the output for an input of shape (N, I)."""
        return input_shape[0], self.weight.shape[0]

    def macs(self, input_shape: tuple[int, ...]) -> int:
        """Count the multiplications for that input shape."""
        return input_shape[0] * self.weight.size


Layer = Conv2d | Linear


@dataclass(frozen=True)
class MaxPool2d(Preserving):
    """Maximum over a window; padding is excluded.

    Parameters
    ----------
    kernel, stride, padding, dilation : (vertical, horizontal)
    ceil_mode : bool
        Windows that start inside the padded input may extend beyond it.
    """

    op: ClassVar[str] = "max_pool2d"
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    ceil_mode: bool = False

    def output_shape(self, input_shape: Shape) -> tuple[int, int, int, int]:
        """Shape (N, OH, OW, C) of the output for an input of shape (N, H, W, C)."""
        n, height, width, channels = input_shape
        return n, self._outputs(height, 0), self._outputs(width, 1), channels

    def _outputs(self, size: int, axis: int) -> int:
        stride, padding = self.stride[axis], self.padding[axis]
        room = size + 2 * padding - self.dilation[axis] * (self.kernel[axis] - 1) - 1
        if not self.ceil_mode:
            return room // stride + 1
        outputs = -(-room // stride) + 1
        return outputs - ((outputs - 1) * stride >= size + padding)


@dataclass(frozen=True)
class AvgPool2d(Preserving):
    """Mean over a window; padding counts as zeros and is included in the divisor.

    Adaptive and global average pools are represented with the kernel that their input size gives.

    Parameters
    ----------
    kernel, stride, padding : (vertical, horizontal)
    own_output : Quantization, optional
        Of the output, where it is not the input's: the other runtimes' pools.
    """

    op: ClassVar[str] = "avg_pool2d"
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    own_output: Quantization | None = None

    @property
    def output(self) -> Quantization:
        """Quantization of the output."""
        return self.own_output or self.input

    def output_shape(self, input_shape: Shape) -> tuple[int, int, int, int]:
        """Shape (N, OH, OW, C) of the output for an input of shape (N, H, W, C)."""
        n, height, width, channels = input_shape
        oh = (height + 2 * self.padding[0] - self.kernel[0]) // self.stride[0] + 1
        ow = (width + 2 * self.padding[1] - self.kernel[1]) // self.stride[1] + 1
        return n, oh, ow, channels


@dataclass(frozen=True)
class Clamp(Preserving):
    """Codes clamped to low..high: ReLU, ReLU6, hardtanh and clamp.

    Parameters
    ----------
    low, high : int
        Codes, 0 <= low <= high <= 255.
    """

    op: ClassVar[str] = "clamp"
    low: int = 0
    high: int = 255

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the output, equal to the input's."""
        return input_shape


@dataclass(frozen=True)
class Flatten(Preserving):
    """Reshape to one row per image, in the order row, column, channel, without moving data.

    PyTorch's order is channel, row, column; the columns of a linear layer after a flatten are
    reordered to match.
    """

    op: ClassVar[str] = "flatten"

    def output_shape(self, input_shape: Shape) -> tuple[int, int]:
        """Shape (N, K) of the output for an input of shape (N, ...)."""
        return input_shape[0], prod(input_shape[1:])


Operation = (
    Conv2d
    | Linear
    | Add
    | Mul
    | MaxPool2d
    | AvgPool2d
    | Clamp
    | Flatten
    | Concat
    | Lookup
    | Host
    | Relabel
    | Upsample
    | Slice
    | Shuffle
    | Softmax
    | LayerNorm
    | TensorProduct
    | Tokens
    | AddConstant
    | Rearrange
)


@dataclass(frozen=True)
class Tensor:
    """Static properties of a tensor.

    Parameters
    ----------
    name : str
        Name of the operation that produces it.
    shape : tuple of int
        (N, H, W, C) or (N, K); one byte per element.
    quantization : Quantization
    """

    name: str
    shape: Shape
    quantization: Quantization


@dataclass(frozen=True, eq=False)
class Node:
    """An operation with the names of its input tensors and of its output tensor.

    Parameters
    ----------
    operation : Operation
    inputs : tuple of str
    output : str
        Empty for the operation's name; where a clamp or a table is fused, its name.
    table : Lookup, optional
        Applied to the operation's codes, set where `fuse.fuse_lookups` fused it.
    """

    operation: Operation
    inputs: tuple[str, ...]
    output: str = ""
    table: Lookup | None = None

    @property
    def name(self) -> str:
        """Name of the output tensor."""
        return self.output or self.operation.name

    @property
    def quantization(self) -> Quantization:
        """Quantization of the output tensor."""
        return (self.table or self.operation).output


@dataclass(frozen=True, eq=False)
class Network:
    """A quantized network, from image codes to logit codes.

    `verify.verify` defines which networks are legal.

    Parameters
    ----------
    name : str
    input : Tensor
        The quantized image, e.g. ``resnet18.input`` of shape (1, 224, 224, 3), or the first of
        several inputs.
    nodes : tuple of Node
        In execution order; each reads inputs or outputs of earlier nodes.
    output : str
        Name of the tensor of logits, or of the first result.
    other_outputs : tuple of str
        Names of further results.
    other_inputs : tuple of Tensor
        Further inputs, of the same number of images.
    """

    name: str
    input: Tensor
    nodes: tuple[Node, ...]
    output: str
    other_outputs: tuple[str, ...] = ()
    other_inputs: tuple[Tensor, ...] = ()

    @property
    def sources(self) -> tuple[Tensor, ...]:
        """All inputs, in the order in which the network takes them."""
        return (self.input, *self.other_inputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of all results."""
        return (self.output, *self.other_outputs)

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name, the inputs first, then in execution order."""
        tensors = {source.name: source for source in self.sources}
        for node in self.nodes:
            shapes = [tensors[name].shape for name in node.inputs]
            shape = node.operation.output_shape(*shapes)
            tensors[node.name] = Tensor(node.name, shape, node.quantization)
        return tensors
