"""Softmax and layer norm on the whole accelerator: RTL, machine and golden rows agree."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from accelerator_bench import netlist
from row_programs import ROW_PARAMETERS, RowProgram

from maccord.compiler.timing import estimate_cycles
from maccord.golden.machine.machine import Machine, ProgramError
from maccord.golden.row.softmax import softmax
from maccord.hw.core import DEADLOCK_CYCLES
from maccord.sim.build import build
from maccord.sim.process import cocotb_environment, job_folder, run_program
from maccord.sim.simulate import Job, Result, simulate
from maccord.spec.isa import Instruction, Opcode, Unit, encode_program
from maccord.spec.isa_names import RowFunction
from maccord.spec.parameters import Parameters
from maccord.spec.registers import ErrorCode, Status

pytestmark = pytest.mark.usefixtures("quick_builds")
LONGEST = ROW_PARAMETERS.row_elements
BASE = 0x12_3456_7000


def rows_of(rng: np.random.Generator, rows: int, elements: int) -> np.ndarray:
    """Rows around a code each, so that their softmax has many values."""
    centres = rng.integers(0, 256, (rows, 1))
    return np.clip(rng.normal(centres, 20, (rows, elements)), 0, 255).astype(np.uint8)


def simulated(program: RowProgram, **memory: float) -> Result:
    """Run a program in RTL, and in the machine; check what both store."""
    image, start = program.image()
    after = image.copy()
    Machine(program.parameters, after).run(start)
    for offset, y in program.outputs:
        np.testing.assert_array_equal(after[offset : offset + y.size].view(np.int8), y)
    outputs = [(offset, y.size) for offset, y in program.outputs]
    job = Job(
        *(netlist(program.parameters), program.parameters.axi_bytes, image, start, outputs),
        cycle_limit=10**5,
        **memory,
    )
    result = simulate(job)
    assert result.status == Status.DONE
    assert (result.protocol_error, result.stray_bytes, sum(result.unwritten)) == ("", 0, 0)
    for found, (_, y) in zip(result.outputs, program.outputs, strict=True):
        np.testing.assert_array_equal(found.view(np.int8), y)
    return result


def in_turn(seed: int, parameters: Parameters = ROW_PARAMETERS) -> RowProgram:
    """Both functions in turn, tails, pitches and addresses at random, and COMPUTE all along."""
    rng = np.random.default_rng(seed)
    program = RowProgram(rng, parameters)
    terms = program.softmax_table(float(np.exp2(rng.uniform(-6, -2))), 60)
    for _ in range(2):
        elements = int(rng.integers(1, 61))
        program.softmax(rows_of(rng, 3, elements), terms, gap=int(rng.integers(4)))
    norm = program.norm_table(40)
    for elements in (40, int(rng.integers(1, 40))):
        part = (norm[0][:elements], norm[1][:elements], *norm[2:])
        program.layer_norm(rows_of(rng, 2, elements), part, gap=int(rng.integers(4)))
    # Written in all cycles while rows are under way
    x_q = rows_of(rng, 6, 37)
    place = program.place(6, 37, 1)
    program.codes(place, x_q)
    for _ in range(4):
        program.busy(120)
    program.function(RowFunction.SOFTMAX)  # with the table of before
    program.run(place)
    program.store(place, softmax(x_q, terms))
    program.store_busy()
    program.softmax(rows_of(rng, 2, 20), program.softmax_table(0.3, 20))
    return program


@pytest.mark.parametrize("seed", range(3))
def test_both_functions_in_turn(seed: int) -> None:
    stalls = {"stall_probability": 0.3, "stall_seed": seed, "jitter": 40} if seed else {}
    simulated(in_turn(seed), **stalls)


OTHERS = {
    "8 lanes, 2 columns": replace(ROW_PARAMETERS, cols=2, lanes=2, row_lanes=8),
    "1 lane, tables": replace(ROW_PARAMETERS, row_lanes=1, lookup=True),
    "2 lanes, 10 of 20 requantizers, bus 32": replace(
        ROW_PARAMETERS, cols=20, lanes=10, axi_bytes=32, row_lanes=2, weight_bytes=1 << 12
    ),
    "16 lanes, ecp5": replace(
        ROW_PARAMETERS, cols=8, lanes=8, axi_bytes=16, row_lanes=16, family="ecp5"
    ),
}


@pytest.mark.nightly
@pytest.mark.parametrize("name", OTHERS)
def test_other_hardware(name: str) -> None:
    for seed in range(4):
        simulated(in_turn(seed, OTHERS[name]))


def longest(rows: int = 5) -> RowProgram:
    """Rows as long as there may be: more cycles of layer norm than without progress, in all."""
    rng = np.random.default_rng(8)
    program = RowProgram(rng)
    program.softmax(rows_of(rng, rows, LONGEST), program.softmax_table(0.02, LONGEST))
    program.layer_norm(rows_of(rng, rows, LONGEST), program.norm_table(LONGEST))
    program.layer_norm(rows_of(rng, 2, LONGEST - 1), program.norm_table(LONGEST - 1))
    return program


def test_the_longest_rows() -> None:
    program = longest()
    simulated(program)
    found = [i.fields["elements"] for i in program.program if i.opcode == Opcode.ROWS]
    assert found == [LONGEST, LONGEST, LONGEST - 1]
    assert 5 * (2 * LONGEST // 4 + 270) > DEADLOCK_CYCLES


def rows_at(buffer: int, pitch: int = 8, rows: int = 2, elements: int = 8) -> Instruction:
    fields = {"buffer": buffer, "buffer_pitch": pitch, "rows": rows, "elements": elements}
    return Instruction(Opcode.ROWS, fields)


SIZE = ROW_PARAMETERS.output_bytes
NEVER = Instruction(Opcode.ROWS, rows_at(0).fields, wait=1 << Unit.LOAD)
WRONG: dict[str, tuple[tuple[Instruction, ...], ErrorCode]] = {
    "a row beyond the scratchpad": ((rows_at(SIZE - 15),), ErrorCode.SCRATCHPAD_RANGE),
    "the last row far beyond it": ((rows_at(0, 1 << 23, 2),), ErrorCode.SCRATCHPAD_RANGE),
    "a table beyond it": (
        (Instruction(Opcode.ROW_TABLE, {"buffer": SIZE - 1023, "entries": 256}),),
        ErrorCode.SCRATCHPAD_RANGE,
    ),
    "a longer row than there may be": (
        (rows_at(0, 512, 1, LONGEST + 1),),
        ErrorCode.ILLEGAL_INSTRUCTION,
    ),
    "another function": (
        (Instruction(Opcode.SETUP_ROW, {"function": 3}),),
        ErrorCode.ILLEGAL_INSTRUCTION,
    ),
    "a token that never comes": ((NEVER,), ErrorCode.DEADLOCK),
}


@cache
def ended() -> tuple[dict[str, dict[str, Any]], list[int], list[bool]]:
    """How wrong programs end, and one that is aborted in the midst of rows.

    All in one simulation, each followed by the longest rows, which have to be exact.
    """
    legal = longest(2)
    image, start = legal.image()
    place = image.size
    image = np.concatenate([image, np.zeros(1 << 13, np.uint8)])
    end = Instruction(Opcode.END, {})
    cases: dict[str, dict[str, Any]] = {}
    for name, (steps, _) in WRONG.items():
        cases[name] = {"code": encode_program([*table_of(legal), *steps, end]).hex()}
    code = encode_program([*legal.program, end])
    cycles = [*range(700, 2300, 160), *range(1500, 1508)]
    for cycle in cycles:
        cases[f"abort {cycle}"] = {"code": code.hex(), "abort": cycle}
    job = Job(netlist(ROW_PARAMETERS), ROW_PARAMETERS.axi_bytes, image, start, [], base=BASE)
    model = build(job.verilog, job.axi_bytes)
    settings = {"base": BASE, "program": start, "place": place, "memory": {"latency": 30}}
    with job_folder(job) as folder:
        listed = [{"limit": 20_000} | case for case in cases.values()]
        (folder / "job.json").write_text(json.dumps(settings | {"cases": listed}))
        run_program([str(model.path)], folder, cocotb_environment(folder, "errors_bench"))
        assert (folder / "result.json").exists(), (folder / "log").read_text()
        found, seen = json.loads((folder / "result.json").read_text())
        after = np.fromfile(folder / "memories.bin", np.uint8).reshape(-1, 2, image.size)
    assert seen["protocol_errors"] == 0, seen
    exact = [
        all(
            np.array_equal(memory[offset : offset + y.size].view(np.int8), y)
            for offset, y in legal.outputs
        )
        for memory in after[:, 1]
    ]
    return dict(zip(cases, found, strict=True)), cycles, exact


def table_of(program: RowProgram) -> list[Instruction]:
    """The instructions of a program up to its first table."""
    opcodes = [step.opcode for step in program.program]
    return program.program[: opcodes.index(Opcode.ROW_TABLE) + 1]


@pytest.mark.parametrize("name", WRONG)
def test_wrong_programs_end(name: str) -> None:
    """With the machine's code, soon."""
    found = ended()[0][name]
    assert found["ended"] and not found["hung"]
    assert found["code"] == WRONG[name][1]
    assert found["cycles"] < 3000
    memory, start = longest(2).image()
    program = [*table_of(longest(2)), *WRONG[name][0], Instruction(Opcode.END, {})]
    code = np.frombuffer(encode_program(program), np.uint8)
    memory[start : start + code.size] = code
    with pytest.raises(ProgramError) as refused:
        Machine(ROW_PARAMETERS, memory).run(start)
    assert refused.value.code == WRONG[name][1]


