"""The verdicts on how programs end accept no other error than the program can cause."""

from __future__ import annotations

import pytest
from error_programs import SMALL

from maccord.golden.machine.machine import ProgramError
from maccord.spec.isa import Instruction, Opcode, Unit, encode_program
from maccord.spec.registers import ErrorCode
from maccord.verify.regress.verdicts import Verdict, verdict

LOAD = Instruction(Opcode.LOAD, {"rows": 1, "row_bytes": 8})
WAITING = Instruction(Opcode.LOAD, {"rows": 1, "row_bytes": 8}, wait=1 << Unit.COMPUTE)
STORE = Instruction(Opcode.STORE, {"rows": 1, "row_bytes": 8})
END = Instruction(Opcode.END, {})
UNCHECKED = ProgramError(1, ErrorCode.SCRATCHPAD_RANGE, "reads what nobody loaded", unchecked=True)


def judged(found: ErrorCode, *program: Instruction) -> Verdict:
    """Judge a program whose second instruction breaks an unchecked rule."""
    return verdict(encode_program([*program, END]), UNCHECKED, found, SMALL)


@pytest.mark.parametrize(
    ("found", "program"),
    [
        (ErrorCode.READ_ERROR, (STORE, LOAD)),
        (ErrorCode.WRITE_ERROR, (LOAD, LOAD, STORE)),
        (ErrorCode.DEADLOCK, (LOAD, LOAD, WAITING)),
    ],
)
def test_errors_that_later_instructions_cause(
    found: ErrorCode, program: tuple[Instruction, ...]
) -> None:
    assert judged(found, *program) == Verdict.UNCHECKED_LATER


@pytest.mark.parametrize(
    ("found", "program"),
    [
        (ErrorCode.READ_ERROR, (LOAD, STORE)),
        (ErrorCode.WRITE_ERROR, (STORE, LOAD)),
        (ErrorCode.DEADLOCK, (WAITING, LOAD, STORE)),
        (ErrorCode.ILLEGAL_INSTRUCTION, (LOAD, LOAD, STORE)),
    ],
)
def test_errors_of_no_later_instruction_are_wrong(
    found: ErrorCode, program: tuple[Instruction, ...]
) -> None:
    with pytest.raises(AssertionError, match=f"{found.name} of no later instruction"):
        judged(found, *program)


def test_what_waits_for_a_late_token_may_err_itself() -> None:
    """A COMPUTE before its SETUP: illegal once its token has come, a deadlock if none comes."""
    early = Instruction(Opcode.COMPUTE, {"passes": 1}, wait=1 << Unit.LOAD)
    sends = Instruction(Opcode.LOAD, {"rows": 1, "row_bytes": 8}, signal=1 << Unit.COMPUTE)
    refusal = ProgramError(0, ErrorCode.DEADLOCK, "waits for a token that is not there")
    code = encode_program([early, sends, END])
    assert verdict(code, refusal, ErrorCode.ILLEGAL_INSTRUCTION, SMALL) == Verdict.OTHER_FIRST
    code = encode_program([early, LOAD, END])
    with pytest.raises(AssertionError, match="ILLEGAL_INSTRUCTION of no later instruction"):
        verdict(code, refusal, ErrorCode.ILLEGAL_INSTRUCTION, SMALL)
