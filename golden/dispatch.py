"""Which instructions the hardware refuses before any unit sees them."""

from __future__ import annotations

from .isa import Opcode, decode
from .parameters import Parameters

__all__ = ["dispatch"]


def dispatch(data: bytes, parameters: Parameters) -> Opcode | None:
    """Return the opcode of an encoded instruction, None if it is illegal.

    Illegal are unknown opcodes, sizes of 0, more columns than the array has, and a WEIGHT that
    has several rows or is not aligned to the bus.

    Parameters
    ----------
    data : bytes
        `maccord.golden.isa.INSTRUCTION_BYTES` bytes.
    parameters : Parameters

    Examples
    --------
    >>> dispatch(bytes(32), Parameters()) is None
    True
    """
    try:
        instruction = decode(data)
    except ValueError:
        return None
    opcode, fields = instruction.opcode, instruction.fields
    sizes = {
        Opcode.END: (),
        Opcode.SETUP: ("run", "taps", "lines"),
        Opcode.COMPUTE: ("passes", "width", "height", "columns"),
    }.get(opcode, ("rows", "row_bytes"))
    legal = all(fields[name] for name in sizes)
    if opcode == Opcode.WEIGHT:
        aligned = (
            fields[name] % parameters.axi_bytes for name in ("memory", "buffer", "row_bytes")
        )
        legal = legal and not any(aligned) and fields["rows"] == 1
    if opcode == Opcode.COMPUTE:
        legal = legal and fields["columns"] <= parameters.cols
    return opcode if legal else None
