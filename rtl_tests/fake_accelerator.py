"""The instruction-level model in the RTL's place, with faults: tests of what comes after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from maccord.golden.machine import Machine
from maccord.golden.parameters import Parameters
from maccord.golden.registers import COUNTERS, Status
from maccord.golden.schedule import Schedule
from maccord.sim.build import Model
from maccord.sim.errors import SimulationError
from maccord.sim.simulate import Job, Result, simulate

__all__ = [
    *("CYCLES", "flip_first", "flip_weight", "hang", "overlapping", "perfect", "with_fault"),
    "wrong_output",
]

CYCLES = 1000
PARAMETERS = Parameters(rows=4, cols=2)


def perfect(job: Job) -> Result:
    """Run a job on the instruction-level model."""
    machine = Machine(PARAMETERS, job.memory.copy())
    machine.run(job.program)
    counters = dict.fromkeys(COUNTERS, 0) | {"cycles": CYCLES, "compute": CYCLES}
    registers = {name.upper(): value for name, value in vars(PARAMETERS).items()}
    return Result(
        outputs=[machine.memory[offset : offset + size] for offset, size in job.outputs],
        cycles=CYCLES,
        status=Status.DONE,
        error_code=0,
        counters=counters,
        registers=registers,
        sim_seconds=0.5,
        total_seconds=1.0,
        unwritten=[0],
        first_unwritten=None,
        stray_bytes=0,
        first_stray=None,
        protocol_errors=0,
        protocol_error="",
        overlaps=0,
        read_bursts=1,
        read_beats=1,
        write_bursts=1,
        write_beats=1,
        model=Model(Path("model"), "cocotb", 16, "", 0.0, "5.0"),
        waves=None,
    )


def with_fault(job: Job, **fields: object) -> Result:
    """Run a job, and claim something else about it."""
    return replace(perfect(job), **fields)


def wrong_output(job: Job) -> Result:
    """Run a job, and flip a bit of the third output."""
    result = perfect(job)
    result.outputs[0][2] ^= 4
    return result


def overlapping(job: Job) -> Result:
    """Run a job on the RTL, and claim that bursts overlapped."""
    return replace(simulate(job), overlaps=1)


def hang(job: Job) -> Result:
    """Fail as a simulation without an interrupt does."""
    raise SimulationError(f"No interrupt after {job.cycle_limit} cycles: store is waiting.")


def flip_first(codes: np.ndarray) -> np.ndarray:
    """Flip the lowest bit of the first output."""
    changed = codes.copy()
    changed.flat[0] ^= 1
    return changed


def flip_weight(image: np.ndarray, plan: Schedule) -> np.ndarray:
    """Flip the sign bit of a weight in the middle of the stream that memory holds."""
    changed = image.copy()
    changed[plan.memory.weights + plan.memory.weights_bytes // 2] ^= 0x80
    return changed
