"""Golden model of the tile gatherer: weight tiles made of a tensor's bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.isa import Instruction
from ...spec.parameters import Parameters

__all__ = ["tile_gatherer"]

Bytes = npt.NDArray[np.uint8]


def tile_gatherer(instruction: Instruction, memory: Bytes, parameters: Parameters) -> Bytes:
    """Return the weight tiles of a GATHER.

    Parameters
    ----------
    instruction : Instruction
    memory : ndarray of shape (bytes,), uint8
    parameters : Parameters
        Uses `rows` and `weight_row_bytes`.

    Returns
    -------
    ndarray of shape (tiles, rows, weight_row_bytes), uint8
        0 where the tensor's part does not reach.

    Raises
    ------
    IndexError
        If a row exceeds memory.

    Examples
    --------
    >>> from ...spec.isa import Opcode
    >>> fields = {"memory": 1, "memory_pitch": 4, "rows": 2, "row_bytes": 3, "tiles": 1}
    >>> fields |= {"tile_pitch": 0, "transposed": 1}
    >>> small = Parameters(rows=4, cols=2, axi_bytes=8, gather=True)
    >>> tile_gatherer(Instruction(Opcode.GATHER, fields), np.arange(8, dtype=np.uint8), small)
    array([[[1, 5],
            [2, 6],
            [3, 7],
            [0, 0]]], dtype=uint8)
    """
    p, get = parameters, instruction.fields
    found = np.zeros((get["tiles"], p.rows, p.weight_row_bytes), np.uint8)
    for number, tile in enumerate(found):
        starts = get["memory"] + number * get["tile_pitch"]
        starts = starts + np.arange(get["rows"]) * get["memory_pitch"]
        part = memory[starts[:, None] + np.arange(get["row_bytes"])]
        part = (part.T if get["transposed"] else part)[: p.rows, : p.weight_row_bytes]
        tile[: part.shape[0], : part.shape[1]] = part
    return found
