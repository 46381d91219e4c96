"""Transfers and tiles of unusual pitches and lengths, and many of them under way at once."""

from __future__ import annotations

import numpy as np

from ....spec.isa import Instruction, Mode, Opcode, Unit
from ....spec.parameters import Parameters
from ....spec.registers import ErrorCode, Register
from ..script import Script
from .judged import MAX_OF_ONE, OUTPUTS, begin, run_judged

__all__ = ["oversized_script", "pitches_script", "rows_script", "waiting_script"]

_LOAD, _WEIGHT, _COMPUTE, _STORE = (1 << unit for unit in Unit)
_HALF = 1 << 10  # bytes; a scan shows so many
_ONE_ROW = {"rows": 1, "row_bytes": _HALF}


def _scan(p: Parameters, first: int, count: int = _HALF) -> list[Instruction]:
    """Copy activations to the outputs, from their start."""
    tile = {"activation": first, "passes": 1, "columns": 1, "width": count, "height": 1}
    tile |= {"first": 1, "last": 1, "output_pitch": 1}
    return [
        Instruction(Opcode.SETUP, MAX_OF_ONE | {"run": p.rows, "step_x": 1}),
        Instruction(Opcode.COMPUTE, tile, 0, _STORE),
    ]


def _powers(limit: int) -> list[int]:
    return [1 << bit for bit in range(limit.bit_length() - 1)]


