"""What the units of the instruction-level machine share: scratchpads, and how they refuse."""

from __future__ import annotations

import numpy as np

from ...spec.parameters import Parameters
from ...spec.registers import ErrorCode
from .access_order import AccessOrder

__all__ = ["Fault", "Refused", "Scratchpads", "Unchecked", "wrapped"]


class Fault(Exception):
    """What is wrong with an instruction, before its number is known."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Refused(Fault):
    """An instruction that dispatch refuses, so that no unit sees it."""


class Unchecked(Fault):
    """A broken rule that no circuit checks: the accelerator runs on."""


class Scratchpads:
    """Contents of the scratchpads, what of them was written, and in which order units touch them.

    Attributes
    ----------
    activation : ndarray of shape (bytes,), float32
        int8 values; NaN stands for a byte that nobody wrote.
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
    """Pieces of a range that wraps at `size`: where they lie, and which part they are."""
    head = min(length, size - start)
    pieces = [(slice(start, start + head), slice(0, head))]
    if length > head:
        pieces.append((slice(0, length - head), slice(head, length)))
    return pieces
