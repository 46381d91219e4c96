"""Names and numbers of units, instructions and modes."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Mode", "Opcode", "RowFunction", "Unit"]


class Unit(IntEnum):
    """The units that execute instructions; a token mask has bit 1 << unit."""

    LOAD = 0
    WEIGHT = 1
    COMPUTE = 2
    STORE = 3


class Opcode(IntEnum):
    """Opcodes; 0 is illegal, so that cleared memory is not a program."""

    END = 1
    LOAD = 2
    FILL = 3
    WEIGHT = 4
    SETUP = 5
    COMPUTE = 6
    STORE = 7
    SETUP_ADD = 8
    RECORD = 9
    TABLE = 10
    SETUP_MUL = 11
    GATHER = 15
    SETUP_ROW = 12
    ROW_TABLE = 13
    ROWS = 14


class Mode(IntEnum):
    """Operation of COMPUTE; SETUP_ADD selects ``ADD`` and SETUP_MUL ``MUL``, SETUP the others."""

    DENSE = 0
    DEPTHWISE = 1
    MAX = 2
    ADD = 3
    MUL = 4


class RowFunction(IntEnum):
    """What ROWS does to each row, the field `function` of SETUP_ROW."""

    SOFTMAX = 1
    LAYER_NORM = 2
