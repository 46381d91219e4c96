"""Random and mutated programs, wrong or legal, and the bytes that they may write."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ...spec.isa import (
    FIELDS,
    INSTRUCTION_BYTES,
    UNIT_OF,
    Instruction,
    Opcode,
    Unit,
    encode,
    encode_program,
)
from ...spec.isa_row import ROW_INSTRUCTIONS
from .verdicts import steps

__all__ = ["END", "KINDS", "mutated", "random_bytes", "random_fields", "targets"]

END = encode(Instruction(Opcode.END, {}))
_OFFSETS = 1 << 32  # bytes that 32-bit offsets reach


def _value(rng: np.random.Generator, bits: int, signed: bool) -> int:
    """Return a value of a field: small, large or any."""
    most = (1 << bits - signed) - 1
    any_ = int(rng.integers(0, most, endpoint=True, dtype=np.uint64))
    kinds = [0, 1, most, any_, int(rng.integers(0, min(63, most), endpoint=True))]
    value = kinds[int(rng.integers(len(kinds)))]
    return value & -64 if bits >= 24 and rng.random() < 0.3 else value  # aligned to any bus


def mutated(rng: np.random.Generator, legal: Sequence[Instruction]) -> bytes:
    """Return a legal program, given without END, with one to three changes.

    A change deletes, repeats or moves an instruction, or alters its fields or token masks.
    """
    program = list(legal)
    for _ in range(int(rng.integers(1, 4))):
        if not program:
            break
        at = int(rng.integers(len(program)))
        old = program[at]
        kind = rng.integers(6)
        if kind == 0:
            del program[at]
        elif kind == 1:
            program.insert(int(rng.integers(len(program))), old)
        elif kind == 2:
            program.insert(int(rng.integers(len(program))), program.pop(at))
        elif kind == 3 or not FIELDS[old.opcode]:
            wait, signal = (int(rng.integers(16)) for _ in range(2))
            program[at] = Instruction(old.opcode, old.fields, wait, signal)
        else:
            name = str(rng.choice(list(FIELDS[old.opcode])))
            value = _value(rng, *FIELDS[old.opcode][name])
            program[at] = Instruction(old.opcode, old.fields | {name: value}, old.wait, old.signal)
    return encode_program(program) + END


def random_fields(rng: np.random.Generator, legal: Sequence[Instruction]) -> bytes:
    """Return instructions with random fields, half of them small, and few tokens."""
    program: list[Instruction] = []
    for _ in range(int(rng.integers(1, 12))):
        opcode = Opcode(int(rng.choice([int(o) for o in Opcode if o != Opcode.END])))
        fields = {name: _value(rng, *shape) for name, shape in FIELDS[opcode].items()}
        masks = [int(rng.integers(16)) if rng.random() < 0.2 else 0 for _ in range(2)]
        program.append(Instruction(opcode, fields, *masks))
    return encode_program(program) + END


def random_bytes(rng: np.random.Generator, legal: Sequence[Instruction]) -> bytes:
    """Return any bytes, but for opcodes that exist in half of them."""
    words = [bytearray(rng.bytes(INSTRUCTION_BYTES)) for _ in range(int(rng.integers(1, 8)))]
    for word in words:
        if rng.random() < 0.7:
            word[0] = word[0] & 0xF0 | int(rng.integers(2, 10))
            word[0] &= 0x0F if rng.random() < 0.5 else 0xFF
    return b"".join(words) + END


KINDS: dict[str, Callable[[np.random.Generator, Sequence[Instruction]], bytes]] = {
    "mutated": mutated,
    "random fields": random_fields,
    "random bytes": random_bytes,
}


def targets(code: bytes, size: int) -> npt.NDArray[np.bool_]:
    """Return which of `size` bytes of memory a program's STOREs and RECORDs may write."""
    allowed = np.zeros(size, bool)
    for step in steps(code)[0]:
        if UNIT_OF.get(step.opcode) != Unit.STORE or step.opcode in ROW_INSTRUCTIONS:
            continue
        starts = (step["memory"] + np.arange(step["rows"]) * step["memory_pitch"]) % _OFFSETS
        for start in starts[(starts < size) | (starts + step["row_bytes"] > _OFFSETS)].tolist():
            allowed[start : start + step["row_bytes"]] = True
            if (over := start + step["row_bytes"] - _OFFSETS) > 0:
                allowed[:over] = True
    return allowed
