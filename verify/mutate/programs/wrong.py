"""Wrong programs: each rule of each instruction broken, and random ones."""

from __future__ import annotations

import numpy as np

from ....golden.machine.machine import Machine, ProgramError
from ....spec.isa import (
    FIELDS,
    TABLE,
    Instruction,
    Opcode,
    check,
    encode,
    encode_program,
    implemented,
)
from ....spec.parameters import Parameters
from ....spec.registers import ErrorCode
from ..script import Script
from .tiles import END, random_program

__all__ = ["legal", "mutated_script", "refused", "rules_script"]

_SLOT = 256  # bytes of a program's place
_PROGRAM = 3 << 12
_MOST = 1 << 15  # bytes that a program moves: it takes no longer than others


def refused(opcode: Opcode, parameters: Parameters) -> list[Instruction]:
    """Instructions that dispatch refuses, each one bit or one end of a field from a legal one."""
    least = legal(opcode, parameters)
    found = []
    for field in TABLE[opcode].fields:
        old = least.fields.get(field.name, 0)
        low, high = field.span
        values = {old ^ 1 << bit for bit in range(field.bits - field.signed)} | {0, low, high}
        for value in sorted(values):
            if low <= value <= high:
                each = Instruction(opcode, least.fields | {field.name: value})
                if check(each, parameters) != ErrorCode.NONE:
                    found.append(each)
    return found


def legal(opcode: Opcode, parameters: Parameters) -> Instruction:
    """Return an instruction that dispatch accepts."""
    fields = dict.fromkeys(FIELDS[opcode], 0)
    if opcode in (Opcode.LOAD, Opcode.FILL, Opcode.STORE):
        fields |= {"rows": 1, "row_bytes": 1}
    elif opcode == Opcode.WEIGHT:
        fields |= {"rows": 1, "row_bytes": parameters.axi_bytes}
    elif opcode == Opcode.RECORD:
        fields |= {"rows": 1, "row_bytes": 128}
    elif opcode == Opcode.SETUP:
        fields |= {"run": 1, "taps": 1, "lines": 1, "mode": 2, "window_height": 1}
        fields |= {"window_width": 1, "stride_y": 1, "stride_x": 1}
    elif opcode == Opcode.SETUP_ADD:
        fields["shift"] = 16
    elif opcode == Opcode.COMPUTE:
        fields |= {"passes": 1, "columns": 1, "width": 1, "height": 1}
    found = Instruction(opcode, fields)
    assert check(found, parameters) == ErrorCode.NONE, found
    return found


def rules_script(
    name: str, parameters: Parameters, opcodes: list[Opcode], every: int = 1
) -> Script:
    """Each refused instruction as a program of its own, none of which writes anything."""
    cases = [
        (encode(each), check(each, parameters))
        for opcode in opcodes
        if implemented(opcode, parameters)
        for each in refused(opcode, parameters)
    ][::every]
    missing = [code for code in range(16) if not _exists(code, parameters)]
    cases += [(bytes([code, *bytes(31)]), ErrorCode.ILLEGAL_INSTRUCTION) for code in missing]
    memory = np.zeros(_SLOT * len(cases), np.uint8)
    for index, (code, _) in enumerate(cases):
        code += encode(END)
        memory[_SLOT * index :][: len(code)] = np.frombuffer(code, np.uint8)
    script = Script(name)
    script.timing(4)
    script.image(memory)
    script.reset()
    for index, (_, error) in enumerate(cases):
        script.start(_SLOT * index)
        script.finish(counters=False, error=error)
    script.bytes(memory)
    return script


def _exists(code: int, parameters: Parameters) -> bool:
    return code in [*Opcode] and implemented(Opcode(code), parameters)


def mutated_script(
    name: str, rng: np.random.Generator, parameters: Parameters, times: int, **timing: int
) -> Script:
    """Random programs with one to three changes, whose verdict the machine knows.

    Each runs behind the one before, and before a whole one.
    """
    program, before, after = random_program(rng, parameters, 3)
    script = Script(name)
    script.timing(**timing)
    script.reset()
    for _ in range(times):
        changed, error, own = _changed(rng, program, before, parameters)
        memory = before.copy()
        memory[_PROGRAM : _PROGRAM + len(changed)] = np.frombuffer(changed, np.uint8)
        script.image(memory)
        script.start(_PROGRAM)
        script.finish(error=error)
        script.bytes(own, np.full(own.size, error != ErrorCode.NONE))
        script.image(before)
        script.start(_PROGRAM)
        script.finish()
        script.bytes(after)
    return script


def _changed(
    rng: np.random.Generator, program: list[Instruction], before: np.ndarray, parameters: Parameters
) -> tuple[bytes, ErrorCode, np.ndarray]:
    """Return a changed program, the machine's verdict, and its memory at the end.

    What breaks a rule that no circuit checks is passed over: it may end in any way.
    """
    while True:
        changed = _change(rng, program)
        moved = sum(step["rows"] * step["row_bytes"] for step in changed if "rows" in step.fields)
        if moved > _MOST:
            continue
        code = encode_program([*changed, END])
        memory = before.copy()
        memory[_PROGRAM : _PROGRAM + len(code)] = np.frombuffer(code, np.uint8)
        try:
            Machine(parameters, memory).run(_PROGRAM)
        except ProgramError as found:
            # Another unit's later instruction may end it before one that erred in a unit
            if found.at_dispatch:
                return code, found.code, memory
            continue
        return code, ErrorCode.NONE, memory


def _change(rng: np.random.Generator, program: list[Instruction]) -> list[Instruction]:
    changed = list(program)
    for _ in range(int(rng.integers(1, 3))):
        at = int(rng.integers(len(changed)))
        old = changed[at]
        kind = rng.integers(6)
        if kind == 0:
            changed.insert(int(rng.integers(len(changed))), old)
        elif kind <= 2:
            changed = _token(rng, changed)
        else:
            name = str(rng.choice(list(FIELDS[old.opcode])))
            bits, signed = FIELDS[old.opcode][name]
            value = old.fields.get(name, 0) ^ 1 << int(rng.integers(bits - signed))
            if signed and not -(1 << bits - 1) <= value < 1 << bits - 1:
                continue
            changed[at] = Instruction(old.opcode, old.fields | {name: value}, old.wait, old.signal)
    return changed


def _token(rng: np.random.Generator, program: list[Instruction]) -> list[Instruction]:
    """Let an instruction wait for another one before it."""
    units = (Opcode.LOAD, Opcode.FILL, Opcode.WEIGHT, Opcode.COMPUTE, Opcode.STORE)
    places = [at for at, step in enumerate(program) if step.opcode in units]
    first, second = sorted(rng.choice(places, 2).tolist())
    giver, taker = (TABLE[program[at].opcode].unit for at in (first, second))
    if giver is None or taker is None or first == second:
        return program
    changed = list(program)
    a = program[first]
    changed[first] = Instruction(a.opcode, a.fields, a.wait, a.signal | 1 << taker)
    b = program[second]
    changed[second] = Instruction(b.opcode, b.fields, b.wait | 1 << giver, b.signal)
    return changed
