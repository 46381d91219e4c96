"""Golden model of the store unit: STORE and RECORD."""

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
        For a RECORD, the bytes returned by `recorder`.
    memory : ndarray of shape (bytes,), uint8
        Not modified.

    Returns
    -------
    ndarray of shape (bytes,), uint8

    Raises
    ------
    IndexError
        If a row exceeds the scratchpad or memory.
    """
    result = memory.copy()
    columns = np.arange(instruction["row_bytes"])
    for row in range(instruction["rows"]):
        source = instruction["buffer"] + row * instruction["buffer_pitch"]
        target = instruction["memory"] + row * instruction["memory_pitch"]
        result[target + columns] = scratchpad[source + columns]
    return result
