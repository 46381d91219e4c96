"""Instructions survive encoding, and values that do not fit are refused."""

from __future__ import annotations

import numpy as np
import pytest

from maccord.spec.isa import (
    FIELDS,
    HEADER_BITS,
    INSTRUCTION_BYTES,
    Instruction,
    Opcode,
    decode,
    encode,
    encode_program,
)


def random_instruction(rng: np.random.Generator, opcode: Opcode) -> Instruction:
    """An instruction with all fields at random, often at an end of their range."""
    fields = {}
    for name, (bits, signed) in FIELDS[opcode].items():
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        kind = np.int64 if signed else np.uint64
        between = int(rng.integers(low, high, endpoint=True, dtype=kind))
        fields[name] = [low, high, between][int(rng.integers(3))]
    wait, signal = (int(mask) for mask in rng.integers(0, 16, 2))
    return Instruction(opcode, fields, wait, signal)


@pytest.mark.parametrize("opcode", Opcode)
@pytest.mark.parametrize("seed", range(20))
def test_round_trip(seed: int, opcode: Opcode) -> None:
    instruction = random_instruction(np.random.default_rng(seed), opcode)
    data = encode(instruction)
    assert len(data) == INSTRUCTION_BYTES
    assert decode(data) == instruction


@pytest.mark.parametrize("opcode", Opcode)
def test_fields_fit_an_instruction(opcode: Opcode) -> None:
    assert HEADER_BITS + sum(bits for bits, _ in FIELDS[opcode].values()) <= 8 * INSTRUCTION_BYTES


def test_layout_in_memory() -> None:
    """Opcode in the low nibble, then wait, signal, and fields from bit 16 upwards."""
    fill = Instruction(Opcode.FILL, {"memory": 0x01020304, "value": -1}, wait=2, signal=4)
    data = encode(fill)
    assert data[0] == Opcode.FILL | 2 << 4
    assert data[1] == 4
    assert data[2:6] == bytes([4, 3, 2, 1])
    assert data[21] == 0xFF  # value, after 16 + 32 + 32 + 24 + 24 + 16 + 24 bits


def test_program_is_contiguous() -> None:
    program = [Instruction(Opcode.FILL, {"rows": 3}), Instruction(Opcode.END, {})]
    data = encode_program(program)
    assert data == encode(program[0]) + encode(program[1])


@pytest.mark.parametrize(
    ("opcode", "fields", "text"),
    [
        (Opcode.LOAD, {"rows": 1 << 16}, "LOAD.rows must be between 0 and 65535, got 65536"),
        (Opcode.FILL, {"value": 128}, "FILL.value must be between -128 and 127, got 128"),
        (Opcode.COMPUTE, {"first": 2}, "COMPUTE.first must be between 0 and 1, got 2"),
        (Opcode.SETUP, {"rows": 1}, "SETUP has no field rows"),
    ],
)
def test_bad_fields_are_refused(opcode: Opcode, fields: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        encode(Instruction(opcode, fields))


@pytest.mark.parametrize("opcode", sorted(set(range(16)) - set(Opcode)))
def test_unknown_opcodes_are_refused(opcode: int) -> None:
    with pytest.raises(ValueError, match=f"^{opcode} is not a valid Opcode"):
        decode(bytes([opcode]) + bytes(INSTRUCTION_BYTES - 1))
