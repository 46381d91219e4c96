"""Codes that stay as they are and stand for other values."""

from __future__ import annotations

from dataclasses import dataclass

from ..quantization import Quantization

__all__ = ["Relabel"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Relabel:
    """A tensor times or plus a number: PyTorch changes its scale or zero point, and no code.

    Parameters
    ----------
    name : str
        The enclosing module's path, then ``mul`` or ``add``.
    input, output : Quantization
    op : str
        Name of the operator in reports: ``mul_scalar`` or ``add_scalar``.
    """

    name: str
    input: Quantization
    output: Quantization
    op: str

    @property
    def inputs(self) -> tuple[Quantization]:
        """Expected quantization of each input."""
        return (self.input,)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the output, equal to the input's."""
        return input_shape
