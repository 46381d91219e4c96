"""State of the instruction-level machine's units: scratchpads, walks and faults."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...spec.isa import Instruction, Mode
from ...spec.parameters import Parameters
from ...spec.registers import ErrorCode
from .access_order import AccessOrder

__all__ = ["UNLOADED", "Fault", "Refused", "Scratchpads", "Unchecked", "Walk", "wrapped"]

UNLOADED = "computes with activations nobody loaded"


class Fault(Exception):
    """A fault of an instruction whose number is not known yet."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Refused(Fault):
    """An instruction that dispatch rejects; it reaches no unit."""


class Unchecked(Fault):
    """A violated rule that the hardware does not check: it continues."""


@dataclass
class Walk:
    """State of the compute unit between COMPUTEs."""

    setup: Instruction
    mode: Mode
    offsets: npt.NDArray[np.int64]  # (passes, rows)
    used: npt.NDArray[np.bool_]  # (passes, rows)
    position: int = 0
    columns: int = 0
    weight_bits: int = 8
    reaches_back: bool = False  # windows take cells that were scanned before


class Scratchpads:
    """Contents of the scratchpads, their written bytes, and the access order of the units.

    Attributes
    ----------
    activation : ndarray of shape (bytes,), float32
        int8 values; NaN marks an unwritten byte.
    weight, output : ndarray of shape (bytes,), uint8
    weight_written, output_written : ndarray of shape (bytes,), bool
    activation_order, weight_order, output_order : AccessOrder
    """

    def __init__(self, parameters: Parameters) -> None:
        p = parameters
        self.activation = np.full(p.activation_bytes, np.nan, np.float32)
        self.weight = np.zeros(p.weight_bytes, np.uint8)
        self.weight_written = np.zeros(p.weight_bytes, bool)
        self.output = np.zeros(p.output_bytes, np.uint8)
        self.output_written = np.zeros(p.output_bytes, bool)
        self.activation_order = AccessOrder(p.activation_bytes)
        self.weight_order = AccessOrder(p.weight_bytes)
        self.output_order = AccessOrder(p.output_bytes)


def wrapped(start: int, length: int, size: int) -> list[tuple[slice, slice]]:
    """Pieces of a range that wraps at `size`: slice of the memory, and slice of the range."""
    head = min(length, size - start)
    pieces = [(slice(start, start + head), slice(0, head))]
    if length > head:
        pieces.append((slice(0, length - head), slice(head, length)))
    return pieces
