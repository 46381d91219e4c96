"""Softmax and layer norm on the whole accelerator: RTL, machine and golden rows agree."""

from __future__ import annotations

import numpy as np
import pytest
from accelerator_bench import netlist
from row_programs import RowProgram

from maccord.golden.machine.machine import Machine
from maccord.sim.simulate import Job, Result, simulate
from maccord.spec.registers import Status

pytestmark = pytest.mark.usefixtures("quick_builds")


def simulated(program: RowProgram, **memory: float) -> Result:
    """Run a program in RTL, and in the machine; check what both store."""
    image, start = program.image()
    after = image.copy()
    Machine(program.parameters, after).run(start)
    outputs = [(offset, y.size) for offset, y in program.outputs]
    for (offset, size), (_, y) in zip(outputs, program.outputs, strict=True):
        np.testing.assert_array_equal(after[offset : offset + size].view(np.int8), y)
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


def rows_of(rng: np.random.Generator, rows: int, elements: int) -> np.ndarray:
    """Rows around a code each, so that their softmax has many values."""
    centres = rng.integers(0, 256, (rows, 1))
    return np.clip(rng.normal(centres, 20, (rows, elements)), 0, 255).astype(np.uint8)


def test_softmax() -> None:
    rng = np.random.default_rng(1)
    program = RowProgram(rng)
    terms = program.softmax_table(0.05, 23)
    program.softmax(rows_of(rng, 5, 23), terms)
    simulated(program)
