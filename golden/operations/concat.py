"""Concatenation of tensors along their channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..quantization import Quantization

__all__ = ["Concat"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Concat:
    """Concatenation along the channels, the last dimension.

    Parameters
    ----------
    name : str
        The enclosing module's path, then ``cat``, e.g. ``squeezenet1_1.features.3.cat``.
    inputs : tuple of Quantization
        An input whose quantization differs from the output's is requantized.
    output : Quantization
    """

    op: ClassVar[str] = "cat"
    name: str
    inputs: tuple[Quantization, ...]
    output: Quantization

    def output_shape(self, *input_shapes: Shape) -> Shape:
        """Shape of the output; its channels are the sum of the inputs'."""
        head = input_shapes[0][:-1]
        if any(shape[:-1] != head for shape in input_shapes):
            got = ", ".join(map(str, input_shapes))
            raise ValueError(f"{self.name}: inputs must have one shape but for channels, got {got}")
        return *head, sum(shape[-1] for shape in input_shapes)
