"""Weights and parameters of COMPUTE in the instruction-level machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...spec.isa import PARAMETER_ROWS, Instruction, Unit
from ...spec.parameters import Parameters
from ...spec.registers import ErrorCode
from ...spec.weight_widths import WIDTHS, packed_rows
from ..control.tokens import Clock
from ..feed.unpack import unpack
from .state import Fault, Scratchpads, Unchecked, wrapped

__all__ = ["check_room", "read_weights", "width_of"]


def width_of(setup: Instruction, parameters: Parameters) -> int:
    """Return the bits of a SETUP's weights.

    Raises
    ------
    Unchecked
        If they are packed and the hardware is not `narrow`: it ignores the field.
    """
    code = setup["weight_width"]
    if code and not parameters.narrow:
        raise Unchecked(
            ErrorCode.ILLEGAL_INSTRUCTION,
            f"weight_width must be 0 on hardware that is not narrow, got {code}",
        )
    return WIDTHS[code]


def check_room(instruction: Instruction, bits: int, parameters: Parameters) -> None:
    """Check that the scratchpad has room for the rows that a COMPUTE reads.

    As in the hardware, which counts rows of parameters with `first`, `kept` or not.

    Raises
    ------
    Fault
        If they are more.
    """
    rows = PARAMETER_ROWS * instruction["first"]
    rows += instruction["passes"] * packed_rows(parameters.rows, bits)
    if rows > parameters.weight_rows:
        raise Fault(
            ErrorCode.SCRATCHPAD_RANGE,
            f"{rows} rows of weights do not fit the scratchpad's {parameters.weight_rows}",
        )


def read_weights(
    instruction: Instruction, bits: int, clock: Clock, pads: Scratchpads, parameters: Parameters
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    """Return the rows of the weight scratchpad that a COMPUTE reads.

    Returns
    -------
    header : ndarray of shape (PARAMETER_ROWS or 0, columns), uint8
        Parameters, which there are with `first` and without `kept`.
    weights : ndarray of shape (passes * rows, columns), int8

    Raises
    ------
    Fault
        If nobody loaded them.
    ValueError
        If no token orders the access after a conflicting one of another unit.
    """
    p, columns, passes = parameters, instruction["columns"], instruction["passes"]
    header = PARAMETER_ROWS * (instruction["first"] and not instruction["kept"])
    count = header + passes * packed_rows(p.rows, bits)
    data = np.empty(count * p.weight_row_bytes, np.uint8)
    start = instruction["weight"] * p.weight_row_bytes
    for where, part in wrapped(start, data.size, p.weight_bytes):
        if not pads.weight_written[where].all():
            raise Unchecked(ErrorCode.SCRATCHPAD_RANGE, "computes with weights nobody loaded")
        pads.weight_order.access(Unit.COMPUTE, clock, where, write=False)
        data[part] = pads.weight[where]
    rows = data.reshape(count, p.weight_row_bytes)[:, :columns]
    tiles = unpack(rows[header:].reshape(passes, -1, columns), bits, p.rows)
    return rows[:header], tiles.reshape(-1, columns)
