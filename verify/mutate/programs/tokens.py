"""Token handshakes: many at once, one by one with slow instructions, and missing ones."""

from __future__ import annotations

import numpy as np

from ....spec.isa import MAX_TOKENS, Instruction, Opcode, Unit, implemented
from ....spec.parameters import Parameters
from ....spec.registers import ErrorCode
from ..script import Script
from .judged import OUTPUTS, begin, run_judged

__all__ = ["handshakes_script", "missing_script", "tokens_script"]

_ROW = 256  # bytes, or pixels, of a slow instruction


def _instruction(unit: Unit, p: Parameters, number: int, wait: int, signal: int) -> Instruction:
    """Return a short one of a unit, which conflicts with none of another."""
    where = number % 16
    if unit == Unit.LOAD:
        fields = {"rows": 1, "row_bytes": 1, "buffer": 1024 + where, "value": number % 128}
        return Instruction(Opcode.FILL, fields, wait, signal)
    if unit == Unit.WEIGHT:
        fields = {"memory": 64 * where, "rows": 1, "row_bytes": p.axi_bytes}
        return Instruction(Opcode.WEIGHT, fields, wait, signal)
    if unit == Unit.COMPUTE:
        fields = {"passes": 1, "columns": 1, "width": 1, "height": 1, "output": 512 + where}
        return Instruction(Opcode.COMPUTE, fields | {"first": 1, "last": 1}, wait, signal)
    fields = {"memory": OUTPUTS + number, "rows": 1, "row_bytes": 1, "buffer": where}
    return Instruction(Opcode.STORE, fields, wait, signal)


def tokens_script(
    name: str, rng: np.random.Generator, parameters: Parameters, most: int = MAX_TOKENS
) -> Script:
    """Each unit gives every other one many tokens before it takes any, then one by one."""
    script = Script(name)
    script.timing(2)
    script.reset()
    for giver in Unit:
        for taker in Unit:
            if giver == taker:
                continue
            count = int(rng.integers(most * 2 // 3, most + 1))
            gives = [_instruction(giver, parameters, n, 0, 1 << taker) for n in range(count)]
            takes = [_instruction(taker, parameters, n, 1 << giver, 0) for n in range(count)]
            run_judged(script, [*begin(parameters), *gives, *takes], rng, parameters)
            # Each taker waits for the giver before it
            turns = [step for pair in zip(gives[:8], takes[:8], strict=True) for step in pair]
            run_judged(script, [*begin(parameters), *turns], rng, parameters)
    return script


def _slow(unit: Unit, p: Parameters, number: int, wait: int, signal: int) -> Instruction:
    """Return one of some 40 to 300 cycles, which conflicts with none of another unit."""
    if unit == Unit.LOAD:
        fields = {"memory": 1 + number, "rows": 1, "row_bytes": _ROW, "buffer": 1100 + number}
        return Instruction(Opcode.LOAD, fields, wait, signal)
    if unit == Unit.WEIGHT:
        fields = {"memory": 64 * (number % 16), "rows": 1, "row_bytes": _ROW}
        return Instruction(Opcode.WEIGHT, fields, wait, signal)
    if unit == Unit.COMPUTE:
        fields = {"passes": 1, "columns": 1, "width": _ROW, "height": 1, "output": 512}
        fields |= {"first": 1, "last": 1, "output_pitch": 1, "activation": number}
        return Instruction(Opcode.COMPUTE, fields, wait, signal)
    fields = {"memory": OUTPUTS + number, "rows": 1, "row_bytes": _ROW}
    return Instruction(Opcode.STORE, fields, wait, signal)


def handshakes_script(
    name: str, rng: np.random.Generator, parameters: Parameters, steps: int = 24
) -> Script:
    """Slow instructions, of which each that starts too early or too late changes the cycles.

    First each unit gives a token to each, itself included, which takes it next; then random units
    give and take what is there.
    """
    script = Script(name)
    script.timing(2)
    script.reset()
    count = len(Unit)
    pairs = [(Unit(n // count), Unit(n % count)) for n in rng.permutation(count * count)]
    program = begin(parameters, _ROW)
    for number, (giver, taker) in enumerate(pairs):
        program.append(_slow(giver, parameters, number, 0, 1 << taker))
        program.append(_slow(taker, parameters, number + 16, 1 << giver, 0))
    run_judged(script, program, rng, parameters)
    program = begin(parameters, _ROW)
    there = np.zeros((count, count), int)  # tokens, of each giver for each taker
    for number in range(steps):
        unit = int(rng.integers(count))
        wait = [giver for giver in range(count) if there[giver, unit] and rng.random() < 0.7]
        signal = [taker for taker in range(count) if rng.random() < 0.4]
        there[wait, unit] -= 1
        there[unit, signal] += 1
        masks = (sum(1 << other for other in each) for each in (wait, signal))
        program.append(_slow(Unit(unit), parameters, number, *masks))
    run_judged(script, program, rng, parameters)
    return script


def missing_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """Each unit waits for a token of each, itself included, that none gives: no progress."""
    script = Script(name)
    script.timing(2)
    script.reset()
    for taker in Unit:
        for giver in Unit:
            waiting = _instruction(taker, parameters, 1, 1 << giver, 0)
            program = [*begin(parameters), waiting]
            run_judged(script, program, rng, parameters, error=ErrorCode.DEADLOCK)
    if implemented(Opcode.TABLE, parameters):
        for giver in Unit:
            program = [*begin(parameters), Instruction(Opcode.TABLE, {}, 1 << giver, 0)]
            run_judged(script, program, rng, parameters, error=ErrorCode.DEADLOCK)
    return script
