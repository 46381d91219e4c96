"""Programs between the host's operations, one behind the other in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..spec.isa import INSTRUCTION_BYTES, Instruction, Opcode
from ..spec.registers import WRITABLE, Register
from .builder import Builder, View
from .drafts import Draft
from .ordering import linked

__all__ = ["HostPlan", "Segment", "Segments"]

_ALIGNMENT = WRITABLE[Register.PROGRAM] & -WRITABLE[Register.PROGRAM]  # bytes


@dataclass(frozen=True)
class Segment:
    """A program that runs from one operation of the host to the next.

    Parameters
    ----------
    stages : range
        Positions of its stages in `CompiledNetwork.stages`.
    start, end : int
        Its instructions in `CompiledNetwork.program`; the last one is an `END`.
    owners : tuple of int
        Position of the stage of each of them but the last.
    """

    stages: range
    start: int
    end: int
    owners: tuple[int, ...]

    @property
    def offset(self) -> int:
        """Bytes from the first program to this one."""
        return self.start * INSTRUCTION_BYTES


class HostPlan:
    """The plan of an operation of the host, which takes no instruction and no weights."""

    stream = np.zeros(0, np.uint8)
    estimate = 0

    def emit(self, builder: Builder, sources: tuple[View, ...], weights: int, target: View) -> None:
        """Append nothing."""


class Segments:
    """Collects programs; each but the last is filled with `END` up to where one may start.

    Parameters
    ----------
    axi_bytes : int
        Bytes per beat of the memory bus.
    """

    def __init__(self, axi_bytes: int) -> None:
        self._axi_bytes = axi_bytes
        self.program: list[Instruction] = []
        self.found: list[Segment] = []

    def add(self, drafts: Sequence[Draft], stages: range, ends: Sequence[int]) -> None:
        """Append the program of some stages; none if there are none.

        Parameters
        ----------
        drafts : sequence of Draft
        stages : range
        ends : sequence of int
            Number of drafts up to the end of each stage.
        """
        if not stages:
            return
        count = _ALIGNMENT // INSTRUCTION_BYTES
        self.program += [Instruction(Opcode.END, {})] * (-len(self.program) % count)
        start = len(self.program)
        program, placed = linked(drafts, self._axi_bytes)
        self.program += program
        owners = np.searchsorted(ends, placed, side="right") + stages.start
        self.found.append(Segment(stages, start, len(self.program), tuple(owners.tolist())))
