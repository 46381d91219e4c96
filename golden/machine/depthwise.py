"""A depthwise pass of the instruction-level machine: windows of cells times weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...spec.isa import WINDOW, Instruction
from ...spec.parameters import Parameters
from ...spec.registers import ErrorCode
from ..feed.cell_walker import scan, window_of
from .scanned import Scanned
from .state import UNLOADED, Unchecked, Walk

__all__ = ["DepthwisePasses"]

Cells = npt.NDArray[np.float32]
# Cells from an address on, (down, across) bytes apart; of a tile's pixels, or of a shape
Read = Callable[..., Cells]


class DepthwisePasses:
    """Executes passes in mode DEPTHWISE, and knows the cells that the ones before have scanned.

    Parameters
    ----------
    parameters : Parameters
    """

    def __init__(self, parameters: Parameters) -> None:
        self._full = parameters.window_width
        self._scanned = Scanned(parameters)

    def forget(self) -> None:
        """Cells are scanned in another mode."""
        self._scanned.forget()

    def run(
        self, instruction: Instruction, walk: Walk, origin: int, weights: Cells, read: Read
    ) -> tuple[Cells, npt.NDArray[np.bool_]]:
        """Sum up the products of a pass.

        Parameters
        ----------
        instruction : Instruction
            COMPUTE.
        walk : Walk
        origin : int
            Address of the first cell.
        weights : ndarray of shape (rows, columns), float32
        read : callable
            Reads `columns` bytes a cell from an address on, at steps (down, across): of the tile's
            pixels, or of a shape. NaN is an unwritten byte.

        Returns
        -------
        ndarray of shape (pixels, columns), float32
        ndarray of shape (pixels,), bool
            Pixels with a factor that no pass has scanned.
        """
        setup, pixels = walk.setup, instruction["height"] * instruction["width"]
        above, left = WINDOW - window_of(setup)[0], self._full - window_of(setup)[1]
        places = [divmod(int(row), self._full) for row in np.flatnonzero(weights.any(axis=1))]
        walk.reaches_back |= any(line < above or cell < left for line, cell in places)
        if walk.reaches_back:
            steps = setup["step_y"], setup["step_x"]
            self._scanned.scan(read(origin, steps, scan(setup, instruction)))
        else:
            self._scanned.forget()
        total = np.zeros((pixels, instruction["columns"]), np.float32)
        unknown = np.zeros(pixels, bool)
        for line, cell in places:
            row = line * self._full + cell
            if line >= WINDOW:
                raise Unchecked(
                    ErrorCode.ILLEGAL_INSTRUCTION, f"weight row {row} must be 0 in mode DEPTHWISE"
                )
            place = line - above, cell - left
            cells = self._cells(instruction, setup, origin, place, read).reshape(total.shape)
            missing = np.isnan(cells)
            if missing.any():
                used = missing & (weights[row] != 0)
                if used.any() and min(place) >= 0:
                    raise Unchecked(ErrorCode.SCRATCHPAD_RANGE, UNLOADED)
                unknown |= used.any(axis=1)
                cells = np.where(missing, np.float32(0), cells)
            total += cells * weights[row]
        return total, unknown

    def _cells(
        self,
        instruction: Instruction,
        setup: Instruction,
        origin: int,
        place: tuple[int, int],
        read: Read,
    ) -> Cells:
        """One cell of each pixel's window, or one before it: shape (height, width, columns)."""
        (line, cell), (high, wide) = place, window_of(setup)
        down, across = setup["stride_y"], setup["stride_x"]
        if min(place) >= 0:
            first = origin + line * setup["step_y"] + cell * setup["step_x"]
            return read(first, (down * setup["step_y"], across * setup["step_x"]))
        lines = np.arange(instruction["height"]) * down + high - 1
        cells = np.arange(instruction["width"]) * across + wide - 1
        found = self._scanned.before(lines, cells, (high - 1 - line, wide - 1 - cell))
        return found[..., : instruction["columns"]]
