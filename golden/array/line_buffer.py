"""Golden model of the line buffer: each cell with the cells above it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.parameters import WINDOW

__all__ = ["line_buffer"]


def line_buffer(cells: npt.NDArray[np.int8]) -> np.ma.MaskedArray:
    """Combine each cell with the cells of the same index in the previous lines.

    Parameters
    ----------
    cells : ndarray of shape (lines, width, channels), int8
        Codes minus 128, in scan order.

    Returns
    -------
    masked array of shape (lines, width, WINDOW, channels), int8
        The third dimension runs from the oldest line to the cell's own. Lines before the first
        are masked: the hardware outputs undefined data for them.

    Raises
    ------
    TypeError
        If `cells` is not int8.
    ValueError
        If it has another shape.

    Examples
    --------
    >>> cells = np.array([[[1]], [[2]], [[3]], [[4]]], np.int8)
    >>> line_buffer(cells)[1:, 0, :, 0].tolist()
    [[None, 1, 2], [1, 2, 3], [2, 3, 4]]
    """
    if cells.dtype != np.int8:
        raise TypeError(f"cells must be int8, got {cells.dtype}")
    if cells.ndim != 3:
        raise ValueError(f"cells must have shape (lines, width, channels), got {cells.shape}")
    count, width, channels = cells.shape
    lines = np.ma.array(np.zeros((count, width, WINDOW, channels), np.int8), mask=True)
    for age in range(min(WINDOW, count)):
        lines[age:, :, WINDOW - 1 - age] = cells[: count - age]
    return lines
