"""Programs at the ends of what counters hold: wide tiles, many rows, slow answers."""

from __future__ import annotations

import numpy as np

from ....spec.isa import Instruction, Opcode, Unit
from ....spec.parameters import Parameters
from ..script import Script
from .judged import MAX_OF_ONE, OUTPUTS, begin, run_judged

__all__ = ["long_script", "slow_script"]

_LATENCY = (1 << 16) - 1  # the memory's largest, in cycles


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
        Instruction(Opcode.SETUP, MAX_OF_ONE | {"run": parameters.rows}),
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
            Instruction(Opcode.STORE, {"memory": OUTPUTS, "rows": 1, "row_bytes": 1}, compute),
        ]
        run_judged(script, program, rng, parameters)
    rows = {"rows": size, "row_bytes": 1}
    program = [
        *begin(parameters),
        Instruction(Opcode.LOAD, {"memory": 8, "buffer": 1600, **rows}),
        Instruction(Opcode.FILL, {"buffer": 1700, "value": 3, **rows}),
        Instruction(Opcode.STORE, {"memory": OUTPUTS + 64, "memory_pitch": 0, **rows}),
    ]
    run_judged(script, program, rng, parameters)
    return script


def slow_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """Wait 2^16 cycles for each of fetch, LOAD, WEIGHT and STORE: counters of causes fill."""
    script = Script(name)
    script.timing(_LATENCY)
    script.reset()
    beat = {"rows": 1, "row_bytes": parameters.axi_bytes}
    _, *scan, store = begin(parameters)
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
    run_judged(script, program, rng, parameters, limit=8 * _LATENCY)
    return script
