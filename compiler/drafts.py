"""Drafts: not yet ordered instructions, with the bytes that they access."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from ..spec.isa import UNIT_OF, Opcode, Unit

__all__ = ["Draft", "Region", "Space"]


class Space(IntEnum):
    """Address spaces shared between instructions."""

    MEMORY = 0
    ACTIVATION = 1
    WEIGHT = 2
    OUTPUT = 3


class Region(NamedTuple):
    """Bytes of a space: from `start` to `end` (exclusive), or rows of them.

    With a `pitch`, only `row_bytes` of every `pitch` bytes belong to it, from the first on.
    """

    space: Space
    start: int
    end: int
    pitch: int = 0
    row_bytes: int = 0


@dataclass(eq=False, slots=True)
class Draft:
    """A not yet encoded instruction; drafts are listed in an order that is correct sequentially.

    Parameters
    ----------
    opcode : Opcode
    fields : dict of str to int
    reads, writes : tuple of Region
        Accesses that tokens must order between units.
    after : tuple of Draft
        Further earlier drafts that must complete first.
    """

    opcode: Opcode
    fields: dict[str, int]
    reads: tuple[Region, ...] = ()
    writes: tuple[Region, ...] = ()
    after: tuple[Draft, ...] = ()

    @property
    def unit(self) -> Unit:
        """The unit that executes it."""
        return UNIT_OF[self.opcode]
