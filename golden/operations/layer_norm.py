"""Layer norm over the last dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..quantization import Quantization

__all__ = ["LayerNorm"]


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """Layer norm of each row: of the channels of a pixel or token, of a vector.

    Parameters
    ----------
    name : str
    gamma, beta : ndarray of shape (N,), float32
        Factor and addend of each element of a row.
    eps : float
    input, output : Quantization
    """

    op: ClassVar[str] = "layer_norm"
    name: str
    gamma: npt.NDArray[np.float32]
    beta: npt.NDArray[np.float32]
    eps: float
    input: Quantization
    output: Quantization

    @property
    def inputs(self) -> tuple[Quantization]:
        """Expected quantization of each input."""
        return (self.input,)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the output, equal to the input's."""
        if input_shape[-1:] != self.gamma.shape:
            raise ValueError(
                f"{self.name}: rows must have {len(self.gamma)} elements, got shape {input_shape}"
            )
        return input_shape
