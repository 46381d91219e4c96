"""Golden model of dispatch: which instructions it rejects."""

from __future__ import annotations

from ...spec.isa import Opcode, check, decode
from ...spec.parameters import Parameters
from ...spec.registers import ErrorCode

__all__ = ["dispatch"]


def dispatch(data: bytes, parameters: Parameters) -> Opcode | ErrorCode:
    """Return the opcode of an encoded instruction, or why it is rejected.

    Parameters
    ----------
    data : bytes
        `maccord.spec.isa.INSTRUCTION_BYTES` bytes.
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
    return check(instruction, parameters) or instruction.opcode
