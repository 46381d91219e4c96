"""Nearest upsampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .preserving import Preserving

__all__ = ["Upsample"]


@dataclass(frozen=True)
class Upsample(Preserving):
    """Each pixel repeated, as nearest upsampling by integer factors does.

    Parameters
    ----------
    factors : (vertical, horizontal)
    """

    op: ClassVar[str] = "upsample"
    factors: tuple[int, int]

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Shape (N, OH, OW, C) of the output for an input of shape (N, H, W, C)."""
        n, height, width, channels = input_shape
        return n, height * self.factors[0], width * self.factors[1], channels