def test_aborts_in_the_midst_of_rows() -> None:
    """They end once memory has answered, and what runs next is exact, after errors, too."""
    found, cycles, exact = ended()
    aborted = [found[f"abort {cycle}"] for cycle in cycles]
    assert {each["code"] for each in aborted} == {ErrorCode.ABORTED}
    assert all(each["abort_cycles"] < 100 + 68 * min(each["bursts"], 4) for each in aborted)
    assert min(each["abort_cycles"] for each in aborted) < 100
    assert all(each["next"]["code"] == ErrorCode.NONE for each in found.values())
    assert all(exact)


@pytest.mark.parametrize("function", RowFunction)
def test_a_program_ends_with_its_rows(function: RowFunction) -> None:
    """Without a STORE behind them, no earlier; in the cycles that the cycle model knows."""
    rng = np.random.default_rng(5)
    cycles, estimates = [], []
    for rows in (4, 24):
        program = RowProgram(rng)
        if function == RowFunction.SOFTMAX:
            program.softmax_table(0.1, 64)
        else:
            program.norm_table(64)
        place = program.place(24, 64)
        program.codes(place, rows_of(rng, 24, 64))
        program.run(replace(place, rows=rows))
        cycles.append(simulated(program).cycles)
        estimates.append(estimate_cycles(program.program, program.parameters))
    took, estimate = (after - before for before, after in (cycles, estimates))
    assert abs(took - estimate) < (1 if function == RowFunction.SOFTMAX else 0.1 * took)
