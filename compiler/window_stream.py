"""Windowed operations, and the memory layout of a depthwise layer's weights."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from ..golden.graph import Conv2d
from ..golden.kernels.gemm import fold_bias
from ..spec.isa import PARAMETER_ROWS, WINDOW, Mode
from ..spec.parameters import Parameters

__all__ = ["Window", "window_stream"]


@dataclass(frozen=True)
class Window:
    """A windowed operation on one tensor.

    Parameters
    ----------
    mode : Mode
        DEPTHWISE or MAX.
    kernel, stride, padding : (vertical, horizontal)
    outputs : (vertical, horizontal)
        Number of windows; they may extend beyond the padded input.
    fill : int
        Value of cells outside the input, int8.
    zero_point, low, high : int
        Zero point and bounds of the output, int8.
    """

    mode: Mode
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    outputs: tuple[int, int]
    fill: int
    zero_point: int
    low: int
    high: int

    @property
    def scanned(self) -> tuple[int, int]:
        """Lines and cells of a pass's window."""
        return min(self.kernel[0], WINDOW), min(self.kernel[1], WINDOW)

    @property
    def parts(self) -> tuple[int, int]:
        """Passes: adjacent windows that make up the kernel."""
        return ceil(self.kernel[0] / WINDOW), ceil(self.kernel[1] / WINDOW)

    def cells(self, outputs: int, axis: int) -> int:
        """Cells read by neighbouring outputs."""
        return (outputs - 1) * self.stride[axis] + self.kernel[axis]

    def scan(self, outputs: int, axis: int) -> int:
        """Cells that a pass scans for neighbouring outputs."""
        return (outputs - 1) * self.stride[axis] + self.scanned[axis]


def window_stream(layer: Conv2d, parameters: Parameters) -> npt.NDArray[np.uint8]:
    """Weights and parameters of a depthwise convolution, column tile by column tile.

    Parameters
    ----------
    layer : Conv2d
        With weights of shape (C, 1, kh, kw).
    parameters : Parameters

    Returns
    -------
    ndarray of shape (column tiles, bytes), uint8
    """
    channels, _, kh, kw = layer.weight.shape
    cols, rows, pitch = parameters.cols, parameters.rows, parameters.weight_row_bytes
    parts = ceil(kh / WINDOW), ceil(kw / WINDOW)
    window = min(kh, WINDOW), min(kw, WINDOW)
    tiles = -(-channels // cols)
    used = (PARAMETER_ROWS + parts[0] * parts[1] * rows) * pitch
    data = np.zeros((tiles, -(-used // parameters.axi_bytes) * parameters.axi_bytes), np.uint8)
    block = data[:, :used].reshape(tiles, -1, pitch)

    def place(row: int | slice, values: npt.NDArray[np.uint8]) -> None:
        """Distribute per-channel values, shape (C,) or (rows, C), over the column tiles."""
        values = values.reshape(-1, channels)
        padded = np.zeros((len(values), tiles * cols), np.uint8)
        padded[:, :channels] = values
        block[:, row, :cols] = padded.reshape(-1, tiles, cols).transpose(1, 0, 2)

    folded = fold_bias(layer.weight, layer.bias_q, layer.input.zero_point)
    place(slice(0, 4), folded.astype("<i4").view(np.uint8).reshape(-1, 4).T)
    scale = layer.multiplier.astype("<f4").view(np.uint8).reshape(-1, 4).T
    place(slice(4, PARAMETER_ROWS), scale)
    for y in range(kh):
        for x in range(kw):
            part = y // WINDOW * parts[1] + x // WINDOW
            line, cell = WINDOW - window[0] + y % WINDOW, WINDOW - window[1] + x % WINDOW
            row = PARAMETER_ROWS + part * rows + line * WINDOW + cell
            place(slice(row, row + 1), layer.weight[:, 0, y, x].view(np.uint8))
    return data
