"""Instructions on rows in the machine: what it refuses beside what dispatch does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from row_programs import ROW_PARAMETERS, Place, RowProgram

from maccord.golden.machine.machine import Machine, ProgramError
from maccord.golden.row.softmax import softmax
from maccord.spec.isa import Instruction, Opcode, Unit
from maccord.spec.registers import ErrorCode

X_Q = np.arange(20, dtype=np.uint8).reshape(2, 10)
RANGE, ILLEGAL, DEADLOCK = (
    ErrorCode.SCRATCHPAD_RANGE,
    ErrorCode.ILLEGAL_INSTRUCTION,
    ErrorCode.DEADLOCK,
)


def prepared() -> tuple[RowProgram, Place, np.ndarray]:
    """A table, and codes in their place, whose token is there."""
    program = RowProgram(np.random.default_rng(0))
    terms = program.softmax_table(0.1, 10)
    place = program.place(2, 10, gap=3)
    program.codes(place, X_Q)
    return program, place, terms


def test_rows_are_replaced_in_place() -> None:
    program, place, terms = prepared()
    program.run(place)
    program.store(place, softmax(X_Q, terms))
    memory, start = program.image()
    Machine(program.parameters, memory).run(start)
    ((offset, due),) = program.outputs
    np.testing.assert_array_equal(memory[offset : offset + due.size].view(np.int8), due)


def rows(place: Place, **fields: int) -> Callable[[RowProgram], None]:
    found = {"buffer": place.buffer, "buffer_pitch": place.pitch, "rows": 2, "elements": 10}
    step = Instruction(Opcode.ROWS, found | fields, 1 << Unit.COMPUTE)
    return lambda program: program.program.append(step)


SIZE = ROW_PARAMETERS.output_bytes
PLACE = prepared()[1]
TABLE = Instruction(Opcode.ROW_TABLE, {"buffer": PLACE.buffer, "entries": 3}, 1 << Unit.COMPUTE)
REFUSED: dict[str, tuple[Callable[[RowProgram], None], ErrorCode, bool, str]] = {
    "beyond": (
        rows(PLACE, buffer=SIZE - 22),
        *(RANGE, False, f"output address {SIZE} is beyond {SIZE - 1}"),
    ),
    "overlapping": (rows(PLACE, buffer_pitch=9), ILLEGAL, True, "rows must not overlap"),
    "not written": (
        rows(PLACE, buffer=PLACE.buffer + 500),
        *(RANGE, True, "reads rows that nobody computed"),
    ),
    "a short table": (
        lambda program: program.program.append(TABLE),
        *(ILLEGAL, True, "must have 256 entries"),
    ),
    "no token": (
        lambda program: program.run(PLACE, wait=0),
        *(DEADLOCK, True, "that COMPUTE may still be using"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_rows_are_refused(name: str) -> None:
    change, code, unchecked, reason = REFUSED[name]
    program = prepared()[0]
    change(program)
    memory, start = program.image()
    with pytest.raises(ProgramError, match=reason) as refused:
        Machine(program.parameters, memory).run(start)
    assert (refused.value.code, refused.value.unchecked) == (code, unchecked)
    assert not refused.value.at_dispatch


def test_a_tile_that_overwrites_rows_needs_a_token() -> None:
    program, place, _ = prepared()
    program.run(place)
    program.copy(np.zeros(8, np.uint8), place.buffer)
    memory, start = program.image()
    with pytest.raises(ProgramError, match="that STORE may still be using"):
        Machine(program.parameters, memory).run(start)
