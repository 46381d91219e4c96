"""The instruction-level machine refuses broken programs of windows, sums and records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from unit_bench import instruction
from window_programs import WindowProgram

from maccord.golden.machine.machine import Machine, ProgramError
from maccord.spec.isa import RECORD_BYTES, Instruction, Mode, Opcode, Unit, encode_program
from maccord.spec.parameters import Parameters
from maccord.spec.registers import ErrorCode

ARRAY = Parameters(
    *(9, 4, 0, 8),
    activation_bytes=1 << 15,
    output_bytes=1 << 15,
    line_cells=16,
    product=True,
)
ILLEGAL, RANGE = ErrorCode.ILLEGAL_INSTRUCTION, ErrorCode.SCRATCHPAD_RANGE


def execute(
    program: Sequence[Instruction], memory: np.ndarray, parameters: Parameters = ARRAY
) -> np.ndarray:
    """Run instructions, which come behind the end of `memory`; return all of memory."""
    code = np.frombuffer(encode_program([*program, Instruction(Opcode.END, {})]), np.uint8)
    image = np.concatenate([memory, code])
    Machine(parameters, image).run(memory.size)
    return image


def random_program(mode: Mode, seed: int = 0) -> tuple[list[Instruction], np.ndarray]:
    """One layer of a mode, that gives what it should, and its memory."""
    program = WindowProgram(np.random.default_rng(seed), ARRAY)
    program.add_random_layer(mode)
    memory, _ = program.image()
    (start, y) = program.outputs[0]
    image = execute(program.program, memory)
    assert (image[start : start + y.size].view(np.int8) == y).all()
    return program.program, memory


# The first instruction of an opcode, changed
BROKEN: dict[str, tuple[Mode, Opcode, dict[str, int], ErrorCode, str]] = {
    "unknown mode": (Mode.MAX, Opcode.SETUP, {"mode": 3}, ILLEGAL, "one of 0, 1, 2, got 3"),
    "no lines": (Mode.MAX, Opcode.SETUP, {"window_height": 0}, ILLEGAL, "not be 0 unless"),
    "no cells": (Mode.DEPTHWISE, Opcode.SETUP, {"window_width": 0}, ILLEGAL, "not be 0 unless"),
    "no stride": (Mode.MAX, Opcode.SETUP, {"stride_x": 0}, ILLEGAL, "not be 0 unless"),
    "run": (Mode.DEPTHWISE, Opcode.SETUP, {"run": 8}, ILLEGAL, "run must be 9"),
    "weights of absent lines": (
        *(Mode.DEPTHWISE, Opcode.SETUP, {"window_height": 1}),
        *(RANGE, "outputs sums of cells nobody scanned"),
    ),
    "weights of absent cells": (
        *(Mode.DEPTHWISE, Opcode.SETUP, {"window_width": 1}),
        *(RANGE, "outputs sums of cells nobody scanned"),
    ),
    "passes of a maximum": (Mode.MAX, Opcode.COMPUTE, {"passes": 2}, ILLEGAL, "one pass"),
    "maximum goes on": (Mode.MAX, Opcode.COMPUTE, {"first": 0}, ILLEGAL, "one pass, first"),
    "sum stays": (Mode.ADD, Opcode.COMPUTE, {"last": 0}, ILLEGAL, "one pass, first and last"),
    "long line": (Mode.MAX, Opcode.COMPUTE, {"width": 17}, RANGE, "cell of a line"),
    "long depthwise line": (Mode.DEPTHWISE, Opcode.COMPUTE, {"width": 17}, RANGE, "cell of a line"),
    "unloaded maximum": (Mode.MAX, Opcode.LOAD, {"rows": 1}, RANGE, "nobody loaded"),
    "unloaded sum": (Mode.ADD, Opcode.LOAD, {"row_bytes": 1}, RANGE, "nobody loaded"),
    "unloaded window": (Mode.DEPTHWISE, Opcode.LOAD, {"rows": 1}, RANGE, "nobody loaded"),
    "far operand": (Mode.ADD, Opcode.SETUP_ADD, {"operand_pitch": 1 << 15}, RANGE, "is beyond"),
    "banks": (Mode.ADD, Opcode.SETUP_ADD, {"operand_pitch": 9}, ILLEGAL, "a multiple of 16, got 9"),
    "shift": (Mode.ADD, Opcode.SETUP_ADD, {"shift": 13}, ILLEGAL, "shift must be at least 14"),
    "factor": (Mode.ADD, Opcode.SETUP_ADD, {"factor_b": (1 << 22) + 1}, ILLEGAL, "must be at most"),
    "product stays": (Mode.MUL, Opcode.COMPUTE, {"last": 0}, ILLEGAL, "the mode is MUL"),
    "unloaded factor": (Mode.MUL, Opcode.LOAD, {"rows": 1}, RANGE, "nobody loaded"),
    "far factor": (Mode.MUL, Opcode.SETUP_MUL, {"operand_pitch": 1 << 15}, RANGE, "is beyond"),
    "factor's bank": (Mode.MUL, Opcode.SETUP_MUL, {"operand_pitch": 9}, ILLEGAL, "of 16, got 9"),
    "no multiplier": (Mode.MUL, Opcode.SETUP_MUL, {"multiplier": 0}, ILLEGAL, "normal fp32"),
    "outputs": (Mode.ADD, Opcode.COMPUTE, {"output": (1 << 15) - 1}, RANGE, "output address"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_fields_are_refused(case: str) -> None:
    mode, opcode, change, code, text = BROKEN[case]
    program, memory = random_program(mode)
    index = next(i for i, step in enumerate(program) if step.opcode == opcode)
    program[index] = replace(program[index], fields=program[index].fields | change)
    with pytest.raises(ProgramError, match=text) as error:
        execute(program, memory)
    assert error.value.code == code


def test_depthwise_where_the_array_has_none() -> None:
    program, memory = random_program(Mode.DEPTHWISE)
    with pytest.raises(ProgramError, match="mode must be one of 0, 2, got 1") as error:
        execute(program, memory, replace(ARRAY, rows=8))
    assert error.value.code == ILLEGAL


def test_a_product_where_the_hardware_has_none() -> None:
    program, memory = random_program(Mode.MUL)
    with pytest.raises(ProgramError, match="this hardware has no SETUP_MUL") as error:
        execute(program, memory, replace(ARRAY, product=False))
    assert error.value.code == ILLEGAL and error.value.at_dispatch


def test_zero_weights_need_no_cells() -> None:
    """A 5 x 5 kernel takes passes of 3 x 3, beyond whose weights nothing need be loaded."""
    p = ARRAY
    weights = np.zeros((8 + 4 * p.rows, p.cols), np.int8)
    weights[4:8] = np.full(p.cols, 1, "<f4").view(np.int8).reshape(-1, 4).T
    # Kernel element (4, 4) is row 4 of the last pass
    weights[8 + 3 * p.rows + 4] = 1
    memory = np.zeros(1024, np.uint8)
    memory[:25] = np.arange(25)
    memory[512 : 512 + weights.size] = weights.reshape(-1).view(np.uint8)
    wait = 1 << Unit.LOAD | 1 << Unit.WEIGHT
    window = dict.fromkeys(("window_height", "window_width"), 3)
    window |= dict.fromkeys(("stride_y", "stride_x"), 1)
    walk = {"run": p.rows, "taps": 2, "tap_pitch": 3, "lines": 2, "line_pitch": 15}
    steps = {"step_x": 1, "step_y": 5, "low": -128, "high": 127}
    size = {"columns": 1, "width": 1, "height": 1, "first": 1, "last": 1}
    program = [
        instruction(Opcode.LOAD, signal=1 << Unit.COMPUTE, rows=1, row_bytes=25),
        instruction(
            Opcode.WEIGHT, signal=1 << Unit.COMPUTE, memory=512, rows=1, row_bytes=weights.size
        ),
        instruction(Opcode.SETUP, mode=Mode.DEPTHWISE, **walk, **window, **steps),
        instruction(Opcode.COMPUTE, wait=wait, signal=1 << Unit.STORE, passes=4, **size),
        instruction(Opcode.STORE, wait=1 << Unit.COMPUTE, memory=256, rows=1, row_bytes=1),
    ]
    assert execute(program, memory)[256] == 24
    memory[512 + (8 + 3 * p.rows + 5) * p.cols] = 1  # element (4, 5), behind what was loaded
    with pytest.raises(ProgramError, match="nobody loaded"):
        execute(program, memory)


RECORD = {"rows": 1, "row_bytes": RECORD_BYTES}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"rows": 2}, ILLEGAL),
        ({"row_bytes": 64}, ILLEGAL),
        ({"buffer": 8}, ILLEGAL),
        ({"memory": 4}, ILLEGAL),
        ({"memory": 1 << 20}, ErrorCode.WRITE_ERROR),
    ],
)
def test_broken_records_are_refused(change: dict[str, int], code: ErrorCode) -> None:
    """A legal one leaves memory as it is."""
    memory = np.arange(256).astype(np.uint8)
    assert (execute([instruction(Opcode.RECORD, **RECORD)], memory)[:256] == memory).all()
    with pytest.raises(ProgramError) as error:
        execute([instruction(Opcode.RECORD, **RECORD | change)], memory)
    assert error.value.code == code


@pytest.mark.parametrize("reads_first", [False, True])
def test_memory_is_ordered_by_tokens(reads_first: bool) -> None:
    """Between a STORE and a LOAD of the same bytes a token must pass; next to them, none need."""
    sum_, memory = random_program(Mode.ADD)
    store = next(step for step in sum_ if step.opcode == Opcode.STORE)
    free = 1 << 14  # of the activation scratchpad, behind what the sum takes
    load = instruction(
        Opcode.LOAD, memory=store["memory"] + store["row_bytes"] - 1, buffer=free, rows=1,
        row_bytes=1,
    )  # fmt: skip
    place = sum_.index(store) + (0 if reads_first else 1)
    ordered = list(sum_)
    if reads_first:
        ordered[place] = replace(store, wait=store.wait | 1 << Unit.LOAD)
        ordered.insert(place, replace(load, signal=1 << Unit.STORE))
    else:
        ordered[place - 1] = replace(store, signal=1 << Unit.LOAD)
        ordered.insert(place, replace(load, wait=1 << Unit.STORE))
    execute(ordered, memory)
    beside = {**load.fields, "memory": load["memory"] + 1 - 2 * store["row_bytes"]}
    execute([*sum_[:place], replace(load, fields=beside), *sum_[place:]], memory)
    with pytest.raises(ProgramError, match="no token orders") as error:
        execute([*sum_[:place], load, *sum_[place:]], memory)
    assert error.value.code == ErrorCode.DEADLOCK
