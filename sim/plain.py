"""Runs a job on the Verilated model in a plain C++ loop, the baseline for cocotb's speed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..runtime.errors import SimulationError
from .build import build
from .job import Job, Plain
from .process import job_folder, memory_settings, run_program

__all__ = ["run_plain"]


def run_plain(
    job: Job,
    *,
    progress: Callable[[str], None] = lambda text: None,
    cache: Path | None = None,
    build_jobs: int | None = None,
) -> Plain:
    """Run one job on the same model in a plain C++ loop, without cocotb.

    Parameters
    ----------
    job : Job
        Its `kind`, `free`, `waves`, `ledger` and `records` are ignored.
    progress, cache, build_jobs
        As for `simulate`.

    Returns
    -------
    Plain

    Raises
    ------
    ValueError, ToolchainError, SimulationError
        As for `simulate`.
    """
    model = build(
        job.verilog, job.axi_bytes, kind="plain", cache=cache, jobs=build_jobs, progress=progress
    )
    with job_folder(job) as folder:
        memory = memory_settings(job)
        names = ("base", "program", "latency", "jitter", "stall", "seed", "cycle_limit")
        command = [str(model.path), "memory.bin", "mask.bin", *(str(memory[n]) for n in names)]
        run_program(command, folder, dict(os.environ))
        found = json.loads((folder / "log").read_text())
        if not found["finished"]:
            raise SimulationError(f"No interrupt after {job.cycle_limit} cycles.")
        final = np.memmap(folder / "memory.bin", np.uint8, "r")
        outputs = [np.array(final[o : o + n]) for o, n in job.outputs]
        return Plain(outputs, found["cycles"], found["status"], found["seconds"], model)
