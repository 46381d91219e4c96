"""Counters of 64 bits, which no run fills: the testbench sets them while a network runs."""

from __future__ import annotations

import numpy as np

from ....spec.parameters import Parameters
from ....spec.registers import RECORDED, Register
from ..script import Script
from .networks import compiled

__all__ = ["counters_script"]

_MOTIFS = ["conv", "add"]


def counters_script(
    name: str, rng: np.random.Generator, parameters: Parameters, times: int = 8
) -> Script:
    """Run a network, and set all counters once: to random bits, or to ones, so that they carry.

    RECORDs write them to memory; both halves are read while they count and at the end.
    """
    work = compiled(rng, _MOTIFS, parameters, 6)
    script = Script(name)
    script.timing(20)
    script.reset()
    for turn in range(times):
        script.image(work.before)
        script.start(work.program)
        script.ticks(int(rng.integers(40, 600)))
        script.preset(0 if turn % 2 else int(rng.integers(1, 1 << 40)))
        script.ticks(3)
        for half in range(2 * len(RECORDED)):
            script.read(Register.CYCLES + 4 * half)
        script.finish()
        for half in range(2 * len(RECORDED)):
            script.read(Register.CYCLES + 4 * half)
        script.bytes(work.after, work.records)
    return script
