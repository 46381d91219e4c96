"""Where the fields of an instruction lie, for headers and documents."""

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


# What `maccord.spec.isa.encode` puts below HEADER_BITS: the opcode, and a bit for each unit
HEADER = (
    InstructionField("opcode", 0, 4, description="which instruction it is"),
    InstructionField("wait", 4, 4, description="units whose token it takes before it starts"),
    InstructionField("signal", 8, 4, description="units that get a token when it is done"),
)


def layout(opcode: Opcode) -> tuple[InstructionField, ...]:
    """Return the fields that an opcode has beyond the header, in their order.

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
