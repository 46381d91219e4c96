"""Windows, sums and products on the whole accelerator: RTL, machine and golden kernels agree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from accelerator_bench import netlist
from feeders import walk_of
from window_programs import WindowProgram

from maccord.golden.feed.activation_feeder import activation_feeder
from maccord.golden.feed.reduction import Pass
from maccord.golden.machine.machine import Machine
from maccord.sim.simulate import Job, simulate
from maccord.spec.isa import TABLE_BYTES, Instruction, Mode, Opcode
from maccord.spec.parameters import Parameters
from maccord.spec.registers import Status

pytestmark = pytest.mark.usefixtures("quick_builds")
SMALL = {"activation_bytes": 1 << 15, "output_bytes": 1 << 15, "accumulators": 64, "line_cells": 16}
CONFIGURATIONS = {
    "16x16": Parameters(**SMALL),
    "9x4 bus 8": Parameters(rows=9, cols=4, axi_bytes=8, product=True, lookup=True, **SMALL),
    "9x20 bus 32": Parameters(rows=9, cols=20, axi_bytes=32, **SMALL),
    "32x8 bus 64": Parameters(rows=32, cols=8, axi_bytes=64, **SMALL),
    "15x4 bus 8 windows 5": Parameters(
        rows=15, cols=4, axi_bytes=8, window_width=5, half_up=True, **SMALL
    ),
    # Without depthwise convolutions
    "4x4 bus 8": Parameters(rows=4, cols=4, axi_bytes=8, **SMALL),
    "8x32": Parameters(rows=8, cols=32, **SMALL),
    "16x8 2 lanes": Parameters(rows=16, cols=8, lanes=2, product=True, **SMALL),
}
# By day an array of each width of windows, one of them with tables and products; the others, a
# model each, by night
DAILY = ("9x4 bus 8", "15x4 bus 8 windows 5")
NAMES = [
    name if name in DAILY else pytest.param(name, marks=pytest.mark.nightly)
    for name in CONFIGURATIONS
]
SEEDS = [seed if seed < 2 else pytest.param(seed, marks=pytest.mark.nightly) for seed in range(10)]
ALL = [Mode.DENSE, Mode.DEPTHWISE, Mode.MAX, Mode.ADD, Mode.MUL]


def _has(parameters: Parameters, mode: Mode) -> bool:
    """Whether an array has a mode."""
    return {Mode.DEPTHWISE: parameters.depthwise, Mode.MUL: parameters.product}.get(mode, True)


def write_program(name: str, mode: Mode, seed: int) -> WindowProgram:
    """Two layers of a mode, and others between them and around."""
    parameters = CONFIGURATIONS[name]
    rng = np.random.default_rng([seed, mode, list(CONFIGURATIONS).index(name)])
    others = [m for m in ALL if _has(parameters, m)]
    mode = mode if mode in others else Mode.MAX
    program = WindowProgram(rng, parameters)
    for chosen in (rng.choice(others), mode, rng.choice(others), mode):
        program.add_random_layer(Mode(int(chosen)))
    return program


def work_of(program: list[Instruction], parameters: Parameters) -> tuple[int, int]:
    """Cycles in which the compute unit reads, and its products with weights."""
    setup, walk = Instruction(Opcode.SETUP, {}), iter(())
    reads = products = 0
    for step in program:
        if step.opcode in (Opcode.SETUP, Opcode.SETUP_ADD, Opcode.SETUP_MUL):
            setup = step
        if step.opcode == Opcode.TABLE:
            reads += TABLE_BYTES
        if step.opcode == Opcode.COMPUTE:
            if step["first"]:
                walk: Iterator[Pass] = walk_of(setup, parameters)
            for _, vector in activation_feeder(setup, step, walk, parameters):
                reads += 1
                products += vector.rows * vector.columns if vector else 0
    return reads, products


def stored(program: WindowProgram, memory: np.ndarray) -> list[np.ndarray]:
    """What lies where the layers' outputs are due."""
    return [memory[start : start + y.size].view(np.int8) for start, y in program.outputs]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mode", [Mode.DEPTHWISE, Mode.MAX, Mode.ADD, Mode.MUL])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_machine_equals_golden(name: str, mode: Mode, seed: int) -> None:
    program = write_program(name, mode, seed)
    memory, start = program.image()
    Machine(program.parameters, memory).run(start)
    for found, (_, y) in zip(stored(program, memory), program.outputs, strict=True):
        np.testing.assert_array_equal(found, y)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("mode", [Mode.DEPTHWISE, Mode.MAX, Mode.ADD, Mode.MUL])
@pytest.mark.parametrize("name", NAMES)
def test_rtl_equals_golden(name: str, mode: Mode, seed: int) -> None:
    program = write_program(name, mode, seed)
    memory, start = program.image()
    outputs = [(offset, y.size) for offset, y in program.outputs]
    stalls = {"stall_probability": 0.3, "stall_seed": seed, "jitter": 40} if seed % 2 else {}
    axi_bytes = program.parameters.axi_bytes
    job = Job(
        netlist(program.parameters), axi_bytes, memory, start, outputs, cycle_limit=10**6, **stalls
    )
    result = simulate(job)
    assert result.status == Status.DONE
    assert (result.protocol_error, result.stray_bytes, sum(result.unwritten)) == ("", 0, 0)
    for found, (_, y) in zip(result.outputs, program.outputs, strict=True):
        np.testing.assert_array_equal(found.view(np.int8), y)
    reads, products = work_of(program.program, program.parameters)
    assert (result.counters["compute"], result.macs) == (reads, products)
