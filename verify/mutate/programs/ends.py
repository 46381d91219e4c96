"""How programs end: aborts, the status of each error, and registers read while written."""

from __future__ import annotations

import numpy as np

from ....spec.isa import Instruction, Opcode, Unit, encode_program
from ....spec.parameters import Parameters
from ....spec.registers import Command, Register, Status
from ..script import LIMIT, Script, Step
from .judged import MAX_OF_ONE
from .tiles import END

__all__ = ["aborts_script", "errors_script", "overlaps_script"]

_DECERR = 3
_DATA = 1 << 12
_BYTE = {"rows": 1, "row_bytes": 1}


def _many_bursts(p: Parameters) -> list[Instruction]:
    """Rows of one byte, each a burst: more than the memory takes, while the fetch goes on."""
    rows = {"memory": _DATA, "memory_pitch": 8, "rows": 40, "row_bytes": 1}
    setup = Instruction(Opcode.SETUP, MAX_OF_ONE | {"run": p.rows})
    return [*[Instruction(Opcode.LOAD, rows)] * 3, *[setup] * 60, Instruction(Opcode.STORE, rows)]


def aborts_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """Abort a program of many bursts at each cycle of its start, and while addresses wait."""
    code = encode_program([*_many_bursts(parameters), END])
    memory = rng.integers(0, 256, 2 * _DATA, dtype=np.uint8)
    memory[: len(code)] = np.frombuffer(code, np.uint8)
    script = Script(name)
    script.image(memory)
    script.reset()
    seed = int(rng.integers(1 << 31))
    for timing, waits in (((12, 5, 190, seed), range(60)), ((150,), range(150, 500, 7))):
        script.timing(*timing)
        for wait in waits:
            script.start(0)
            script.ticks(wait)
            script.write(Register.CONTROL, Command.ABORT)
            script.finish(counters=False, error=None)
    script.bytes(memory, np.ones(memory.size, bool))
    return script


def errors_script(name: str, parameters: Parameters) -> Script:
    """Clear each bit of STATUS alone after each error; the others stay."""
    load = Instruction(Opcode.LOAD, {"memory": _DATA, **_BYTE})
    outside = Instruction(Opcode.LOAD, _BYTE | {"buffer": parameters.activation_bytes})
    stored = Instruction(Opcode.STORE, {"memory": _DATA + 64, **_BYTE})
    unready = Instruction(Opcode.LOAD, _BYTE, 1 << Unit.STORE)
    illegal = Instruction(Opcode.LOAD, {})
    programs = [[illegal], [outside], [load], [stored], [unready], [unready], []]
    memory = np.zeros(2 * _DATA, np.uint8)
    for number, program in enumerate(programs):
        code = encode_program([*program, END])
        memory[256 * number :][: len(code)] = np.frombuffer(code, np.uint8)
    script = Script(name)
    script.timing(4)
    script.image(memory)
    script.reset()
    script.inject(_DATA, 128, _DECERR)
    bits = (Status.DONE, Status.RECORDED, Status.ERROR)
    for number in range(len(programs)):
        for first in bits:
            script.start(256 * number)
            if number == len(programs) - 2:
                script.ticks(100)
                script.write(Register.CONTROL, Command.ABORT)
            script.errors.append(None)
            script.steps += [(Step.RUN, LIMIT), (Step.OBSERVE,)]
            for bit in (first, *bits):
                script.write(Register.STATUS, bit)
                script.read(Register.STATUS)
    script.bytes(memory, np.ones(memory.size, bool))
    return script


def overlaps_script(name: str, rng: np.random.Generator) -> Script:
    """Write a register while it is read, with each distance in cycles between the two."""
    script = Script(name)
    script.timing()
    script.image(np.zeros(_DATA, np.uint8))
    script.reset()
    places = (Register.PROGRAM, Register.BASE_LOW, Register.BASE_HIGH, Register.IRQ_ENABLE)
    for register in places:
        for lead in range(8):
            for value in (0xFFFF_FFFF, 0, int(rng.integers(1 << 32))):
                script.both(register, value, register, lead)
    return script
