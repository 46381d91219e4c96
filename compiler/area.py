"""The memory area of a tensor: rows of bytes at a constant pitch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Area"]


@dataclass(frozen=True)
class Area:
    """Rows of bytes in memory; an input of a concatenation has gaps between its rows.

    Parameters
    ----------
    name : str
        Name of the tensor.
    base : int
        Byte offset of the first row.
    rows, row_bytes : int
    pitch : int
        Bytes from one row to the next, at least `row_bytes`.
    together : int
        Areas from this one on that are written at the same time, 1 for one after the other. Of
        a group's areas, the first one's counts.
    """

    name: str
    base: int
    rows: int
    row_bytes: int
    pitch: int
    together: int = 1

    @property
    def size(self) -> int:
        """Bytes in all rows, gaps excluded."""
        return self.rows * self.row_bytes

    @property
    def end(self) -> int:
        """Offset one past the last byte of the last row."""
        return self.base + (self.rows - 1) * self.pitch + self.row_bytes

    def view(self, memory: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the rows as a writable view of memory, shape (rows, row_bytes)."""
        return np.lib.stride_tricks.as_strided(
            memory[self.base : self.end], (self.rows, self.row_bytes), (self.pitch, 1)
        )
