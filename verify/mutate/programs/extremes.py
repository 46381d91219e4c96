"""Programs at the ends of what counters hold: tokens, wide tiles, many rows, slow answers."""

from __future__ import annotations

import numpy as np

from ....golden.machine.machine import Machine
from ....spec.isa import MAX_TOKENS, Instruction, Mode, Opcode, Unit
from ....spec.parameters import Parameters
from ..script import LIMIT, Script
from .tiles import PROGRAM, assembled

__all__ = ["long_script", "slow_script", "tokens_script"]

_OUTPUTS = 1 << 13
_LATENCY = (1 << 16) - 1  # the memory's largest, in cycles
_MAX = {"taps": 1, "lines": 1, "mode": Mode.MAX, "window_height": 1, "window_width": 1}
_MAX |= {"stride_y": 1, "stride_x": 1, "low": -128, "high": 127}


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
    fields = {"memory": _OUTPUTS + number, "rows": 1, "row_bytes": 1, "buffer": where}
    return Instruction(Opcode.STORE, fields, wait, signal)


def _begin(p: Parameters) -> list[Instruction]:
    """Activations, and outputs that a STORE may read."""
    tile = {"passes": 1, "columns": 1, "width": 16, "height": 1, "first": 1, "last": 1}
    return [
        Instruction(Opcode.FILL, {"rows": 1, "row_bytes": 1024, "value": 5}, 0, 1 << Unit.COMPUTE),
        Instruction(Opcode.SETUP, _MAX | {"run": p.rows, "step_x": 1}),
        Instruction(
            Opcode.COMPUTE, tile | {"output_pitch": 1}, 1 << Unit.LOAD, 1 << Unit.STORE
        ),
        Instruction(Opcode.STORE, {"memory": _OUTPUTS, "rows": 1, "row_bytes": 16},
                    1 << Unit.COMPUTE),
    ]  # fmt: skip


def _run(
    script: Script, program: list[Instruction], rng: np.random.Generator, p: Parameters,
    limit: int = LIMIT,
) -> None:  # fmt: skip
    before = assembled(program, rng, rng.integers(0, 256, _OUTPUTS, dtype=np.uint8))
    after = before.copy()
    Machine(p, after).run(PROGRAM)
    script.image(before)
    script.start(PROGRAM)
    script.finish(limit=limit)
    script.bytes(after)


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
            _run(script, [*_begin(parameters), *gives, *takes], rng, parameters)
            # Each taker waits for the giver before it
            turns = [step for pair in zip(gives[:8], takes[:8], strict=True) for step in pair]
            _run(script, [*_begin(parameters), *turns], rng, parameters)
    return script


def long_script(name: str, rng: np.random.Generator, parameters: Parameters, size: int) -> Script:
    """Tiles and transfers of about so many pixels or rows, all of them in the same place."""
    script = Script(name)
    script.timing(2)
    script.reset()
    ready, compute = 1 << Unit.LOAD, 1 << Unit.COMPUTE
    count = min(size, parameters.output_bytes - 1)  # pixels
    tile = {"passes": 1, "columns": 1, "first": 1, "last": 1}
    halves = {"shift": 20, "factor_a": 1 << 19, "factor_b": 1 << 19, "low": -128, "high": 127}
    scan, add = (
        Instruction(Opcode.SETUP, _MAX | {"run": parameters.rows}),
        Instruction(Opcode.SETUP_ADD, halves),
    )
    for setup, width, height in [
        *((scan, 1, count), (scan, 15, count // 15)),
        *((add, count, 1), (add, 1, count), (add, count // 31, 31)),
    ]:
        fields = tile | {"width": width, "height": height}
        program = [
            Instruction(Opcode.LOAD, {"rows": 1, "row_bytes": 1024}, 0, compute),
            setup,
            Instruction(Opcode.COMPUTE, fields, ready, 1 << Unit.STORE),
            Instruction(Opcode.STORE, {"memory": _OUTPUTS, "rows": 1, "row_bytes": 1}, compute),
        ]
        _run(script, program, rng, parameters)
    rows = {"rows": size, "row_bytes": 1}
    program = [
        *_begin(parameters),
        Instruction(Opcode.LOAD, {"memory": 8, "buffer": 1600, **rows}),
        Instruction(Opcode.FILL, {"buffer": 1700, "value": 3, **rows}),
        Instruction(Opcode.STORE, {"memory": _OUTPUTS + 64, "memory_pitch": 0, **rows}),
    ]
    _run(script, program, rng, parameters)
    return script


def slow_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """Wait 2^16 cycles for each of fetch, LOAD, WEIGHT and STORE: counters of causes fill."""
    script = Script(name)
    script.timing(_LATENCY)
    script.reset()
    beat = {"rows": 1, "row_bytes": parameters.axi_bytes}
    _, *scan, store = _begin(parameters)
    program = [
        Instruction(Opcode.LOAD, {"rows": 1, "row_bytes": 1024}, 0, 1 << Unit.WEIGHT),
        Instruction(Opcode.WEIGHT, beat, 1 << Unit.LOAD, 1 << Unit.COMPUTE),
        *(
            Instruction(step.opcode, step.fields, 1 << Unit.WEIGHT, step.signal)
            if step.opcode == Opcode.COMPUTE
            else step
            for step in scan
        ),
        store,
    ]
    _run(script, program, rng, parameters, limit=8 * _LATENCY)
    return script
