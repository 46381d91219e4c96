"""Runs inside the simulator: the cocotb test that executes one job of `simulate`."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import cocotb
from cocotb.handle import SimHandleBase

from ..golden.registers import Register
from .errors import SimulationError
from .testbench import Testbench

__all__ = ["run_job"]

READABLE = (
    Register.ID, Register.VERSION, Register.ROWS, Register.COLS, Register.LANES,
    Register.AXI_BYTES, Register.ACTIVATION_BYTES, Register.WEIGHT_BYTES, Register.OUTPUT_BYTES,
    Register.ACCUMULATORS, Register.LINE_CELLS,
)  # fmt: skip


@cocotb.test()
async def run_job(dut: SimHandleBase) -> None:
    """Read `job.json` in the folder that `MACCORD_JOB` names; write `result.json` there."""
    folder = Path(os.environ["MACCORD_JOB"])
    job = json.loads((folder / "job.json").read_text())
    try:
        result = await execute(Testbench(dut), folder, job)
    except SimulationError as error:
        result = {"error": str(error)}
    (folder / "result.json").write_text(json.dumps(result))


async def execute(bench: Testbench, folder: Path, job: dict) -> dict:
    """Run a job from reset to interrupt.

    Parameters
    ----------
    bench : Testbench
    folder : Path
        Holds `memory.bin` and `mask.bin`; `progress` is written there.
    job : dict
        `base`, `program`, `latency`, `jitter`, `stall`, `seed`, `cycle_limit`, `free`.

    Returns
    -------
    dict
        What the job's `Result` is made of.

    Raises
    ------
    SimulationError
        If the accelerator hangs.
    """

    def report(cycles: int) -> None:
        (folder / "progress").write_text(str(cycles))

    bench.open_memory(folder / "memory.bin", folder / "mask.bin")
    memory = {name: job[name] for name in ("base", "latency", "jitter", "stall", "seed")}
    await bench.reset(**memory)
    registers = {register.name: await bench.read(register) for register in READABLE}
    await bench.start(job["program"], job["base"])
    begin = time.perf_counter()
    await bench.wait_interrupt(job["cycle_limit"], progress=report, free=job["free"])
    seconds = time.perf_counter() - begin
    status, code = await bench.status()
    counters = await bench.counters()
    await bench.acknowledge()
    return {
        "seconds": seconds,
        "status": status,
        "error_code": code,
        "counters": counters,
        "registers": registers,
        **bench.observed(),
    }
