"""Golden model of the load unit: LOAD, FILL and WEIGHT."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.isa import Instruction, Opcode

__all__ = ["loader"]

Bytes = npt.NDArray[np.uint8]


def loader(instruction: Instruction, memory: Bytes, scratchpad: Bytes) -> Bytes:
    """Copy rows from memory into a scratchpad, or fill them with one value.

    Parameters
    ----------
    instruction : Instruction
        LOAD, FILL or WEIGHT.
    memory : ndarray of shape (bytes,), uint8
    scratchpad : ndarray of shape (size,), uint8
        Not modified; WEIGHT wraps at its end.

    Returns
    -------
    ndarray of shape (size,), uint8

    Raises
    ------
    IndexError
        If a row exceeds memory, or a scratchpad that does not wrap.
    """
    result = scratchpad.copy()
    columns = np.arange(instruction["row_bytes"])
    for row in range(instruction["rows"]):
        target = instruction["buffer"] + row * instruction["buffer_pitch"] + columns
        if instruction.opcode == Opcode.WEIGHT:
            target %= scratchpad.size
        if instruction.opcode == Opcode.FILL:
            result[target] = instruction["value"] & 0xFF
        else:
            source = instruction["memory"] + row * instruction["memory_pitch"]
            result[target] = memory[source + columns]
    return result
