"""What stands around a transformer's blocks: tokens of an image, sums with constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..quantization import Quantization
from .preserving import Preserving

__all__ = ["AddConstant", "Tokens"]

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Tokens(Preserving):
    """An image's pixels as tokens, behind constant ones such as a class token.

    Parameters
    ----------
    first : ndarray of shape (K, C), uint8
        Codes of the constant tokens; K may be 0.
    """

    op: ClassVar[str] = "tokens"
    first: npt.NDArray[np.uint8]

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape (N, 1, K + H * W, C) of the output for an input of shape (N, H, W, C)."""
        if len(input_shape) != 4 or self.first.shape[1:] != input_shape[3:]:
            raise ValueError(
                f"{self.name}: input must have shape (N, H, W, {self.first.shape[-1]}), "
                f"got {input_shape}"
            )
        n, height, width, channels = input_shape
        return n, 1, len(self.first) + height * width, channels


@dataclass(frozen=True, eq=False)
class AddConstant:
    """Sum of a tensor and a constant one: a position embedding, biases of an attention.

    Parameters
    ----------
    name : str
    constant : ndarray of shape (1, K, W, C), uint8
        Added to each K rows of each image: K divides the tensor's rows.
    input, constant_quantization, output : Quantization
        Of the tensor, of the constant, and of the sum.
    """

    op: ClassVar[str] = "add_constant"
    name: str
    constant: npt.NDArray[np.uint8]
    input: Quantization
    constant_quantization: Quantization
    output: Quantization

    @property
    def inputs(self) -> tuple[Quantization]:
        """Expected quantization of each input."""
        return (self.input,)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the output, equal to the input's."""
        rows, *rest = self.constant.shape[1:]
        if len(input_shape) != 4 or input_shape[1] % rows or input_shape[2:] != tuple(rest):
            raise ValueError(
                f"{self.name}: input must have shape (N, i * {rows}, "
                f"{', '.join(map(str, rest))}), got {input_shape}"
            )
        return input_shape
