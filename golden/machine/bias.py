"""Biases and multipliers of the columns in the instruction-level machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.isa import Instruction, Mode
from ...spec.parameters import Parameters
from ...spec.registers import ErrorCode
from .state import Unchecked

__all__ = ["Biases"]


class Biases:
    """What a tile's sums start from, and what scales them, by column.

    Attributes
    ----------
    multiplier : ndarray of shape (cols,), float32
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._bias = np.zeros(parameters.cols, np.int64)
        self.multiplier = np.ones(parameters.cols, np.float32)
        self._known = 0  # columns with a bias

    def open(self, compute: Instruction, header: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Return the bias of a COMPUTE with `first`, shape (columns,).

        Parameters
        ----------
        compute : Instruction
        header : ndarray of shape (PARAMETER_ROWS or 0, columns), uint8
            Its parameters; none with `kept`.

        Raises
        ------
        Unchecked
            If the hardware ignores `kept`, or no bias has been kept in each of the columns.
        """
        columns = compute["columns"]
        if not compute["kept"]:
            values = np.ascontiguousarray(header.T)
            self._bias[:columns] = values[:, :4].copy().view("<i4")[:, 0]
            self.multiplier[:columns] = values[:, 4:].copy().view("<f4")[:, 0]
            self._known = columns
            return self._bias[:columns]
        self._check_hardware("kept")
        if columns > self._known:
            raise Unchecked(
                ErrorCode.ILLEGAL_INSTRUCTION,
                f"kept must follow a bias of {columns} columns, got one of {self._known}",
            )
        return self._bias[:columns]

    def keep(self, compute: Instruction, mode: Mode, sums: npt.NDArray[np.int64]) -> None:
        """Take over a COMPUTE's sums, shape (pixels, columns), if it has `keep`.

        Raises
        ------
        Unchecked
            If the hardware ignores `keep`, the mode is not DENSE, or there are several pixels: the
            bias may be in use then.
        """
        times = compute["keep"]
        if not times:
            return
        self._check_hardware("keep")
        if mode != Mode.DENSE or len(sums) != 1:
            raise Unchecked(
                ErrorCode.ILLEGAL_INSTRUCTION,
                f"keep must be 0 but for one pixel in mode DENSE, got {times} for {len(sums)} in "
                f"{mode.name}",
            )
        self._bias[: sums.shape[1]] = (sums[0] * times).astype(np.int32)

    def _check_hardware(self, field: str) -> None:
        if not self._parameters.gather:
            raise Unchecked(
                ErrorCode.ILLEGAL_INSTRUCTION,
                f"{field} must be 0 on hardware without gather",
            )
