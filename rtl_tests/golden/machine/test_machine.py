"""The instruction-level machine runs the scheduler's programs and refuses broken ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from schedule_layers import random_conv2d, random_layer, shaped_layer

from maccord.compiler import Schedule, schedule
from maccord.golden.machine.machine import Machine, ProgramError
from maccord.golden.network import compute
from maccord.spec.isa import UNIT_OF, Instruction, Opcode, Unit, encode_program
from maccord.spec.parameters import Parameters
from maccord.spec.registers import ErrorCode

SMALL = {"activation_bytes": 1 << 11, "weight_bytes": 1 << 11, "output_bytes": 1 << 10}
CONFIGURATIONS = [
    Parameters(),
    Parameters(8, 8, accumulators=64, axi_bytes=8, **SMALL),
    Parameters(12, 20, lanes=5, accumulators=32, **{**SMALL, "weight_bytes": 1 << 12}),
    Parameters(4, 2, accumulators=16, axi_bytes=64, **SMALL),
    Parameters(7, 5, lanes=1, accumulators=128, axi_bytes=32, **SMALL),
    Parameters(32, 8, accumulators=64, activation_bytes=1 << 12, weight_bytes=1 << 10),
]
TINY = Parameters(8, 8, axi_bytes=8, accumulators=16, **{**SMALL, "weight_bytes": 1 << 10})


def run(work: Schedule, x_q: np.ndarray) -> np.ndarray:
    """Run on the machine; check that the output area, and nothing else, was written."""
    images = []
    for poison in (0x5A, 0xA5):
        memory = work.image(x_q)
        area = slice(work.memory.output, work.memory.output + work.memory.output_bytes)
        memory[area] = poison
        before = memory.copy()
        Machine(work.parameters, memory).run(work.memory.program)
        images.append(memory[area].copy())
        memory[area] = before[area]
        assert np.array_equal(memory, before)
    assert np.array_equal(*images)  # no byte kept its poison
    memory[area] = images[0]
    return work.output(memory)


@pytest.mark.parametrize("parameters", CONFIGURATIONS, ids=lambda p: p.name)
@pytest.mark.parametrize(
    "seed",
    [seed if seed < 6 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(40)],
)
def test_random_layers_equal_reference(seed: int, parameters: Parameters) -> None:
    rng = np.random.default_rng(seed)
    layer, shape = random_layer(rng)
    x_q = rng.integers(0, 256, shape).astype(np.uint8)
    work = schedule(layer, shape, parameters)
    np.testing.assert_array_equal(run(work, x_q), compute(layer, [x_q]))


@pytest.mark.parametrize(
    "name",
    [
        "resnet18.conv1",
        "resnet18.layer3.0.downsample.0",
        pytest.param("vgg16.features.24", marks=pytest.mark.slow),
        pytest.param("vgg16.classifier.0", marks=pytest.mark.slow),
        "squeezenet1_1.features.3.expand3x3",
    ],
)
def test_full_size_equals_reference(name: str) -> None:
    layer, shape = shaped_layer(name)
    x_q = np.random.default_rng(2).integers(0, 256, shape).astype(np.uint8)
    work = schedule(layer, shape, Parameters())
    np.testing.assert_array_equal(run(work, x_q), compute(layer, [x_q]))


def test_a_flipped_weight_or_bias_changes_the_output() -> None:
    """Every byte of the stream that belongs to a weight or parameter counts."""
    rng = np.random.default_rng(3)
    layer = random_conv2d(rng, (3, 2, 2, 2))
    x_q = rng.integers(0, 256, (1, 6, 6, 2)).astype(np.uint8)
    work = schedule(layer, x_q.shape, TINY)
    expected = compute(layer, [x_q])
    changed = 0
    for offset in range(work.stream.size):
        memory = work.image(x_q)
        memory[work.memory.weights + offset] ^= 0x40
        try:
            Machine(TINY, memory).run(work.memory.program)
        except ProgramError:  # an unused row met a weight
            changed += 1
        except ValueError:  # a multiplier that is no normal number
            changed += 1
        else:
            changed += bool((work.output(memory) != expected).any())
    assert changed >= layer.weight.size + 2 * len(layer.weight)


def small_program() -> tuple[Schedule, np.ndarray]:
    """A program with padding, several tiles, column tiles, chunks and output groups."""
    rng = np.random.default_rng(4)
    layer = random_conv2d(rng, (20, 12, 3, 3), padding=(1, 1))
    x_q = rng.integers(0, 256, (1, 12, 12, 12)).astype(np.uint8)
    return schedule(layer, x_q.shape, TINY), x_q


def execute(work: Schedule, x_q: np.ndarray, program: Sequence[Instruction]) -> None:
    """Run another program on a schedule's image."""
    memory = work.image(x_q)
    code = np.frombuffer(encode_program(program), np.uint8)
    memory = np.concatenate([memory[: work.memory.program], code, np.zeros(64, np.uint8)])
    Machine(work.parameters, memory).run(work.memory.program)


