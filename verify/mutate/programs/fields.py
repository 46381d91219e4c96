"""Each bit of each field of each instruction flipped alone, in a program around it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ....golden.machine.machine import Machine, ProgramError
from ....spec.isa import (
    FIELDS,
    PARAMETER_ROWS,
    TABLE,
    Instruction,
    Mode,
    Opcode,
    Unit,
    encode_program,
    implemented,
)
from ....spec.parameters import Parameters
from ....spec.registers import ErrorCode
from ..script import Script
from .tiles import END

__all__ = ["fields_script", "flipped"]

_DATA, _WEIGHTS, _OUTPUTS = 512, 256, 256  # bytes at the start of memory; of each program
_SLOT = 512  # bytes of a program's place: 16 instructions
_MOST = 1 << 16  # bytes that a program moves
_LOAD, _WEIGHT, _COMPUTE, _STORE = (1 << unit for unit in Unit)

Bytes = npt.NDArray[np.uint8]


def _instructions(p: Parameters) -> dict[Opcode, Instruction]:
    """Return a legal one of each opcode, most of whose fields count."""
    banks = p.activation_banks
    output = {"zero_point": 3, "low": -120, "high": 119}
    transfer = {"memory": 37, "memory_pitch": 33, "buffer": 41, "buffer_pitch": 25}
    transfer |= {"rows": 3, "row_bytes": 21}
    dense = {"run": 5, "taps": 2, "tap_pitch": 5 + banks, "lines": 2, "line_pitch": 50}
    dense |= {"step_x": 3, "step_y": 30, "mode": Mode.DENSE, **output}
    pairs = {"zero_point_a": 5, "zero_point_b": -7, "operand_pitch": 2 * banks, "step_x": 3}
    pairs |= {"step_y": 17, **output}
    add = {"factor_a": 0x12_3457, "factor_b": 0x0F_EDCB, "shift": 21}
    multiplier = int(np.float32(0.0073).view(np.uint32))
    found = {
        Opcode.LOAD: transfer,
        Opcode.FILL: transfer | {"memory": 0, "memory_pitch": 0, "value": 77},
        Opcode.WEIGHT: {"memory": _DATA + 64, "buffer": 64, "rows": 1, "row_bytes": 64},
        Opcode.SETUP: dense,
        Opcode.SETUP_ADD: add | pairs,
        Opcode.SETUP_MUL: {"multiplier": multiplier, **pairs},
        Opcode.COMPUTE: _tile(passes=_passes(p), output=2, output_pitch=3),
        Opcode.STORE: {
            "buffer": 3, "buffer_pitch": 3, "memory_pitch": 5, "rows": 4, "row_bytes": 2
        },
        Opcode.RECORD: {"rows": 1, "row_bytes": 128},
        Opcode.TABLE: {"activation": 100},
    }  # fmt: skip
    return {
        opcode: Instruction(opcode, dict.fromkeys(FIELDS[opcode], 0) | fields)
        for opcode, fields in found.items()
        if implemented(opcode, p)
    }


def _passes(p: Parameters) -> int:
    """Count the passes of the dense setup: vectors do not continue into another run."""
    return 4 * -(-5 // p.rows)


def _tile(**fields: int) -> dict[str, int]:
    return {
        "activation": 9, "passes": 1, "columns": 2, "width": 3, "height": 2, "first": 1, "last": 1,
        "accumulator": 1, "output": 0, "output_pitch": 2,
    } | fields  # fmt: skip


def flipped(instruction: Instruction, every: int = 1) -> Iterator[Instruction]:
    """Yield it with one bit of a field flipped, for every bit or some of them."""
    fields = TABLE[instruction.opcode].fields
    bits = [(field, bit) for field in fields for bit in range(field.bits)]
    for number, (field, bit) in enumerate(bits):
        if number % every:
            continue
        word = (instruction[field.name] & (1 << field.bits) - 1) ^ 1 << bit
        if field.signed and word >> field.bits - 1:
            word -= 1 << field.bits
        yield Instruction(instruction.opcode, instruction.fields | {field.name: word})


def _around(p: Parameters, tested: Instruction, place: int) -> list[Instruction]:
    """Put an instruction into a program that shows what it does, in outputs at an offset."""
    legal = _instructions(p)
    data = {"rows": 1, "row_bytes": _DATA // 2}
    weights = {"memory": _DATA, "rows": 1, "row_bytes": _WEIGHTS}
    opcode, fields = tested.opcode, tested.fields
    begin = [Instruction(Opcode.LOAD, data), Instruction(Opcode.WEIGHT, weights, 0, _COMPUTE)]
    ready = _LOAD | _WEIGHT
    show = {"activation": 0, "columns": 2, "width": 12, "height": 10, "output_pitch": 2}
    dense = [legal[Opcode.SETUP]]
    tile = legal[Opcode.COMPUTE].fields
    if opcode in (Opcode.LOAD, Opcode.FILL):
        scan = {"mode": Mode.MAX, "window_height": 1, "window_width": 1, "stride_y": 1,
                "stride_x": 1, "step_x": 2, "step_y": 24, "run": p.rows, "taps": 1, "lines": 1,
                "low": -128, "high": 127}  # fmt: skip
        middle = [Instruction(opcode, fields, 0, _COMPUTE), Instruction(Opcode.SETUP, scan)]
        tile = _tile(**show, accumulator=0)
    else:
        begin[0] = Instruction(Opcode.LOAD, data, 0, _COMPUTE)
        middle = dense
        if opcode == Opcode.WEIGHT:
            begin[1] = Instruction(Opcode.WEIGHT, weights)
            middle = [Instruction(opcode, fields, 0, _COMPUTE), *dense]
        elif opcode in (Opcode.SETUP, Opcode.SETUP_ADD, Opcode.SETUP_MUL):
            middle = [Instruction(opcode, fields)]
            if opcode != Opcode.SETUP:
                tile = _tile(output=2, output_pitch=3)
        elif opcode == Opcode.TABLE:
            middle = [*dense, Instruction(opcode, fields, ready)]
            ready = 0
        elif opcode == Opcode.COMPUTE:
            tile = fields
    count = min(max(tile["width"] * tile["height"], 1) * 3 + 2, _OUTPUTS)
    store = {"memory": place, "rows": 1, "row_bytes": count - 2, "buffer": tile["output"]}
    if opcode == Opcode.STORE:
        store = fields | {"memory": (fields["memory"] + place) % (1 << 32)}
    if opcode == Opcode.LOAD or opcode == Opcode.FILL:
        store["row_bytes"] = 240
    if opcode == Opcode.COMPUTE:  # only what the unchanged tile writes: the others may not
        store = {"memory": place, "rows": 6, "row_bytes": 2, "memory_pitch": 2, "buffer_pitch": 3,
                 "buffer": tile["output"]}  # fmt: skip
    elif opcode not in (Opcode.STORE, Opcode.LOAD, Opcode.FILL):
        store = {"memory": place, "rows": 6, "row_bytes": 2, "memory_pitch": 2, "buffer_pitch": 3,
                 "buffer": 2}  # fmt: skip
    end = [Instruction(Opcode.STORE, store, _COMPUTE)]
    if opcode == Opcode.RECORD:
        end.append(Instruction(opcode, fields | {"memory": (fields["memory"] + place) % (1 << 32)}))
    return [*begin, *middle, Instruction(Opcode.COMPUTE, tile, ready, _STORE), *end, END]


def _weights(rng: np.random.Generator, p: Parameters) -> Bytes:
    """Make parameters, and weights of each pass."""
    rows = rng.integers(0, 256, (_WEIGHTS // p.weight_row_bytes, p.weight_row_bytes), np.uint8)
    bias = rng.integers(-3000, 3000, p.cols).astype("<i4")
    multiplier = rng.uniform(0.002, 0.01, p.cols).astype("<f4")
    rows[:4, : p.cols] = bias.view(np.uint8).reshape(p.cols, 4).T
    rows[4:PARAMETER_ROWS, : p.cols] = multiplier.view(np.uint8).reshape(p.cols, 4).T
    return rows.reshape(-1)


def fields_script(
    name: str, rng: np.random.Generator, parameters: Parameters, opcode: Opcode, every: int = 1
) -> Script:
    """Run programs with one bit of an opcode's fields flipped, as the machine runs them.

    What breaks a rule that no circuit checks, or takes long, is passed over.
    """
    cases = list(flipped(_instructions(parameters)[opcode], every))
    first = 1 << 10
    outputs = first + _SLOT * len(cases)
    data = rng.integers(0, 256, outputs + _OUTPUTS * len(cases), dtype=np.uint8)
    data[_DATA : _DATA + _WEIGHTS] = _weights(rng, parameters)
    after, free = data.copy(), np.zeros(data.size, bool)
    for number, tested in enumerate(cases):
        code = encode_program(_around(parameters, tested, outputs + _OUTPUTS * number))
        assert len(code) <= _SLOT
        for memory in (data, after):
            memory[first + _SLOT * number :][: len(code)] = np.frombuffer(code, np.uint8)
    runs: list[tuple[int, ErrorCode | None]] = []
    for number, tested in enumerate(cases):
        place, start = outputs + _OUTPUTS * number, first + _SLOT * number
        if tested.fields.get("rows", 1) * tested.fields.get("row_bytes", 1) > _MOST:
            continue
        target = (tested.fields.get("memory", 0) + place) % (1 << 32)
        if opcode == Opcode.RECORD and target < outputs:  # the machine writes no counters
            continue
        taken, error = _run(parameters, after, start, outputs)
        if not taken:
            continue
        if error != ErrorCode.NONE:
            free[place : place + _OUTPUTS] = True
            free[outputs:] |= opcode == Opcode.STORE  # its earlier rows
        elif opcode == Opcode.RECORD:
            free[target : target + 128] = True
        runs.append((start, error))
    script = Script(name)
    script.timing(4)
    script.image(data)
    script.reset()
    for start, error in runs:
        script.start(start)
        script.finish(counters=False, error=error)
    script.bytes(after, free)
    return script


def _run(p: Parameters, memory: Bytes, start: int, outputs: int) -> tuple[bool, ErrorCode | None]:
    """Tell whether a program's end is known, and the code with which it ends, None for several."""
    before = memory.copy()
    try:
        Machine(p, memory).run(start)
    except ProgramError as error:
        memory[:] = before
        # A COMPUTE of too many passes breaks two rules
        known = error.at_dispatch or error.code != ErrorCode.ILLEGAL_INSTRUCTION
        return not error.unchecked, error.code if known else None
    changed = np.flatnonzero(memory != before)
    if changed.size and changed[0] < outputs:  # data and programs of the others
        memory[:] = before
        return False, None
    return True, ErrorCode.NONE
