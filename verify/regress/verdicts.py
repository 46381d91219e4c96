"""How a program's end in RTL must follow from where the instruction-level machine refuses it."""

from __future__ import annotations

from enum import StrEnum

from ...golden.machine.machine import ProgramError
from ...spec.isa import (
    INSTRUCTION_BYTES,
    UNIT_OF,
    Instruction,
    Opcode,
    Unit,
    check,
    decode,
)
from ...spec.parameters import Parameters
from ...spec.registers import ErrorCode

__all__ = ["Verdict", "steps", "verdict"]


class Verdict(StrEnum):
    """The ways in which an end may be right; no other is."""

    ACCEPTED = "accepted by the machine, DONE"
    SAME = "refused with the machine's code"
    LONG = "accepted or unchecked, aborted because it ran long"
    UNCHECKED = "breaks a rule that no circuit checks, DONE"
    UNCHECKED_LATER = "breaks a rule that no circuit checks, then it or a later instruction erred"
    LATE_TOKEN = "waits for a token that a later instruction sends, DONE"
    OTHER_FIRST = "a later instruction, the bus in an earlier row, or itself later erred first"


#: Which instructions, once they run, can end with a code.
_SOURCES: dict[ErrorCode, set[Opcode]] = {
    ErrorCode.ILLEGAL_INSTRUCTION: {Opcode.COMPUTE},
    ErrorCode.READ_ERROR: {Opcode.LOAD, Opcode.WEIGHT},
    ErrorCode.WRITE_ERROR: {Opcode.STORE, Opcode.RECORD},
    ErrorCode.SCRATCHPAD_RANGE: {
        *(Opcode.LOAD, Opcode.FILL, Opcode.WEIGHT, Opcode.COMPUTE, Opcode.STORE),
        *(Opcode.ROW_TABLE, Opcode.ROWS),
    },
}


def steps(code: bytes) -> tuple[list[Instruction], bool]:
    """Instructions before END, and whether one that does not exist ends them."""
    found: list[Instruction] = []
    for at in range(0, len(code), INSTRUCTION_BYTES):
        try:
            step = decode(code[at : at + INSTRUCTION_BYTES])
        except ValueError:
            return found, True
        if step.opcode == Opcode.END:
            break
        found.append(step)
    return found, False


def verdict(
    code: bytes, refusal: ProgramError | None, found: ErrorCode, parameters: Parameters
) -> Verdict:
    """Say how a program's end is right.

    Parameters
    ----------
    code : bytes
        The program.
    refusal : ProgramError, optional
        The machine's.
    found : ErrorCode
        In RTL; ABORTED if it ran for longer than the test waits.
    parameters : Parameters

    Raises
    ------
    AssertionError
        If it is wrong.
    """
    if found == ErrorCode.ABORTED:
        assert refusal is None or refusal.unchecked, f"runs on, but {refusal}"
        return Verdict.LONG
    if refusal is None:
        assert found == ErrorCode.NONE, f"{found.name}, but the machine runs it"
        return Verdict.ACCEPTED
    if found == refusal.code:
        return Verdict.SAME
    assert not refusal.at_dispatch, f"{found.name}, but dispatch refuses it: {refusal}"
    program, breaks = steps(code)
    at, later = program[refusal.index], program[refusal.index + 1 :]
    if refusal.unchecked:
        if found == ErrorCode.NONE:
            return Verdict.UNCHECKED
        possible = _possible([at, *later], breaks, parameters)
        assert found in possible, f"{found.name} of no later instruction, but {refusal}"
        return Verdict.UNCHECKED_LATER
    if found == ErrorCode.NONE:
        assert refusal.code == ErrorCode.DEADLOCK, f"DONE, but {refusal}"
        assert _sent(at, later), f"DONE, but no token comes later: {refusal}"
        return Verdict.LATE_TOKEN
    # A deadlock shows after all else has come to rest
    possible = _possible(later, breaks, parameters) - {ErrorCode.DEADLOCK}
    if refusal.code == ErrorCode.DEADLOCK and _sent(at, later):  # it runs once its token comes
        possible |= _possible([at], False, parameters)
    if found in (ErrorCode.READ_ERROR, ErrorCode.WRITE_ERROR):  # its own earlier rows may meet one
        possible |= _possible([at], False, parameters)
    assert found in possible, f"{found.name} of no later instruction, but {refusal}"
    return Verdict.OTHER_FIRST


def _possible(program: list[Instruction], breaks: bool, parameters: Parameters) -> set[ErrorCode]:
    """Codes with which instructions can end: refused at dispatch, while they run, waiting."""
    refused = {wrong for step in program if (wrong := check(step, parameters))}
    running = {code for code, by in _SOURCES.items() if any(step.opcode in by for step in program)}
    waiting = {ErrorCode.DEADLOCK} if any(step.wait for step in program) else set()
    return refused | running | waiting | ({ErrorCode.ILLEGAL_INSTRUCTION} if breaks else set())


def _sent(waiting: Instruction, later: list[Instruction]) -> bool:
    """Whether later instructions send one of the tokens that one waits for."""
    unit = UNIT_OF[waiting.opcode]
    return any(
        waiting.wait >> UNIT_OF[step.opcode] & 1 and step.signal >> unit & 1
        for step in later
        if step.opcode in UNIT_OF and UNIT_OF[step.opcode] in Unit
    )