def edited(program: Sequence[Instruction], index: int, **fields: int) -> list[Instruction]:
    """A copy of a program with fields of one instruction changed."""
    copy = list(program)
    copy[index] = replace(copy[index], fields={**copy[index].fields, **fields})
    return copy


def positions(program: Sequence[Instruction], opcode: Opcode) -> list[int]:
    return [i for i, instruction in enumerate(program) if instruction.opcode == opcode]


@pytest.mark.slow
@pytest.mark.parametrize("mask", ["wait", "signal"])
def test_every_token_counts(mask: str) -> None:
    """Without any one of its tokens, a program either stops or has a race, and is refused.

    Only between loads and weights, which share no scratchpad, a token just sets the pace.
    """
    work, x_q = small_program()
    pairs = []
    for index, instruction in enumerate(work.program):
        for other in Unit:
            value = getattr(instruction, mask)
            if not value >> other & 1:
                continue
            program = list(work.program)
            program[index] = replace(instruction, **{mask: value & ~(1 << other)})
            unit = UNIT_OF[instruction.opcode]
            pairs.append((unit, other))
            if mask == "wait" and {unit, other} == {Unit.LOAD, Unit.WEIGHT}:
                execute(work, x_q, program)
                continue
            with pytest.raises(ProgramError) as error:
                execute(work, x_q, program)
            assert error.value.code == ErrorCode.DEADLOCK
    assert len(pairs) > 50
    assert len(set(pairs)) == 8  # both ways between computing and the others, and the two above