def pitches_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """Rows and pixels at distances of each power of two, in memory and in each scratchpad."""
    p = parameters
    script = Script(name)
    script.timing(4)
    script.reset()
    whole = Instruction(Opcode.LOAD, {"rows": 1, "row_bytes": p.activation_bytes}, 0, _COMPUTE)
    row = {"rows": 2, "row_bytes": 1}
    loads = [
        Instruction(Opcode.LOAD, {"memory": 7, "memory_pitch": pitch, "buffer": number,
                                  "buffer_pitch": pitch // 4, **row})
        for number, pitch in enumerate(_powers(4 * p.activation_bytes))
    ]  # fmt: skip
    loads[-1] = Instruction(Opcode.LOAD, loads[-1].fields, 0, _COMPUTE)
    shown = Instruction(Opcode.STORE, {"memory": OUTPUTS, **_ONE_ROW}, _COMPUTE, _COMPUTE)
    for half in (0, _HALF):
        scan = _scan(p, half)
        scan[1] = Instruction(Opcode.COMPUTE, scan[1].fields, _LOAD, _STORE)
        run_judged(script, [*loads, *scan, shown], rng, p)
    stores = [
        Instruction(Opcode.STORE, {"memory": OUTPUTS + 3 * number, "memory_pitch": 2 * pitch,
                                   "buffer": number, "buffer_pitch": pitch, **row})
        for number, pitch in enumerate(_powers(p.output_bytes))
    ]  # fmt: skip
    stores[0] = Instruction(Opcode.STORE, stores[0].fields, _COMPUTE)
    scan = _scan(p, 0)
    scan[1] = Instruction(Opcode.COMPUTE, scan[1].fields, _LOAD, _STORE)
    run_judged(script, [whole, *scan, *stores], rng, p)
    tiles: list[Instruction] = [scan[0]]
    for number, pitch in enumerate(_powers(p.output_bytes)):
        tile = {"activation": 40 * number, "passes": 1, "columns": p.cols, "width": 2, "height": 1}
        tile |= {"first": 1, "last": 1, "output": number, "output_pitch": pitch}
        tiles.append(Instruction(Opcode.COMPUTE, tile, _LOAD * (not number), _STORE))
        stored = {"memory": OUTPUTS + 8 * number, "memory_pitch": 4, "buffer": number}
        stored |= {"buffer_pitch": pitch, "rows": 2, "row_bytes": p.cols}
        tiles.append(Instruction(Opcode.STORE, stored, _COMPUTE))
    run_judged(script, [whole, *tiles], rng, p)
    return script


def rows_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """Rows of many bursts: as long as each scratchpad, and weights that wrap in theirs."""
    p = parameters
    script = Script(name)
    script.timing(4)
    script.reset()
    load = Instruction(Opcode.LOAD, {"memory": 509, "rows": 1, "row_bytes": p.activation_bytes}, 0,
                       _COMPUTE)  # fmt: skip
    scan = _scan(p, 0, p.output_bytes)
    scan[1] = Instruction(Opcode.COMPUTE, scan[1].fields, _LOAD, _STORE)
    size = p.output_bytes
    stores = [
        Instruction(Opcode.STORE, {"memory": OUTPUTS + at, "memory_pitch": size + 3, "rows": rows,
                                   "row_bytes": size}, _COMPUTE * (not number))
        for number, (at, rows) in enumerate([(511, 3), (3, 1), (1, 1), (511, 1), (509, 1)])
    ]  # fmt: skip
    run_judged(script, [load, *scan, *stores], rng, p)
    first = {"run": p.rows, "taps": 1, "lines": 1, "low": -128, "high": 127, "step_x": 5}
    tile = {"passes": 1, "columns": p.cols, "width": 4, "height": 4, "first": 1, "last": 1}
    dense = [
        Instruction(Opcode.SETUP, first | {"mode": Mode.DENSE}),
        Instruction(Opcode.COMPUTE, tile | {"output_pitch": p.cols}, _LOAD | _WEIGHT, _STORE),
        Instruction(Opcode.STORE, {"memory": OUTPUTS, "rows": 1, "row_bytes": 16 * p.cols},
                    _COMPUTE),
    ]  # fmt: skip
    for length in (0x1550, 0x0AA8, 0x1FF8):  # machine: weights that do not fit
        weights = {"memory": 8, "buffer": 16, "rows": 1, "row_bytes": length}
        run_judged(script, [load, Instruction(Opcode.WEIGHT, weights, 0, _COMPUTE), *dense], rng, p)
    return script


def waiting_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """More commands and bursts than may be under way, with a memory that answers late."""
    p = parameters
    script = Script(name)
    script.timing(180, 50, 0, 3)
    script.reset()
    many = {"rows": 90, "row_bytes": 1}
    byte = {"rows": 1, "row_bytes": 1}
    program = [
        *begin(p, 64),
        *(Instruction(Opcode.STORE, {"memory": OUTPUTS + 64 + n, "buffer": n, **byte})
          for n in range(12)),
        Instruction(Opcode.STORE, {"memory": OUTPUTS + 128, "memory_pitch": 2, "buffer": 1,
                                   **many}, 0, _LOAD),
        *(Instruction(Opcode.LOAD, {"memory": 8 * n, "buffer": 1100 + n, **byte})
          for n in range(12)),
        Instruction(Opcode.LOAD, {"memory": 9, "memory_pitch": 9, "buffer": 1200,
                                  "buffer_pitch": 2, **many}, _STORE),
        *(Instruction(Opcode.WEIGHT, {"memory": 8 * n, "rows": 1, "row_bytes": p.axi_bytes})
          for n in range(12)),
    ]  # fmt: skip
    run_judged(script, program, rng, p)
    return script


def oversized_script(
    name: str, rng: np.random.Generator, parameters: Parameters, sizes: tuple[int, ...]
) -> Script:
    """Lines and columns of pixels beyond the outputs: an error, after which the walk goes on.

    A tile behind it has begun by then. What both leave is stored by the next program, and the state
    of the units shows when they have ended.
    """
    p = parameters
    script = Script(name)
    script.timing(4)
    script.reset()
    load = Instruction(Opcode.LOAD, {"rows": 1, "row_bytes": p.activation_bytes}, 0, _COMPUTE)
    small = {"activation": 99, "passes": 1, "columns": p.cols, "width": 3, "height": 5}
    small |= {"first": 1, "last": 1, "output": 77, "output_pitch": 9}
    stored = Instruction(Opcode.STORE, {"memory": OUTPUTS, "rows": 1,
                                        "row_bytes": p.output_bytes})  # fmt: skip
    beyond = ErrorCode.SCRATCHPAD_RANGE
    for size in sizes:
        for width, height in ((size, 1), (1, size)):
            setup, large = _scan(p, 0)
            fields = large.fields | {"width": width, "height": height}
            program = [
                load,
                Instruction(Opcode.SETUP, setup.fields | {"step_y": 1}),
                Instruction(Opcode.COMPUTE, fields, _LOAD, _STORE),
                Instruction(Opcode.COMPUTE, small),
            ]
            run_judged(script, program, rng, p, error=beyond)
            for _ in range(8):
                script.ticks(size // 7)
                script.read(Register.UNITS)
            run_judged(script, [stored], rng, p)
    return script
