"""Runs inside the simulator: the cocotb test that executes one job of `simulate`."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import cocotb
import numpy as np
from cocotb.handle import SimHandleBase

from ..compiler.area import Area
from ..runtime.errors import SimulationError
from ..spec.isa_features import missing
from ..spec.registers import Register, Status
from .host_channel import ask
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
    """Run a job from reset to the last program's end.

    Parameters
    ----------
    bench : Testbench
    folder : Path
        Holds `memory.bin` and `mask.bin`, and `ledger.bin` and `tensors.bin` if there are `areas`;
        `progress` is written there.
    job : dict
        `base`, `turns`, `latency`, `jitter`, `stall`, `seed`, `cycle_limit`, `free`, `areas`,
        `features`. A turn is the `program` to start or, if `host` is a position and not None, an
        operation of the host with its `inputs` and `output`, each (base, rows, row_bytes, pitch).

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
    runs: list[dict] = []
    for turn in job["turns"]:
        if turn["host"] is not None:
            _host(bench, turn)
            continue
        try:
            done = sum(run["cycles"] for run in runs)
            runs.append(await _run(bench, folder, job, turn["program"], done))
        except SimulationError as error:
            if not areas:
                raise
            book = bench.ledger()
            progress = describe_progress(areas, book["complete"], book["entered"])
            raise SimulationError(f"{error} {progress}") from None
        if runs[-1]["status"] & Status.ERROR or not runs[-1]["status"] & Status.DONE:
            break
    return {
        "runs": runs,
        "registers": registers,
        "ledger": bench.ledger() if areas else {},
        **bench.observed(),
    }


async def _run(bench: Testbench, folder: Path, job: dict, program: int, done: int) -> dict:
    """Run one program after `done` cycles of others; return its status, times and counters."""
    await bench.start(program, job["base"])
    begin = time.perf_counter()
    found = await _wait(bench, folder, job, done)
    seconds = time.perf_counter() - begin
    counters = await bench.counters()
    macs = counters.pop("macs")
    await bench.acknowledge()
    seen = bench.observed()
    cycles = counters["cycles"] if found["merged"] else seen["stop_cycle"] - seen["start_cycle"]
    return {"seconds": seconds, **found, "counters": counters, "macs": macs, "cycles": cycles}


def _host(bench: Testbench, turn: dict) -> None:
    """Compute an operation of the host on the memory's bytes."""
    memory = np.frombuffer(bench.memory(), np.uint8)
    inputs = [Area("", *place).view(memory).copy() for place in turn["inputs"]]
    rows, output = ask(turn["host"], inputs), Area("", *turn["output"])
    for row, data in enumerate(rows):
        bench.write_memory(output.base + row * output.pitch, data.tobytes())


async def _wait(bench: Testbench, folder: Path, job: dict, done: int) -> dict:
    """Wait for the program's end; clear the interrupts of RECORD instructions on the way."""

    def report(cycles: int) -> None:
        (folder / "progress").write_text(str(done + cycles))

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
