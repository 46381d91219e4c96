"""The instruction set: opcodes, fields, and their encoding in 32 bytes.

A program is a list of instructions that the accelerator fetches from memory and hands to four
units. Each unit runs its own instructions in order; units meet through tokens: an instruction
starts when it holds one token from each unit in `wait`, and gives one token to each unit in
`signal` when it is done. Program order is a legal sequential order: every token that an
instruction waits for comes from an earlier instruction, so finite queues never deadlock.

``LOAD``, ``FILL``, ``WEIGHT`` and ``STORE`` move `rows` rows of `row_bytes` bytes between memory
(byte offsets from the base address) and a scratchpad (byte addresses); nothing need be aligned,
except ``WEIGHT``: one row, all of it in multiples of the bus width, wrapping at the scratchpad's
end. ``FILL`` writes `value` and reads no memory.

``SETUP`` gives a layer's geometry to the compute unit (see `maccord.golden.reduction`) and its
output clamp, all in the int8 domain (code - 128). ``COMPUTE`` runs one tile of outputs,
`height` x `width` pixels by `columns` channels, through `passes` weight tiles. With `first`, the
weight stream starts with the columns' parameters (`PARAMETER_ROWS` rows: int32 bias, fp32
multiplier, little-endian bytes) and accumulators start from the bias; with `last`, sums leave
through the requantizer to the output scratchpad, `output_pitch` bytes from pixel to pixel.

What a pass does with activations is the `Mode` that the last ``SETUP`` chose. ``DENSE``: vectors of
`rows` bytes, each shared by all columns. ``DEPTHWISE`` and ``MAX`` scan the lines of cells under
the tile's pixels, a vector of one byte per column each cycle, and make an output of each window of
`window_height` x `window_width` cells (up to `WINDOW` x `WINDOW`), `stride_y` and `stride_x` cells
apart. In ``DEPTHWISE`` each column multiplies its own channel's window: weight row
`WINDOW` * i + j belongs to line i and cell j of a full window, and a smaller one lies in its last
lines and cells, so that the rows before have weight 0. A larger kernel takes several passes, whose
origins the reduction gives (one run of `rows` bytes per pass). ``MAX`` gives the largest byte of
the window, clamped; it has no weights, and one pass that is first and last.

``SETUP_ADD`` makes ``COMPUTE`` add two vectors, `operand_pitch` bytes apart, with the fixed-point
factors of `maccord.golden.add`: a pixel is a vector of `columns` bytes, the next one `step_x`
bytes on (a next line `step_y`). No weights, and one pass, as in ``MAX``.

``RECORD`` writes the cycle counters to memory, `RECORD_BYTES` of 64-bit words in the order of
`maccord.golden.registers.RECORDED`, when all stores before it are done; with `value` 1 it raises
the interrupt, too. It is a transfer of one row from buffer address 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from .parameters import WINDOW, Parameters

__all__ = [
    "FIELDS",
    "HEADER_BITS",
    "INSTRUCTION_BYTES",
    "MAX_TOKENS",
    "PARAMETER_ROWS",
    "RECORD_BYTES",
    "SMALLEST_SHIFT",
    "UNIT_OF",
    "WINDOW",
    "Instruction",
    "Mode",
    "Opcode",
    "Unit",
    "decode",
    "encode",
    "encode_program",
    "limits",
]

INSTRUCTION_BYTES = 32
HEADER_BITS = 16
PARAMETER_ROWS = 8
MAX_TOKENS = 63
RECORD_BYTES = 128
SMALLEST_SHIFT = 14  # that SETUP_ADD takes


class Unit(IntEnum):
    """The units that execute instructions; a token mask has bit 1 << unit."""

    LOAD = 0
    WEIGHT = 1
    COMPUTE = 2
    STORE = 3


class Opcode(IntEnum):
    """What an instruction does; 0 is illegal, so that blank memory is not a program."""

    END = 1
    LOAD = 2
    FILL = 3
    WEIGHT = 4
    SETUP = 5
    COMPUTE = 6
    STORE = 7
    SETUP_ADD = 8
    RECORD = 9


class Mode(IntEnum):
    """What COMPUTE does; ``ADD`` is chosen by SETUP_ADD, and illegal in SETUP."""

    DENSE = 0
    DEPTHWISE = 1
    MAX = 2
    ADD = 3


UNIT_OF: dict[Opcode, Unit] = {
    Opcode.LOAD: Unit.LOAD,
    Opcode.FILL: Unit.LOAD,
    Opcode.WEIGHT: Unit.WEIGHT,
    Opcode.SETUP: Unit.COMPUTE,
    Opcode.SETUP_ADD: Unit.COMPUTE,
    Opcode.COMPUTE: Unit.COMPUTE,
    Opcode.STORE: Unit.STORE,
    Opcode.RECORD: Unit.STORE,
}

# Name -> (bits, signed), packed from bit HEADER_BITS upwards in this order.
_TRANSFER: dict[str, tuple[int, bool]] = {
    "memory": (32, False),
    "memory_pitch": (32, False),
    "buffer": (24, False),
    "buffer_pitch": (24, False),
    "rows": (16, False),
    "row_bytes": (24, False),
    "value": (8, True),
}
FIELDS: dict[Opcode, dict[str, tuple[int, bool]]] = {
    Opcode.END: {},
    Opcode.LOAD: _TRANSFER,
    Opcode.FILL: _TRANSFER,
    Opcode.WEIGHT: _TRANSFER,
    Opcode.STORE: _TRANSFER,
    Opcode.RECORD: _TRANSFER,
    Opcode.SETUP: {
        "run": (24, False),  # contiguous bytes of a tap, or of a kernel line
        "taps": (8, False),  # runs in a line
        "tap_pitch": (24, False),
        "lines": (8, False),
        "line_pitch": (24, False),
        "pack_taps": (1, False),  # a vector may go on into the next tap
        "pack_lines": (1, False),  # a vector may go on into the next line
        "step_x": (24, False),  # bytes from an output pixel's window to its right neighbour's
        "step_y": (24, False),
        "zero_point": (8, True),
        "low": (8, True),
        "high": (8, True),
        "mode": (2, False),
        "window_height": (2, False),
        "window_width": (2, False),
        "stride_y": (4, False),
        "stride_x": (4, False),
    },
    Opcode.SETUP_ADD: {
        "factor_a": (24, False),
        "factor_b": (24, False),
        "shift": (5, False),
        "zero_point_a": (8, True),
        "zero_point_b": (8, True),
        "operand_pitch": (24, False),  # a multiple of the activation scratchpad's banks
        "step_x": (24, False),
        "step_y": (24, False),
        "zero_point": (8, True),
        "low": (8, True),
        "high": (8, True),
    },
    Opcode.COMPUTE: {
        "activation": (24, False),  # byte address of the window of the tile's first pixel
        "weight": (24, False),  # first row of the weight scratchpad
        "passes": (16, False),
        "columns": (8, False),
        "width": (16, False),
        "height": (16, False),
        "accumulator": (16, False),
        "output": (24, False),
        "output_pitch": (24, False),
        "first": (1, False),
        "last": (1, False),
    },
}


@dataclass(frozen=True)
class Instruction:
    """One instruction: opcode, token masks, and the fields of its opcode."""

    opcode: Opcode
    fields: dict[str, int]
    wait: int = 0
    signal: int = 0

    def __getitem__(self, field: str) -> int:
        return self.fields[field]


def encode(instruction: Instruction) -> bytes:
    """Encode an instruction; fields that it leaves out are 0.

    Parameters
    ----------
    instruction : Instruction

    Returns
    -------
    bytes
        `INSTRUCTION_BYTES` of them, little-endian.

    Raises
    ------
    ValueError
        If a field is unknown, or a value does not fit its bits.
    """
    layout = FIELDS[instruction.opcode]
    unknown = sorted(set(instruction.fields) - set(layout))
    if unknown:
        raise ValueError(f"{instruction.opcode.name} has no field {unknown[0]}")
    word = int(instruction.opcode) | instruction.wait << 4 | instruction.signal << 8
    position = HEADER_BITS
    for name, (bits, signed) in layout.items():
        value = instruction.fields.get(name, 0)
        low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
        if not low <= value < high:
            raise ValueError(
                f"{instruction.opcode.name}.{name} must be between {low} and {high - 1}, "
                f"got {value}"
            )
        word |= (value & (1 << bits) - 1) << position
        position += bits
    return word.to_bytes(INSTRUCTION_BYTES, "little")


def decode(data: bytes) -> Instruction:
    """Decode an instruction; bits beyond its fields are ignored.

    Parameters
    ----------
    data : bytes
        `INSTRUCTION_BYTES` of them, little-endian.

    Returns
    -------
    Instruction
        With all fields of its opcode.

    Raises
    ------
    ValueError
        If the opcode is none of `Opcode`.
    """
    word = int.from_bytes(data, "little")
    opcode = Opcode(word & 15)
    fields: dict[str, int] = {}
    position = HEADER_BITS
    for name, (bits, signed) in FIELDS[opcode].items():
        value = word >> position & (1 << bits) - 1
        if signed and value >> bits - 1:
            value -= 1 << bits
        fields[name] = value
        position += bits
    return Instruction(opcode, fields, wait=word >> 4 & 15, signal=word >> 8 & 15)


def encode_program(program: Iterable[Instruction]) -> npt.NDArray[np.uint8]:
    """Encode a program as the bytes that lie in memory, shape (32 * instructions,)."""
    return np.frombuffer(b"".join(encode(i) for i in program), np.uint8)


def limits(opcode: Opcode, parameters: Parameters) -> dict[str, int]:
    """First value that is beyond the scratchpads, powers of two, for each field that is checked.

    What a transfer moves beyond a scratchpad's end its unit finds out; what a tile's pixels go
    on to from these addresses is the scheduler's business.

    Parameters
    ----------
    opcode : Opcode
    parameters : Parameters

    Returns
    -------
    dict of str to int
        By the field's name, in the field's unit: bytes, rows of weights or entries; empty for
        opcodes without such fields.
    """
    p = parameters
    if opcode == Opcode.WEIGHT:
        return {"buffer": p.weight_bytes}
    if opcode == Opcode.COMPUTE:
        return {
            "activation": p.activation_bytes,
            "weight": p.weight_rows,
            "accumulator": p.accumulators,
            "output": p.output_bytes,
        }
    return {}
