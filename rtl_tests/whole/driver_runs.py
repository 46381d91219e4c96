"""Runs scenarios of `driver_bench` in the simulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from maccord.sim.build import build
from maccord.sim.process import cocotb_environment, job_folder, run_program
from maccord.sim.simulate import Job

__all__ = ["simulate_driver"]


def simulate_driver(job: Job, shared: Path, **settings: Any) -> tuple[dict[str, Any], np.ndarray]:
    """Run a scenario of `driver_bench` on a job's memory: what it found, and memory after it."""
    model = build(job.verilog, job.axi_bytes)
    with job_folder(job) as folder:
        settings |= {"base": job.base, "program": job.program, "library": str(shared)}
        (folder / "job.json").write_text(json.dumps(settings))
        run_program([str(model.path)], folder, cocotb_environment(folder, "driver_bench"))
        result = folder / "result.json"
        assert result.exists(), (folder / "log").read_text()
        return json.loads(result.read_text()), np.fromfile(folder / "memory.bin", np.uint8)
