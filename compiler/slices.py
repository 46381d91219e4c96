"""Slices: of channels without moving a byte, of rows and columns as a scan of single cells."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..golden.graph import Slice
from ..spec.isa import Mode
from ..spec.parameters import Parameters
from .builder import Builder, View
from .window import WindowPlan, window_plan
from .window_stream import Window

__all__ = ["SlicePlan", "slice_plan"]


@dataclass(frozen=True, eq=False)
class SlicePlan:
    """A scan that reads some channels of its input.

    Parameters
    ----------
    operation : Slice
    scan : WindowPlan
        Of a tensor with these channels only.
    """

    operation: Slice
    scan: WindowPlan

    @property
    def stream(self) -> npt.NDArray[np.uint8]:
        """No weights."""
        return self.scan.stream

    @property
    def estimate(self) -> int:
        """Estimated cycles."""
        return self.scan.estimate

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append the operation's drafts."""
        (source,) = sources
        part = replace(
            source, base=source.base + self.operation.channel, channels=self.scan.tiling.shape[3]
        )
        self.scan.emit(builder, (part,), weights, target)


def slice_plan(operation: Slice, shape: tuple[int, ...], parameters: Parameters) -> SlicePlan:
    """Tile a slice of rows or columns, and perhaps of channels.

    Parameters
    ----------
    operation : Slice
        Of an image; slices of channels alone need no drafts.
    shape : (images, height, width, channels)
        Of the input.
    parameters : Parameters

    Raises
    ------
    ValueError
        If a step is larger than the largest stride.
    """
    images, height, width, channels = shape
    spans = operation.spans
    rows, columns = spans[0] or (0, height, 1), spans[1] or (0, width, 1)
    window = Window(
        *(Mode.MAX, (1, 1)),
        (rows[2] if rows[1] > 1 else 1, columns[2] if columns[1] > 1 else 1),
        (-rows[0], -columns[0]),
        (rows[1], columns[1]),
        *(-128, 0, -128, 127),
    )
    size = images, height, width, spans[2][1] if spans[2] else channels
    return SlicePlan(operation, window_plan(window, size, None, parameters))
