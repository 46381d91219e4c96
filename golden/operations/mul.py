"""The product of two tensors."""

from __future__ import annotations

from dataclasses import dataclass

from ..quantization import Quantization

__all__ = ["Mul"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Mul:
    """Elementwise product of two tensors, with optional fused ReLU.

    The second tensor may have one value per image and channel, shape (N, 1, 1, C), which multiplies
    every pixel of the first: the gate of a squeeze-and-excitation block.

    Parameters
    ----------
    name : str
        The enclosing module's path, then ``mul``.
    inputs : (Quantization, Quantization)
    output : Quantization
    relu : bool
    """

    name: str
    inputs: tuple[Quantization, Quantization]
    output: Quantization
    relu: bool = False

    @property
    def op(self) -> str:
        """Name of the operator in reports."""
        return "mul_relu" if self.relu else "mul"

    @property
    def zero_points(self) -> tuple[int, int, int]:
        """What is taken off each input code, and added to the rounded product."""
        a, b = self.inputs
        return a.zero_point, b.zero_point, self.output.zero_point

    def output_shape(self, a: Shape, b: Shape) -> Shape:
        """Shape of the product, equal to the first input's."""
        if b != a and (len(a) != 4 or b != (a[0], 1, 1, a[-1])):
            raise ValueError(
                f"{self.name}: inputs must have one shape, or the second one value per channel, "
                f"got {a} and {b}"
            )
        return a
