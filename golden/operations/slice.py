"""A part of a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .preserving import Preserving

__all__ = ["Slice", "Span"]

Span = tuple[int, int, int]  # first element, number of elements, step


@dataclass(frozen=True)
class Slice(Preserving):
    """A range of rows, columns or channels, as slices, split, chunk and narrow take them.

    Parameters
    ----------
    spans : tuple of Span or None
        For each dimension but the images: first element, number of elements and step; None for
        a whole dimension. The step of channels is 1.
    """

    op: ClassVar[str] = "slice"
    spans: tuple[Span | None, ...]

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the output for an input of shape (N, H, W, C) or (N, K)."""
        sizes = zip(self.spans, input_shape[1:], strict=True)
        return input_shape[0], *(size if span is None else span[1] for span, size in sizes)

    @property
    def channel(self) -> int:
        """First channel."""
        span = self.spans[-1]
        return 0 if span is None else span[0]
