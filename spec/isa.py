"""The instruction set: opcodes, fields, and their encoding in 32 bytes.

A program is a list of instructions that the accelerator fetches from memory and dispatches to four
units. Each unit executes its own instructions in order. Tokens synchronize the units: an
instruction starts when its unit holds one token from each unit in `wait`, and gives one token to
each unit in `signal` when it completes. ``COMPUTE`` reads weights as soon as it has the token from
WEIGHT, whatever else it waits for: only a token of WEIGHT's own says that weights have arrived.
Program order is a legal sequential order: every token that an instruction waits for comes from an
earlier instruction, so finite queues never deadlock.
In that order, at most `MAX_TOKENS` tokens of a unit for another one may be given and not yet taken.
SETUP, SETUP_ADD and SETUP_MUL are ordered only with COMPUTE: they take and give no tokens; their
masks are ignored.

``LOAD``, ``FILL``, ``WEIGHT`` and ``STORE`` transfer `rows` rows of `row_bytes` bytes between
memory (byte offsets from the base address) and a scratchpad (byte addresses), without alignment
constraints. The exception is ``WEIGHT``: it transfers one row, with addresses and length in
multiples of the bus width, and wraps at the scratchpad's end. ``FILL`` writes `value` and does not
access memory.

``SETUP`` configures the compute unit with a layer's geometry (see `maccord.golden.feed.reduction`)
and its output clamp, all in the int8 domain (code - 128). ``COMPUTE`` computes one tile of
outputs, `height` x `width` pixels by `columns` channels, with `passes` weight tiles. With `first`,
the weight stream starts with the columns' parameters (`PARAMETER_ROWS` rows: int32 bias, fp32
multiplier, little-endian bytes) and accumulation starts from the bias. With `last`, the sums go
through the requantizer to the output scratchpad, `output_pitch` bytes from pixel to pixel.
Without `last` there are no outputs, and a token for STORE is not given.

The `Mode` of the last ``SETUP`` selects how a pass uses activations. In ``DENSE``, all columns
share vectors of `rows` bytes. ``DEPTHWISE`` and ``MAX`` scan the lines of cells under the tile's
pixels, one vector with one byte per column each cycle. Each window of `window_height` x
`window_width` cells (up to `WINDOW` x `WINDOW`) gives one output; windows are `stride_y` and
`stride_x` cells apart. In ``DEPTHWISE``, each column multiplies its own channel's window: weight
row `WINDOW` * i + j belongs to line i and cell j of a full window. Hardware with the feature
WIDE_WINDOW has full windows of `WINDOW` x `WIDE_WINDOW` cells there, and weight row
`WIDE_WINDOW` * i + j; a `window_width` of 0 stands for `WIDE_WINDOW`. A smaller window is aligned
to the last lines and cells; the weight rows before it multiply what was scanned before: above it
the cells of the same index in the lines before, and before a line's first cell the last ones of
the line before. The lines before a pass's first line are the last ones of the pass before, of any
``COMPUTE``, at most `WINDOW` - 1 of them; the cells before its first line's first cell are not
defined, nor are those of columns that a ``COMPUTE`` does not use. Where that is not padding, and
not wanted, the weight must be 0. A larger kernel takes several passes, with origins given by the
reduction (one run of `rows` bytes per pass). ``MAX`` outputs the clamped maximum of the window; it
has no weights, and exactly one pass, which is first and last.

With a `weight_width` of 1 or 2 (feature NARROW or NARROW_2), each byte of a weight tile holds
weights of 4 or 2 bits of n = 2 or 4 of its rows (`maccord.spec.weight_widths`), and the tile takes
ceil(rows / n) weight rows. Parameters are not packed. Hardware without either ignores the field.
An array generated for weights of 4 or 2 bits (`weight_bits`) runs no wider ones.

``SETUP_ADD`` makes ``COMPUTE`` add two vectors, `operand_pitch` bytes apart, with the fixed-point
factors of `maccord.golden.array.add`. A pixel is a vector of `columns` bytes; the next pixel
follows `step_x` bytes later, the next line `step_y`. As in ``MAX``, there are no weights and one
pass. With `half_up` (feature HALF_UP), ties round towards plus infinity instead of away from 0.
Hardware without the feature ignores the field.

``SETUP_MUL`` likewise makes ``COMPUTE`` multiply two vectors, each in steps from its zero point.
The requantizers scale the product by `multiplier`. With `broadcast`, all pixels of a tile are
multiplied by the second operand of its first pixel.

``RECORD`` writes the cycle counters to memory, `RECORD_BYTES` of 64-bit words in the order of
`maccord.spec.registers.RECORDED`, after all earlier stores have completed. With `value` 1 it also
raises the interrupt. It is encoded as a transfer of one row from buffer address 0.

``TABLE`` reads `TABLE_BYTES` bytes of the activation scratchpad, once all earlier results have been
written. Until the next setup of any kind, every result then selects the byte that is written in its
place: 0 the table's first, 127 the one at 127, -128 the one at 128, -1 the last.

``SETUP_ROW``, ``ROW_TABLE`` and ``ROWS`` are described in `maccord.spec.isa_row`. They are in the
store unit's queue; none of them gives tokens: the ``STORE`` that follows does. ``GATHER``, which
makes weights of a tensor, is described in `maccord.spec.isa_gather`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import isa_fields
from .isa_features import Feature, features
from .isa_fields import COMPUTE, SETUP, SETUP_ADD, SETUP_MUL, TRANSFER, Field
from .isa_gather import GATHER_INSTRUCTIONS
from .isa_names import Mode, Opcode, Unit
from .isa_row import ROW_FEATURES, ROW_INSTRUCTIONS
from .isa_rules import (
    AlignedTo,
    AtLeast,
    AtMost,
    Equals,
    Implemented,
    NonZero,
    OnlyWhere,
    Rule,
    Unless,
    UnlessWhere,
    Where,
    WithinScratchpad,
)
from .parameters import WIDE_WINDOW, WINDOW, Parameters
from .registers import ErrorCode
from .weight_widths import WIDTHS

__all__ = [
    "FEATURE_OF_MODE", "FIELDS", "HEADER_BITS", "INSTRUCTION_BYTES", "MAX_TOKENS", "PARAMETER_ROWS",
    "QUEUED", "RECORD_BYTES", "SMALLEST_SHIFT", "TABLE", "TABLE_BYTES", "TOKEN_BITS", "UNIT_OF",
    "WIDE_WINDOW", "WINDOW", "Instruction", "Mode", "Opcode", "Specification", "Unit", "check",
    "decode", "encode", "encode_program", "implemented", "violation",
]  # fmt: skip

INSTRUCTION_BYTES = 32
HEADER_BITS = 16
PARAMETER_ROWS = 8
TOKEN_BITS = 6  # of the counter of each ordered pair of units
QUEUED = 10  # instructions of a unit, at most, that are dispatched and have not taken their tokens
#: Tokens of a pair given and not taken, counted in program order. The giver may run ahead of what
#: waits in the taker's queues, by `QUEUED` tokens more.
MAX_TOKENS = (1 << TOKEN_BITS) - 1 - QUEUED
RECORD_BYTES = 128
TABLE_BYTES = 256
SMALLEST_SHIFT = 14  # of SETUP_ADD: the adder always drops that many bits


#: Feature that each mode of SETUP requires; DENSE is that of weights of 8 bits, see `needed`.
FEATURE_OF_MODE: dict[Mode, Feature] = {
    Mode.DENSE: Feature.DENSE,
    Mode.DEPTHWISE: Feature.DEPTHWISE,
    Mode.MAX: Feature.MAX_WINDOW,
}


@dataclass(frozen=True)
class Specification:
    """One instruction: its unit, its fields from bit `HEADER_BITS` upwards, and their rules.

    Attributes
    ----------
    opcode : Opcode
    unit : Unit or None
        None for END, which ends the program at dispatch.
    what : str
    feature : Feature or None
        Required hardware feature, or several of which one is required; for SETUP it depends on
        the mode, see `FEATURE_OF_MODE`.
    fields : tuple of Field
    rules : tuple of Rule
        All must hold; each names the error that its violation raises.
    """

    opcode: Opcode
    unit: Unit | None
    what: str
    feature: Feature | None = None
    fields: tuple[Field, ...] = ()
    rules: tuple[Rule, ...] = ()

    def position(self, name: str) -> int:
        """Lowest bit of a field in the instruction."""
        names = [field.name for field in self.fields]
        return HEADER_BITS + sum(field.bits for field in self.fields[: names.index(name)])


_SIZED = (NonZero("rows"), NonZero("row_bytes"))
#: The property of `Parameters` that a mode depends on.
_MODE_CONDITIONS = {Mode.DEPTHWISE: "depthwise"}

#: The instruction set, by opcode.
TABLE: dict[Opcode, Specification] = {
    entry.opcode: entry
    for entry in (
        Specification(Opcode.END, None, "ends the program"),
        Specification(
            Opcode.LOAD, Unit.LOAD, "memory to the activation scratchpad", None, TRANSFER, _SIZED
        ),
        Specification(
            Opcode.FILL, Unit.LOAD, "`value` to the activation scratchpad", None, TRANSFER, _SIZED
        ),
        Specification(
            *(Opcode.WEIGHT, Unit.WEIGHT, "memory to the weight scratchpad", None, TRANSFER),
            rules=(
                NonZero("row_bytes"),
                Equals("rows", 1),
                *(AlignedTo(name, "axi_bytes") for name in ("memory", "buffer", "row_bytes")),
                WithinScratchpad("buffer", "weight_bytes"),
            ),
        ),
        Specification(
            *(Opcode.SETUP, Unit.COMPUTE, "geometry and clamp of a layer", None, SETUP),
            rules=(
                *(NonZero(name) for name in ("run", "taps", "lines")),
                Implemented(
                    "mode", tuple((m, _MODE_CONDITIONS.get(m, "")) for m in FEATURE_OF_MODE)
                ),
                Unless("mode", Mode.DENSE, NonZero("window_height")),
                UnlessWhere(
                    *("mode", Mode.DEPTHWISE, Unless("mode", Mode.DENSE, NonZero("window_width"))),
                    "wide_window",
                ),
                *(Unless("mode", Mode.DENSE, NonZero(name)) for name in ("stride_y", "stride_x")),
                Where("weight_width", "narrow", AtMost("weight_width", len(WIDTHS) - 1)),
                OnlyWhere(
                    *("mode", "narrow_only"),
                    Unless("mode", Mode.MAX, AtLeast("weight_width", "widest_code")),
                ),
            ),
        ),
        Specification(
            *(Opcode.COMPUTE, Unit.COMPUTE, "one tile of outputs", None, COMPUTE),
            rules=(
                *(NonZero(name) for name in ("passes", "width", "height", "columns")),
                AtMost("columns", "cols"),
                WithinScratchpad("activation", "activation_bytes"),
                WithinScratchpad("weight", "weight_rows"),
                WithinScratchpad("accumulator", "accumulators"),
                WithinScratchpad("output", "output_bytes"),
                Where("keep", "gather", AtMost("keep", 2)),
            ),
        ),
        Specification(
            Opcode.STORE, Unit.STORE, "output scratchpad to memory", None, TRANSFER, _SIZED
        ),
        Specification(
            *(Opcode.SETUP_ADD, Unit.COMPUTE, "factors of a sum", Feature.ADD, SETUP_ADD),
            rules=(
                AlignedTo("operand_pitch", "activation_banks"),
                AtLeast("shift", SMALLEST_SHIFT),
            ),
        ),
        Specification(
            *(Opcode.RECORD, Unit.STORE, "counters to memory", Feature.RECORD, TRANSFER),
            rules=(
                Equals("rows", 1),
                Equals("row_bytes", RECORD_BYTES),
                Equals("buffer", 0),
                AlignedTo("memory", "axi_bytes"),
            ),
        ),
        Specification(
            *(Opcode.SETUP_MUL, Unit.COMPUTE, "multiplier of a product"),
            *(Feature.PRODUCT, SETUP_MUL),
            rules=(AlignedTo("operand_pitch", "activation_banks"),),
        ),
        Specification(
            *(Opcode.TABLE, Unit.COMPUTE, "table that replaces results", Feature.LOOKUP),
            isa_fields.TABLE,
            (WithinScratchpad("activation", "activation_bytes"),),
        ),
        *(
            Specification(opcode, Unit.WEIGHT, what, feature, fields, rules)
            for opcode, (what, feature, fields, rules) in GATHER_INSTRUCTIONS.items()
        ),
        *(
            Specification(opcode, Unit.STORE, what, ROW_FEATURES, fields, rules)
            for opcode, (what, fields, rules) in ROW_INSTRUCTIONS.items()
        ),
    )
}
UNIT_OF: dict[Opcode, Unit] = {
    opcode: entry.unit for opcode, entry in TABLE.items() if entry.unit is not None
}
#: Name -> (bits, signed), packed from bit HEADER_BITS upwards in this order.
FIELDS: dict[Opcode, dict[str, tuple[int, bool]]] = {
    opcode: {field.name: (field.bits, field.signed) for field in entry.fields}
    for opcode, entry in TABLE.items()
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
    """Encode an instruction; omitted fields are 0.

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
        If a field is unknown, or a value does not fit its field.
    """
    layout = FIELDS[instruction.opcode]
    unknown = sorted(set(instruction.fields) - set(layout))
    if unknown:
        raise ValueError(f"{instruction.opcode.name} has no field {unknown[0]}")
    word = int(instruction.opcode) | instruction.wait << 4 | instruction.signal << 8
    position = HEADER_BITS
    for field in TABLE[instruction.opcode].fields:
        value = instruction.fields.get(field.name, 0)
        low, high = field.span
        if not low <= value <= high:
            raise ValueError(
                f"{instruction.opcode.name}.{field.name} must be between {low} and {high}, "
                f"got {value}"
            )
        word |= (value & (1 << field.bits) - 1) << position
        position += field.bits
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
        If the opcode is not in `Opcode`.
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


def encode_program(program: Iterable[Instruction]) -> bytes:
    """Encode a program as the bytes that lie in memory, `INSTRUCTION_BYTES` an instruction."""
    return b"".join(encode(instruction) for instruction in program)


def implemented(opcode: Opcode, parameters: Parameters) -> bool:
    """Whether the hardware has an instruction: dispatch rejects the others as unknown opcodes."""
    feature = TABLE[opcode].feature
    return feature is None or bool(feature & features(parameters))


def violation(instruction: Instruction, parameters: Parameters) -> Rule | None:
    """Return the first violated rule; ILLEGAL_INSTRUCTION takes priority over other errors.

    Parameters
    ----------
    instruction : Instruction
        With all fields of its opcode, as `decode` gives it.
    parameters : Parameters

    Returns
    -------
    Rule or None
    """
    broken = [
        rule
        for rule in TABLE[instruction.opcode].rules
        if not rule.holds(instruction.fields, parameters)
    ]
    illegal = [rule for rule in broken if rule.error == ErrorCode.ILLEGAL_INSTRUCTION]
    return next(iter(illegal + broken), None)


def check(instruction: Instruction, parameters: Parameters) -> ErrorCode:
    """Return dispatch's verdict on an instruction: `ErrorCode.NONE`, or the reason for rejection.

    Parameters
    ----------
    instruction : Instruction
        With all fields of its opcode, as `decode` gives it.
    parameters : Parameters

    Returns
    -------
    ErrorCode

    Examples
    --------
    >>> check(Instruction(Opcode.LOAD, {"rows": 0, "row_bytes": 1}), Parameters()).name
    'ILLEGAL_INSTRUCTION'
    """
    if not implemented(instruction.opcode, parameters):
        return ErrorCode.ILLEGAL_INSTRUCTION
    broken = violation(instruction, parameters)
    return ErrorCode.NONE if broken is None else broken.error
