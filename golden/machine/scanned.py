"""What the array keeps of the cells that it scanned last, for windows that reach back to them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.isa import WINDOW
from ...spec.parameters import Parameters

__all__ = ["Scanned"]

Cells = npt.NDArray[np.float32]

_KEPT = WINDOW - 1  # lines


class Scanned:
    """Lines of cells in the order of their scan; NaN stands for cells that are not known.

    Parameters
    ----------
    parameters : Parameters
    """

    def __init__(self, parameters: Parameters) -> None:
        shape = _KEPT, parameters.line_cells, parameters.cols
        self._kept = np.full(shape, np.nan, np.float32)
        self._pass = self._kept

    def forget(self) -> None:
        """Keep nothing."""
        self._kept[:] = np.nan

    def scan(self, cells: Cells) -> None:
        """Scan the lines of a pass.

        Parameters
        ----------
        cells : ndarray of shape (lines, cells, columns), float32
            At most as many columns as the array has; what the others scan is not known.
        """
        lines, width, columns = cells.shape
        whole = np.full((lines, width, self._kept.shape[2]), np.nan, np.float32)
        whole[..., :columns] = cells
        self._pass = np.concatenate([self._kept[:, :width], whole])
        self._kept[:, :width] = self._pass[-_KEPT:]

    def before(
        self, lines: npt.NDArray[np.int64], cells: npt.NDArray[np.int64], back: tuple[int, int]
    ) -> Cells:
        """Cells some lines above and some cells before those of the last pass.

        Before a line's first cell come the last ones of the line before.

        Parameters
        ----------
        lines, cells : ndarray of shape (height,) and (width,), int64
            Lines of the last pass, and cells in them.
        back : (int, int)
            Lines above, 0 or more, and cells before, 0 to the cells of a line.

        Returns
        -------
        ndarray of shape (height, width, columns), float32
            NaN where it is not known.

        Examples
        --------
        >>> scanned = Scanned(Parameters(cols=2))
        >>> scanned.scan(np.float32([[[1], [2]], [[3], [4]]]))
        >>> found = scanned.before(np.array([1]), np.array([0, 1]), (0, 1))
        >>> found[..., 0].tolist()
        [[2.0, 3.0]]
        """
        index = cells[None, :] - back[1]
        wraps = index < 0
        line = lines[:, None] - back[0] - wraps
        # Other cycles may lie between two passes.
        known = (line >= -_KEPT) & ~(wraps & (lines[:, None] == 0))
        line, index = np.broadcast_arrays(np.maximum(line + _KEPT, 0), index % self._pass.shape[1])
        return np.where(known[..., None], self._pass[line, index], np.float32(np.nan))
