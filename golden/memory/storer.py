"""What STORE and RECORD write to memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.isa import Instruction

__all__ = ["storer"]

Bytes = npt.NDArray[np.uint8]


def storer(instruction: Instruction, scratchpad: Bytes, memory: Bytes) -> Bytes:
    """Copy rows from a scratchpad to memory.

    Parameters
    ----------
    instruction : Instruction
        STORE, or RECORD.
    scratchpad : ndarray of shape (size,), uint8
        For a RECORD, the bytes that `recorder` gives.
    memory : ndarray of shape (bytes,), uint8
        Left as it is.

    Returns
    -------
    ndarray of shape (bytes,), uint8

    Raises
    ------
    IndexError
        If a row reaches beyond the scratchpad or beyond memory.
    """
    result = memory.copy()
    columns = np.arange(instruction["row_bytes"])
    for row in range(instruction["rows"]):
        source = instruction["buffer"] + row * instruction["buffer_pitch"]
        target = instruction["memory"] + row * instruction["memory_pitch"]
        result[target + columns] = scratchpad[source + columns]
    return result
