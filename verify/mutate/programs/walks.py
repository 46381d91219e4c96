"""Setups and tiles: as many passes as fit, far runs, fields that do not count, single bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ....golden.machine.machine import Machine
from ....spec.isa import (
    FIELDS,
    PARAMETER_ROWS,
    TABLE,
    Instruction,
    Mode,
    Opcode,
    Unit,
    check,
    encode,
    encode_program,
    implemented,
)
from ....spec.isa_rules import NonZero
from ....spec.parameters import Parameters
from ....spec.registers import ErrorCode
from ....spec.weight_widths import WIDTH_CODES, packed_rows
from ..script import Script
from .judged import OUTPUTS, run_judged
from .tiles import END, PROGRAM, random_program
from .wrong import legal

__all__ = ["passes_script", "single_bits_script", "unused_script"]

_WEIGHTS = 1 << 12
_LOAD, _WEIGHT, _COMPUTE, _STORE = (1 << unit for unit in Unit)
_SLOT = 256  # bytes of a program's place


def _data(rng: np.random.Generator, p: Parameters, scale: float) -> npt.NDArray[np.uint8]:
    """Random activations and weights, and multipliers about so large."""
    data = rng.integers(0, 256, OUTPUTS, dtype=np.uint8)
    rows = data[_WEIGHTS:][: p.weight_bytes].reshape(p.weight_rows, p.weight_row_bytes)
    bias = rng.integers(-3000, 3000, p.cols).astype("<i4")
    multiplier = rng.uniform(scale / 2, scale, p.cols).astype("<f4")
    rows[:4, : p.cols] = bias.view(np.uint8).reshape(p.cols, 4).T
    rows[4:PARAMETER_ROWS, : p.cols] = multiplier.view(np.uint8).reshape(p.cols, 4).T
    return data


def passes_script(name: str, rng: np.random.Generator, parameters: Parameters) -> Script:
    """As many passes as the weight scratchpad holds, and one more, for each width of weights."""
    p = parameters
    script = Script(name)
    script.timing(4)
    script.reset()
    tile = {"columns": p.cols, "width": 1, "height": 1, "output_pitch": p.cols}
    for bits in p.weight_widths:
        rows = packed_rows(p.rows, bits)
        room, room_first = p.weight_rows // rows, (p.weight_rows - PARAMETER_ROWS) // rows
        for more in (0, 1):
            run = p.rows * (room_first + more + room)
            fields = {"run": run, "taps": 1, "lines": 1, "mode": Mode.DENSE, "low": -128}
            fields |= {"high": 127, "weight_width": WIDTH_CODES[bits]}
            whole = {"rows": 1, "row_bytes": p.weight_bytes}
            program = [
                Instruction(Opcode.LOAD, {"rows": 1, "row_bytes": p.activation_bytes}, 0, _COMPUTE),
                Instruction(Opcode.WEIGHT, {"memory": _WEIGHTS, **whole}, 0, _COMPUTE),
                Instruction(Opcode.SETUP, fields),
                Instruction(
                    Opcode.COMPUTE, tile | {"passes": room_first + more, "first": 1},
                    _LOAD | _WEIGHT,
                ),
                Instruction(Opcode.COMPUTE, tile | {"passes": room, "last": 1}, 0, _STORE),
                Instruction(Opcode.STORE, {"memory": OUTPUTS, "rows": 1, "row_bytes": p.cols},
                            _COMPUTE),
            ]  # fmt: skip
            scale = 100 / (1 << bits - 1) / 128 / np.sqrt(run)
            run_judged(script, program, rng, p, data=_data(rng, p, scale),
                       error=ErrorCode.SCRATCHPAD_RANGE if more else None)  # fmt: skip
    return script


def _single(parameters: Parameters) -> Iterator[Instruction]:
    """Legal instructions of whose fields that must not be 0 one has a single bit."""
    for opcode in Opcode:
        if opcode == Opcode.END or not implemented(opcode, parameters):
            continue
        least = legal(opcode, parameters)
        for rule in TABLE[opcode].rules:
            if not isinstance(rule, NonZero):
                continue
            bits, signed = FIELDS[opcode][rule.field]
            for bit in range(bits - signed):
                each = Instruction(opcode, least.fields | {rule.field: 1 << bit})
                if check(each, parameters) == ErrorCode.NONE:
                    yield each


def single_bits_script(name: str, parameters: Parameters, every: int = 1) -> Script:
    """Dispatch accepts each; an illegal instruction behind it ends the program before it is done.

    How far it went depends on the time until then, so that nobody judges its bytes.
    """
    cases = [*_single(parameters)][::every]
    illegal = bytes([15, *bytes(31)])
    memory = np.zeros(max(_SLOT * len(cases), 1 << 14), np.uint8)
    for index, each in enumerate(cases):
        code = encode(each) + illegal + encode(END)
        memory[_SLOT * index :][: len(code)] = np.frombuffer(code, np.uint8)
    script = Script(name)
    script.timing(4)
    script.image(memory)
    script.reset()
    for index in range(len(cases)):
        script.start(_SLOT * index)
        script.finish(counters=False, error=None)
    script.bytes(memory, np.ones(memory.size, bool))
    return script


def _unused(step: Instruction, mode: int) -> list[str]:
    """Fields that do not count, with the mode that is active."""
    fields = step.fields
    unused = {
        Opcode.LOAD: ["value"],
        Opcode.FILL: ["memory", "memory_pitch"],
        Opcode.WEIGHT: ["memory_pitch", "buffer_pitch", "value"],
        Opcode.STORE: ["value"],
    }.get(step.opcode, [])
    if step.opcode in (Opcode.LOAD, Opcode.FILL, Opcode.STORE) and fields["rows"] == 1:
        unused = [*unused, "memory_pitch", "buffer_pitch"]
    if step.opcode == Opcode.SETUP:
        mode = fields["mode"]
        if mode == Mode.DENSE:
            unused = ["window_height", "window_width", "stride_y", "stride_x"]
        else:
            unused = ["tap_pitch", "pack_taps", "pack_lines"]
        if mode == Mode.MAX:
            unused = [*unused, "zero_point"]
    if step.opcode == Opcode.COMPUTE and mode in (Mode.MAX, Mode.ADD):
        unused = ["weight", "accumulator"]
    return [name for name in unused if name in FIELDS[step.opcode]]


def unused_script(
    name: str, rng: np.random.Generator, parameters: Parameters, tiles: int = 6
) -> Script:
    """Random bits in fields that do not count: what a program leaves is what it left before."""
    program, before, after = random_program(rng, parameters, tiles)
    mode, changed = 0, []
    for step in program:
        if step.opcode == Opcode.SETUP:
            mode = step.fields["mode"]
        elif step.opcode in (Opcode.SETUP_ADD, Opcode.SETUP_MUL):
            mode = Mode.ADD
        fields = dict(step.fields)
        for field in _unused(step, mode):
            bits, signed = FIELDS[step.opcode][field]
            each = Instruction(step.opcode, fields | {field: int(rng.integers(1 << bits - signed))})
            if check(Instruction(step.opcode, dict.fromkeys(FIELDS[step.opcode], 0) | each.fields),
                     parameters) == ErrorCode.NONE:  # fmt: skip
                fields = each.fields
        changed.append(Instruction(step.opcode, fields, step.wait, step.signal))
    code = np.frombuffer(encode_program([*changed, END]), np.uint8)
    for memory in (before, after):
        memory[PROGRAM : PROGRAM + code.size] = code
    found = before.copy()
    Machine(parameters, found).run(PROGRAM)
    assert np.array_equal(found, after)
    script = Script(name)
    script.timing(4)
    script.image(before)
    script.reset()
    script.start(PROGRAM)
    script.finish()
    script.bytes(after)
    return script
