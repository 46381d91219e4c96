"""Tokens in another order: windows, cyclic shifts and patch merging, by addresses alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from .preserving import Preserving

__all__ = ["Rearrange"]

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Rearrange(Preserving):
    """Pixels of an image, or tokens, taken from given places; nothing is computed.

    Parameters
    ----------
    places : ndarray of shape (H, W, P), integers
        For each pixel of the output the P pixels of the input, counted row by row, whose channels
        it has one behind the other. A place may be taken more than once, or not at all.
    """

    op: ClassVar[str] = "rearrange"
    places: npt.NDArray[np.int64]

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape (N, H, W, P * C) of the output for an input of shape (N, h, w, C)."""
        if len(input_shape) != 4:
            raise ValueError(f"{self.name}: input must have shape (N, H, W, C), got {input_shape}")
        pixels, last = prod(input_shape[1:3]), int(self.places.max(initial=0))
        if last >= pixels:
            raise ValueError(
                f"{self.name}: places must be below {pixels}, the pixels of an image of shape "
                f"{input_shape[1:]}, got {last}"
            )
        height, width, parts = self.places.shape
        return input_shape[0], height, width, parts * input_shape[3]
