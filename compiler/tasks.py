"""What a program is made of before its order: instructions and the bytes that they touch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ..spec.isa import UNIT_OF, Opcode, Unit

__all__ = ["Region", "Space", "Task"]


class Space(IntEnum):
    """Where bytes lie that instructions share."""

    MEMORY = 0
    ACTIVATION = 1
    WEIGHT = 2
    OUTPUT = 3


Region = tuple[Space, int, int]  # first byte, and the one behind the last


@dataclass(eq=False, slots=True)
class Task:
    """An instruction to be; tasks stand in an order in which one unit alone could run them.

    Parameters
    ----------
    opcode : Opcode
    fields : dict of str to int
    reads, writes : tuple of Region
        What tokens have to order between units.
    after : tuple of Task
        Earlier tasks that have to be done first for another reason.
    """

    opcode: Opcode
    fields: dict[str, int]
    reads: tuple[Region, ...] = ()
    writes: tuple[Region, ...] = ()
    after: tuple[Task, ...] = ()

    @property
    def unit(self) -> Unit:
        """The unit that runs it."""
        return UNIT_OF[self.opcode]
