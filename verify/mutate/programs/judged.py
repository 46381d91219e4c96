"""A program in a memory of its own, judged by the instruction-level machine where that knows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ....golden.machine.machine import Machine, ProgramError
from ....spec.isa import Instruction, Mode, Opcode, Unit
from ....spec.parameters import Parameters
from ....spec.registers import ErrorCode
from ..script import LIMIT, Script
from .tiles import PROGRAM, assembled

__all__ = ["MAX_OF_ONE", "OUTPUTS", "begin", "run_judged"]

OUTPUTS = 1 << 13  # in memory: what programs write lies from here to `PROGRAM`
#: Setup of a window of one cell: results are the activations.
MAX_OF_ONE = {"taps": 1, "lines": 1, "mode": Mode.MAX, "window_height": 1, "window_width": 1}
MAX_OF_ONE |= {"stride_y": 1, "stride_x": 1, "low": -128, "high": 127}

Bytes = npt.NDArray[np.uint8]


def begin(p: Parameters, outputs: int = 16) -> list[Instruction]:
    """Activations, and outputs at the start of their scratchpad that a STORE may read."""
    tile = {"passes": 1, "columns": 1, "width": outputs, "height": 1, "first": 1, "last": 1}
    return [
        Instruction(Opcode.FILL, {"rows": 1, "row_bytes": 1024, "value": 5}, 0, 1 << Unit.COMPUTE),
        Instruction(Opcode.SETUP, MAX_OF_ONE | {"run": p.rows, "step_x": 1}),
        Instruction(
            Opcode.COMPUTE, tile | {"output_pitch": 1}, 1 << Unit.LOAD, 1 << Unit.STORE
        ),
        Instruction(Opcode.STORE, {"memory": OUTPUTS, "rows": 1, "row_bytes": outputs},
                    1 << Unit.COMPUTE),
    ]  # fmt: skip


def run_judged(
    script: Script, program: list[Instruction], rng: np.random.Generator, p: Parameters, *,
    data: Bytes | None = None, error: ErrorCode | None = None, limit: int = LIMIT,
) -> None:  # fmt: skip
    """Run a program; compare what it leaves with what the machine makes of it.

    The machine refuses what software cannot rely on, as outputs that nobody computed. Such a
    program still tells mutants from the design, which then is its own reference.

    Parameters
    ----------
    script : Script
    program : list of Instruction
        Without its END.
    rng : Generator
        Of what `data` leaves open.
    p : Parameters
    data : ndarray of shape (bytes,), uint8, optional
        Memory from its start; random bytes up to `OUTPUTS` if absent.
    error : ErrorCode, optional
        The code with which a refused program must end; any if absent.
    limit : int
        Cycles.
    """
    if data is None:
        data = rng.integers(0, 256, OUTPUTS, dtype=np.uint8)
    before = assembled(program, rng, data)
    after = before.copy()
    refused = False
    try:
        Machine(p, after).run(PROGRAM)
    except ProgramError as found:
        refused = True
        if found.at_dispatch:
            error = found.code
    script.image(before)
    script.start(PROGRAM)
    script.finish(limit=limit, error=error if refused else ErrorCode.NONE)
    script.bytes(after, np.full(after.size, refused))
