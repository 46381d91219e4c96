"""Windows of cells out of lines that are shown cell by cell, as the array sees them."""

from __future__ import annotations

import numpy as np

from maccord.golden.array.systolic_array import systolic_array, systolic_windows
from maccord.spec.parameters import WINDOW


def windows(lines: np.ndarray, newest: np.ndarray, width: int = WINDOW) -> np.ndarray:
    """Cut out the windows whose newest cells are shown in the given cycles.

    Parameters
    ----------
    lines : ndarray of shape (cycles, WINDOW, cols), int8
        A cell of each line in every cycle.
    newest : ndarray of shape (vectors,), int
        Cycles.
    width : int
        Cells in a line of a window.

    Returns
    -------
    ndarray of shape (vectors, WINDOW * width, cols), int8
    """
    cells = np.stack([lines[newest - age] for age in reversed(range(width))], axis=2)
    return cells.reshape(len(newest), WINDOW * width, -1)


def window_sums(
    lines: np.ndarray,
    cycles: np.ndarray,
    activation: np.ndarray,
    weight: np.ndarray,
    width: int = WINDOW,
) -> np.ndarray:
    """Partial sums of the vectors of the given cycles, when the array works on windows.

    Parameters
    ----------
    lines : ndarray of shape (cycles, WINDOW, cols), int8
    cycles : ndarray of shape (vectors,), int
    activation : ndarray of shape (vectors, rows), int8
        What the rows below the windows see.
    weight : ndarray of shape (rows, cols), int8
    width : int
        Cells in a line of a window.

    Returns
    -------
    ndarray of shape (vectors, cols), int32
    """
    size = WINDOW * width
    sums = systolic_windows(windows(lines, cycles + 2, width), weight[:size])
    return sums + systolic_array(activation[:, size:], weight[size:])
