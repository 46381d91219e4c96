"""Bit positions of instruction fields, for headers and documents."""

from __future__ import annotations

from dataclasses import dataclass

from ...spec.isa import TABLE, Opcode

__all__ = ["HEADER", "InstructionField", "layout"]


@dataclass(frozen=True)
class InstructionField:
    """Bits `low` to `low` + `bits` - 1 of an instruction, little-endian; two's complement."""

    name: str
    low: int
    bits: int
    signed: bool = False
    unit: str = ""
    description: str = ""


# The header as encoded by `maccord.spec.isa.encode`: the opcode, and one bit per unit
HEADER = (
    InstructionField("opcode", 0, 4, description="which instruction it is"),
    InstructionField("wait", 4, 4, description="units whose token it takes before it starts"),
    InstructionField("signal", 8, 4, description="units that get a token when it is done"),
)


def layout(opcode: Opcode) -> tuple[InstructionField, ...]:
    """Return an opcode's fields after the header, in encoding order.

    Parameters
    ----------
    opcode : Opcode

    Returns
    -------
    tuple of InstructionField
    """
    entry = TABLE[opcode]
    return tuple(
        InstructionField(f.name, entry.position(f.name), f.bits, f.signed, f.unit, f.what)
        for f in entry.fields
    )
