"""TABLE in the instruction-level machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.isa import TABLE_BYTES, Instruction, Unit
from ...spec.registers import ErrorCode
from ..control.tokens import Clock
from .state import Scratchpads, Unchecked

__all__ = ["read_table"]


def read_table(
    instruction: Instruction, clock: Clock, scratchpads: Scratchpads
) -> npt.NDArray[np.uint8]:
    """Return the table that TABLE reads, shape (TABLE_BYTES,), uint8.

    Raises
    ------
    Unchecked
        If the table runs past the scratchpad's end, or was never loaded.
    ValueError
        If no token orders the access after a conflicting one of another unit.
    """
    start = instruction["activation"]
    end, size = start + TABLE_BYTES, scratchpads.activation.size
    if end > size:
        raise Unchecked(ErrorCode.SCRATCHPAD_RANGE, f"table address {end - 1} is beyond {size - 1}")
    scratchpads.activation_order.access(Unit.COMPUTE, clock, slice(start, end), write=False)
    table = scratchpads.activation[start:end]
    if np.isnan(table).any():
        raise Unchecked(ErrorCode.SCRATCHPAD_RANGE, "reads a table that nobody loaded")
    return table.astype(np.int8).view(np.uint8)
