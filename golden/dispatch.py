"""Which instructions the hardware refuses before any unit sees them."""

from __future__ import annotations

from .isa import Opcode, decode, limits
from .parameters import Parameters
from .registers import ErrorCode

__all__ = ["dispatch"]


def dispatch(data: bytes, parameters: Parameters) -> Opcode | ErrorCode:
    """Return the opcode of an encoded instruction, or why it is refused.

    Illegal are unknown opcodes, sizes of 0, more columns than the array has, and a WEIGHT that
    has several rows or is not aligned to the bus. Out of range are legal instructions with an
    address beyond its scratchpad.

    Parameters
    ----------
    data : bytes
        `maccord.golden.isa.INSTRUCTION_BYTES` bytes.
    parameters : Parameters

    Examples
    --------
    >>> dispatch(bytes(32), Parameters()).name
    'ILLEGAL_INSTRUCTION'
    """
    try:
        instruction = decode(data)
    except ValueError:
        return ErrorCode.ILLEGAL_INSTRUCTION
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
    if not legal:
        return ErrorCode.ILLEGAL_INSTRUCTION
    beyond = any(fields[name] >= limit for name, limit in limits(opcode, parameters).items())
    return ErrorCode.SCRATCHPAD_RANGE if beyond else opcode
