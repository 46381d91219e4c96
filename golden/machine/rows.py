"""Instructions on rows in the instruction-level machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.isa import Instruction, Unit
from ...spec.registers import ErrorCode
from ..control.tokens import Clock
from ..row.row_unit import RowUnit
from .state import Fault, Scratchpads, Unchecked

__all__ = ["Rows"]

_ADDRESSES = 1 << 24  # row addresses wrap in hardware


class Rows:
    """Executes SETUP_ROW, ROW_TABLE and ROWS on the output scratchpad.

    Parameters
    ----------
    scratchpads : Scratchpads
    """

    def __init__(self, scratchpads: Scratchpads) -> None:
        self._pads = scratchpads
        self._unit = RowUnit()

    def setup(self, instruction: Instruction) -> None:
        """Execute SETUP_ROW."""
        self._unit.setup(instruction)

    def table(self, instruction: Instruction, clock: Clock) -> None:
        """Execute ROW_TABLE.

        Raises
        ------
        Fault
            If the table exceeds the scratchpad, or has bytes that nobody wrote.
        ValueError
            If it is no table of the function, or no token orders the access.
        """
        length = instruction["entries"] * self._unit.entry_bytes
        where = self._index(instruction["buffer"], 0, 1, length)
        self._read(clock, where)
        self._unit.load(self._pads.output[where[0]])

    def run(self, instruction: Instruction, clock: Clock) -> None:
        """Execute ROWS.

        Raises
        ------
        Fault
            If a row exceeds the scratchpad, has bytes that nobody wrote, or overlaps another.
        ValueError
            If the function cannot be computed, or no token orders the access.
        """
        fields = (instruction[name] for name in ("buffer", "buffer_pitch", "rows", "elements"))
        where = self._index(*fields)
        if np.unique(where).size < where.size:
            raise Unchecked(ErrorCode.ILLEGAL_INSTRUCTION, "rows must not overlap")
        self._read(clock, where)
        self._pads.output_order.access(Unit.STORE, clock, where.reshape(-1), write=True)
        self._pads.output[where] = self._unit.run(self._pads.output[where])

    def _index(self, buffer: int, pitch: int, rows: int, length: int) -> npt.NDArray[np.int64]:
        """Addresses of rows, shape (rows, length), checked against the scratchpad's size."""
        starts = (buffer + np.arange(rows) * pitch) % _ADDRESSES
        size = self._pads.output.size
        beyond = starts + length > size
        if beyond.any():
            last = starts[beyond][0] + length - 1
            raise Fault(ErrorCode.SCRATCHPAD_RANGE, f"output address {last} is beyond {size - 1}")
        return starts[:, None] + np.arange(length)

    def _read(self, clock: Clock, where: npt.NDArray[np.int64]) -> None:
        self._pads.output_order.access(Unit.STORE, clock, where.reshape(-1), write=False)
        if not self._pads.output_written[where].all():
            raise Unchecked(ErrorCode.SCRATCHPAD_RANGE, "reads rows that nobody computed")
