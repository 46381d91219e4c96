"""Runs inside the simulator: the cocotb test that executes one job of `simulate`."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import cocotb
from cocotb.handle import SimHandleBase

from ..runtime.errors import SimulationError
from ..spec.isa_features import missing
from ..spec.registers import Register, Status
from .stall import describe_progress
from .testbench import Testbench

__all__ = ["run_job"]

READABLE = (
    Register.ID, Register.VERSION, Register.ROWS, Register.COLS, Register.LANES,
    Register.AXI_BYTES, Register.ACTIVATION_BYTES, Register.WEIGHT_BYTES, Register.OUTPUT_BYTES,
    Register.ACCUMULATORS, Register.LINE_CELLS, Register.FEATURES,
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
    """Run a job from reset to the program's end.

    Parameters
    ----------
    bench : Testbench
    folder : Path
        Holds `memory.bin` and `mask.bin`, and `ledger.bin` and `tensors.bin` if there are `areas`;
        `progress` is written there.
    job : dict
        `base`, `program`, `latency`, `jitter`, `stall`, `seed`, `cycle_limit`, `free`, `areas`,
        `features`.

    Returns
    -------
    dict
        The fields of the job's `Result`; only `refused`, a sentence, if the accelerator lacks
        features that the job needs, and was not started.

    Raises
    ------
    SimulationError
        If the accelerator hangs.
    """
    bench.open_memory(folder / "memory.bin", folder / "mask.bin")
    areas = job["areas"]
    if areas:
        bench.open_ledger(folder / "ledger.bin", folder / "tensors.bin")
    memory = {name: job[name] for name in ("base", "latency", "jitter", "stall", "seed")}
    await bench.reset(**memory)
    registers = {register.name: await bench.read(register) for register in READABLE}
    lacking = missing(registers[Register.FEATURES.name], job["features"])
    if lacking:
        return {"refused": f"the netlist must have {lacking}, which the program needs"}
    await bench.start(job["program"], job["base"])
    begin = time.perf_counter()
    try:
        found = await _wait(bench, folder, job)
    except SimulationError as error:
        if not areas:
            raise
        book = bench.ledger()
        progress = describe_progress(areas, book["complete"], book["entered"])
        raise SimulationError(f"{error} {progress}") from None
    seconds = time.perf_counter() - begin
    counters = await bench.counters()
    macs = counters.pop("macs")
    await bench.acknowledge()
    return {
        "seconds": seconds,
        **found,
        "counters": counters,
        "macs": macs,
        "registers": registers,
        "ledger": bench.ledger() if areas else {},
        **bench.observed(),
    }


async def _wait(bench: Testbench, folder: Path, job: dict) -> dict:
    """Wait for the program's end; clear the interrupts of RECORD instructions on the way."""

    def report(cycles: int) -> None:
        (folder / "progress").write_text(str(cycles))

    since = bench.observed()["cycle"]
    interrupts, handled = 0, -1
    while True:
        await bench.wait_interrupt(
            job["cycle_limit"], since=since, progress=report, free=job["free"]
        )
        status, code = await bench.status()
        rose = bench.observed()["stop_cycle"]
        if status & (Status.DONE | Status.ERROR) or not status & Status.RECORDED:
            # While a record's interrupt is pending, the end causes no rising edge
            merged = bool(status & Status.RECORDED) or rose == handled
            ended = {"status": status, "error_code": code}
            return ended | {"interrupts": interrupts, "merged": merged}
        handled = rose
        await bench.clear_record()
        interrupts += 1
