"""Where the fields of an instruction lie, for headers and documents."""

from __future__ import annotations

from dataclasses import dataclass

from ...golden.isa import FIELDS, HEADER_BITS, Opcode

__all__ = ["HEADER", "InstructionField", "layout"]


@dataclass(frozen=True)
class InstructionField:
    """Bits `low` to `low` + `bits` - 1 of an instruction, little-endian; two's complement."""

    name: str
    low: int
    bits: int
    signed: bool = False


# What `maccord.golden.isa.encode` puts below HEADER_BITS: the opcode, and a bit for each unit
HEADER = (
    InstructionField("opcode", 0, 4),
    InstructionField("wait", 4, 4),
    InstructionField("signal", 8, 4),
)


def layout(opcode: Opcode) -> tuple[InstructionField, ...]:
    """The fields that an opcode has beyond the header, in their order.

    Parameters
    ----------
    opcode : Opcode

    Returns
    -------
    tuple of InstructionField
    """
    found, low = [], HEADER_BITS
    for name, (bits, signed) in FIELDS[opcode].items():
        found.append(InstructionField(name, low, bits, signed))
        low += bits
    return tuple(found)
