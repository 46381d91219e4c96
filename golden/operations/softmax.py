"""Softmax over the last dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..quantization import Quantization

__all__ = ["PROBABILITIES", "Softmax"]

#: Quantization of every softmax: PyTorch's kernel has no other.
PROBABILITIES = Quantization(1 / 256, 0)


@dataclass(frozen=True)
class Softmax:
    """Softmax of each row: of the channels of a pixel, of a vector.

    Parameters
    ----------
    name : str
    input : Quantization
        Its zero point is of no consequence.
    classes : int
        Elements of a row.
    """

    op: ClassVar[str] = "softmax"
    output: ClassVar[Quantization] = PROBABILITIES
    name: str
    input: Quantization
    classes: int

    @property
    def inputs(self) -> tuple[Quantization]:
        """Expected quantization of each input."""
        return (self.input,)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the output, equal to the input's."""
        if input_shape[-1:] != (self.classes,):
            raise ValueError(
                f"{self.name}: rows must have {self.classes} elements, got shape {input_shape}"
            )
        return input_shape