BROKEN: dict[str, tuple[Opcode, dict[str, int], ErrorCode, str]] = {
    "columns": (
        Opcode.COMPUTE,
        {"columns": 9},
        ErrorCode.ILLEGAL_INSTRUCTION,
        "columns must be at most 8, got 9",
    ),
    "no columns": (
        Opcode.COMPUTE,
        {"columns": 0},
        ErrorCode.ILLEGAL_INSTRUCTION,
        "columns must not be 0",
    ),
    "passes": (Opcode.COMPUTE, {"passes": 15}, ErrorCode.ILLEGAL_INSTRUCTION, "walk of"),
    # The hardware knows before the first pass that the weights are too many
    "weights": (Opcode.COMPUTE, {"passes": 16}, ErrorCode.SCRATCHPAD_RANGE, "136 rows of weights"),
    "sums output twice": (
        *(Opcode.COMPUTE, {"last": 1}),
        *(ErrorCode.SCRATCHPAD_RANGE, "outputs sums that nobody began"),
    ),
    "activation": (
        *(Opcode.COMPUTE, {"activation": 2040}),
        *(ErrorCode.SCRATCHPAD_RANGE, "is beyond 2047"),
    ),
    "unloaded activations": (
        *(Opcode.LOAD, {"row_bytes": 1}),
        *(ErrorCode.SCRATCHPAD_RANGE, "activations nobody loaded"),
    ),
    "unloaded weights": (
        *(Opcode.COMPUTE, {"weight": 120}),
        *(ErrorCode.SCRATCHPAD_RANGE, "weights nobody loaded"),
    ),
    "accumulator": (
        *(Opcode.COMPUTE, {"accumulator": 15}),
        *(ErrorCode.SCRATCHPAD_RANGE, "accumulator"),
    ),
    "weight row": (
        Opcode.COMPUTE,
        {"weight": 128},
        ErrorCode.SCRATCHPAD_RANGE,
        "weight must be below 128, got 128",
    ),
    "output": (Opcode.COMPUTE, {"output": 1020}, ErrorCode.SCRATCHPAD_RANGE, "beyond 1023"),
    "load range": (Opcode.LOAD, {"buffer": 2040}, ErrorCode.SCRATCHPAD_RANGE, "beyond 2047"),
    "load memory": (Opcode.LOAD, {"memory": 1 << 31}, ErrorCode.READ_ERROR, "memory address"),
    "store memory": (Opcode.STORE, {"memory": 1 << 31}, ErrorCode.WRITE_ERROR, "memory address"),
    "store range": (Opcode.STORE, {"buffer": 1023}, ErrorCode.SCRATCHPAD_RANGE, "beyond 1023"),
    "no rows": (Opcode.LOAD, {"rows": 0}, ErrorCode.ILLEGAL_INSTRUCTION, "must not be 0"),
    "weight rows": (
        Opcode.WEIGHT,
        {"rows": 2},
        ErrorCode.ILLEGAL_INSTRUCTION,
        "rows must be 1, got 2",
    ),
    "weight size": (Opcode.WEIGHT, {"row_bytes": 2048}, ErrorCode.SCRATCHPAD_RANGE, "do not fit"),
    "weight address": (
        *(Opcode.WEIGHT, {"buffer": 4}),
        *(ErrorCode.ILLEGAL_INSTRUCTION, "multiple of 8, got 4"),
    ),
    "run": (Opcode.SETUP, {"run": 0}, ErrorCode.ILLEGAL_INSTRUCTION, "must not be 0"),
    "banks": (
        *(Opcode.SETUP, {"line_pitch": 65, "pack_lines": 1}),
        *(ErrorCode.ILLEGAL_INSTRUCTION, "two bytes from one of the 8 activation banks"),
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_fields_are_refused(case: str) -> None:
    opcode, fields, code, text = BROKEN[case]
    work, x_q = small_program()
    # The last COMPUTE requantizes; of the others, the first will do.
    index = positions(work.program, opcode)[-1 if case == "output" else 0]
    with pytest.raises(ProgramError, match=text) as error:
        execute(work, x_q, edited(work.program, index, **fields))
    assert error.value.code == code
    assert error.value.index >= index


FILL = Instruction(Opcode.FILL, {"rows": 1, "row_bytes": 1}, signal=1 << Unit.COMPUTE)
Change = Callable[[list[Instruction]], object]
REORDERED: dict[str, tuple[Change, ErrorCode, str]] = {
    "no end": (lambda p: p.pop(), ErrorCode.ILLEGAL_INSTRUCTION, "opcode 0 is illegal"),
    "no setup": (
        lambda p: p.pop(positions(p, Opcode.SETUP)[0]),
        *(ErrorCode.ILLEGAL_INSTRUCTION, "before any SETUP"),
    ),
    "no padding": (
        lambda p: p.pop(positions(p, Opcode.FILL)[0]),
        *(ErrorCode.SCRATCHPAD_RANGE, "activations nobody loaded"),
    ),
    "tokens": (
        lambda p: p.__setitem__(slice(0, 0), [FILL] * 64),
        *(ErrorCode.DEADLOCK, "more than 53 tokens to COMPUTE"),
    ),
}


@pytest.mark.parametrize("case", REORDERED)
def test_broken_programs_are_refused(case: str) -> None:
    change, code, text = REORDERED[case]
    work, x_q = small_program()
    program = list(work.program)
    change(program)
    with pytest.raises(ProgramError, match=text) as error:
        execute(work, x_q, program)
    assert error.value.code == code


def test_program_must_end_within_memory() -> None:
    work, x_q = small_program()
    memory = work.image(x_q)[: work.memory.program + work.memory.program_bytes - 8]
    with pytest.raises(ProgramError, match="runs past the end of memory") as error:
        Machine(TINY, memory).run(work.memory.program)
    assert error.value.code == ErrorCode.READ_ERROR
