"""The integer graph: layers of a quantized network as plain NumPy arrays.

Everything an engine needs to compute a layer bit for bit is here; nothing of PyTorch is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

__all__ = ["Conv2d", "Layer", "Linear", "Quantization"]


@dataclass(frozen=True)
class Quantization:
    """Per-tensor affine quint8 parameters: real value = scale * (code - zero_point).

    Parameters
    ----------
    scale : float
        Positive step between two codes.
    zero_point : int
        Code of the real value 0, in 0..255.
    """

    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"scale must be positive, got {self.scale}")
        if not 0 <= self.zero_point <= 255:
            raise ValueError(f"zero_point must be between 0 and 255, got {self.zero_point}")


@dataclass(frozen=True, eq=False)
class Conv2d:
    """A convolution with requantization, batch norm folded and ReLU fused.

    Parameters
    ----------
    name : str
        PyTorch's module path behind the network's name, e.g. ``resnet18.conv1``.
    weight : ndarray of shape (O, I / groups, kh, kw), int8
    bias : ndarray of shape (O,), float32
        As PyTorch holds it.
    bias_q : ndarray of shape (O,), int32
        In units of the accumulator (numerics.md section 1, step 2).
    weight_scale : ndarray of shape (O,), float64
    multiplier : ndarray of shape (O,), float32
        Accumulator to output code (numerics.md section 1, step 4); normal and positive.
    input, output : Quantization
    stride, padding, dilation : (vertical, horizontal)
    groups : int
    relu : bool
        Output codes are clamped from below at the output's zero point.
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

    @property
    def op(self) -> str:
        """Name of the operator as reports give it."""
        return "conv2d_relu" if self.relu else "conv2d"

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Shape (N, OH, OW, O) of the output for an input of shape (N, H, W, I)."""
        n, height, width, _ = input_shape
        kh, kw = self.weight.shape[2:]
        oh = (height + 2 * self.padding[0] - self.dilation[0] * (kh - 1) - 1) // self.stride[0] + 1
        ow = (width + 2 * self.padding[1] - self.dilation[1] * (kw - 1) - 1) // self.stride[1] + 1
        return n, oh, ow, self.weight.shape[0]

    def macs(self, input_shape: tuple[int, ...]) -> int:
        """Multiplications of the layer, padding included, for that input shape."""
        return prod(self.output_shape(input_shape)) * prod(self.weight.shape[1:])


@dataclass(frozen=True, eq=False)
class Linear:
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

    @property
    def op(self) -> str:
        """Name of the operator as reports give it."""
        return "linear_relu" if self.relu else "linear"

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, int]:
        """Shape (N, O) of the output for an input of shape (N, I)."""
        return input_shape[0], self.weight.shape[0]

    def macs(self, input_shape: tuple[int, ...]) -> int:
        """Multiplications of the layer for that input shape."""
        return input_shape[0] * self.weight.size


Layer = Conv2d | Linear
