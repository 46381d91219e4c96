"""Base of operations whose output has the input's scale and zero point."""

from __future__ import annotations

from dataclasses import dataclass

from ..quantization import Quantization

__all__ = ["Preserving"]


@dataclass(frozen=True)
class Preserving:
    """An operation on one tensor whose output has the input's quantization.

    Parameters
    ----------
    name : str
    input : Quantization
        Quantization of the input and the output.
    """

    name: str
    input: Quantization

    @property
    def inputs(self) -> tuple[Quantization]:
        """Expected quantization of each input."""
        return (self.input,)

    @property
    def output(self) -> Quantization:
        """Quantization of the output, equal to the input's."""
        return self.input
