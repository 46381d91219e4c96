"""Softmax and layer norm on the whole accelerator: RTL, machine and golden rows agree."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from accelerator_bench import netlist
from row_programs import ROW_PARAMETERS, Place, RowProgram

from maccord.compiler.timing import estimate_cycles
from maccord.golden.machine.machine import Machine
from maccord.golden.row.softmax import softmax
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
    place = program.place(*x_q.shape, 1)
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
