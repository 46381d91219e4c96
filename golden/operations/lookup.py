"""A function of one code as a table: activations, scalar operands, changes of scale."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..quantization import Quantization

__all__ = ["CODES", "Lookup"]

CODES = np.arange(256, dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class Lookup:
    """Each output code is a table's entry at the input code.

    Parameters
    ----------
    name : str
        PyTorch's module path, e.g. ``net.features.0.act``.
    input, output : Quantization
    table : ndarray of shape (256,), uint8
        Output code of each input code.
    """

    op: ClassVar[str] = "lookup"
    name: str
    input: Quantization
    output: Quantization
    table: npt.NDArray[np.uint8]

    @property
    def inputs(self) -> tuple[Quantization]:
        """Expected quantization of each input."""
        return (self.input,)

    @cached_property
    def identity(self) -> bool:
        """Whether codes stay as they are: only scale and zero point change."""
        return np.array_equal(self.table, CODES)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the output, equal to the input's."""
        return input_shape
