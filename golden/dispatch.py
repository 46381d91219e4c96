"""Which instructions the hardware refuses before any unit sees them."""

from __future__ import annotations

from .isa import RECORD_BYTES, SMALLEST_SHIFT, Instruction, Mode, Opcode, decode, limits
from .parameters import Parameters
from .registers import ErrorCode

__all__ = ["dispatch"]

_TRANSFER = ("rows", "row_bytes")
_SIZES = dict.fromkeys(Opcode, _TRANSFER) | {
    Opcode.END: (),
    Opcode.SETUP: ("run", "taps", "lines"),
    Opcode.SETUP_ADD: (),
    Opcode.COMPUTE: ("passes", "width", "height", "columns"),
}
_WINDOW = ("window_height", "window_width", "stride_y", "stride_x")


def dispatch(data: bytes, parameters: Parameters) -> Opcode | ErrorCode:
    """Return the opcode of an encoded instruction, or why it is refused.

    Illegal are unknown opcodes, sizes of 0, more columns than the array has, and a WEIGHT that
    has several rows or is not aligned to the bus; a SETUP of a mode that the array does not have,
    or with a window of no cells or of no stride; a SETUP_ADD whose operands do not lie in the same
    banks, or with a smaller shift than the adder has; a RECORD of another size than the counters,
    or not aligned to the bus. Out of range are legal instructions with an address beyond its
    scratchpad.

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
    if not all(fields[name] for name in _SIZES[opcode]) or not _fits(instruction, parameters):
        return ErrorCode.ILLEGAL_INSTRUCTION
    beyond = any(fields[name] >= limit for name, limit in limits(opcode, parameters).items())
    return ErrorCode.SCRATCHPAD_RANGE if beyond else opcode


def _fits(instruction: Instruction, p: Parameters) -> bool:
    """Whether an instruction has a shape that its unit takes, sizes of 0 apart."""
    opcode, fields = instruction.opcode, instruction.fields
    if opcode == Opcode.WEIGHT:
        names = ("memory", "buffer", "row_bytes")
        return fields["rows"] == 1 and not any(fields[name] % p.axi_bytes for name in names)
    if opcode == Opcode.RECORD:
        row = fields["rows"], fields["row_bytes"], fields["buffer"]
        return row == (1, RECORD_BYTES, 0) and fields["memory"] % p.axi_bytes == 0
    if opcode == Opcode.COMPUTE:
        return fields["columns"] <= p.cols
    if opcode == Opcode.SETUP_ADD:
        aligned = fields["operand_pitch"] % p.activation_banks == 0
        return aligned and fields["shift"] >= SMALLEST_SHIFT
    if opcode == Opcode.SETUP and fields["mode"] != Mode.DENSE:
        exists = fields["mode"] == Mode.MAX or (fields["mode"] == Mode.DEPTHWISE and p.depthwise)
        return exists and all(fields[name] for name in _WINDOW)
    return True
