"""Runs in the simulator: programs one after the other, each followed by a legal one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.handle import SimHandleBase
from cocotb.triggers import ClockCycles

from maccord.runtime.errors import SimulationError
from maccord.sim.testbench import Testbench
from maccord.spec.registers import Command, Register

ABORT_LIMIT = 5000  # cycles in which an aborted program must end


async def ends(bench: Testbench, limit: int) -> bool:
    """Whether the interrupt comes within a limit."""
    try:
        await bench.wait_interrupt(limit, every=limit)
    except SimulationError:
        return False
    return True


async def run(bench: Testbench, job: dict[str, Any], program: int, case: dict) -> dict[str, Any]:
    """Run a program, or abort it: how it ended. `abort` is in cycles after the start."""
    before = bench.observed()
    await bench.start(program, job["base"])
    limit = case.get("abort", case["limit"])
    if "abort" in case:
        await ClockCycles(bench.dut.aclk, limit)
    ended = False if "abort" in case else await ends(bench, limit)
    beats = bench.observed()
    if not ended:
        await bench.write(Register.CONTROL, Command.ABORT)
        if not await ends(bench, ABORT_LIMIT):
            return {"ended": False, "hung": True}
    status, code = await bench.status()
    await bench.acknowledge()
    seen = bench.observed()
    return {
        "ended": ended,
        "hung": False,
        "status": status,
        "code": code,
        "cycles": seen["stop_cycle"] - seen["start_cycle"],
        "abort_cycles": seen["stop_cycle"] - beats["cycle"],
        "bursts": sum(seen[n] - before[n] for n in ("read_bursts", "write_bursts")),
    }


@cocotb.test()
async def run_programs(dut: SimHandleBase) -> None:
    """Read `job.json` in the folder that `MACCORD_JOB` names; write `result.json` there."""
    folder = Path(os.environ["MACCORD_JOB"])
    job = json.loads((folder / "job.json").read_text())
    bench = Testbench(dut)
    bench.open_memory(folder / "memory.bin", folder / "mask.bin")
    memory = bench.memory()
    image = bytes(memory)
    await bench.reset(base=job["base"], **job["memory"])
    results = []
    with (folder / "memories.bin").open("wb") as after:
        for case in job["cases"]:
            code = bytes.fromhex(case["code"])
            memory[:] = image
            memory[job["place"] : job["place"] + len(code)] = code
            found = await run(bench, job, job["place"], case)
            after.write(memory)
            memory[:] = image
            if not found["hung"]:
                found["next"] = await run(bench, job, job["program"], {"limit": 100_000})
            after.write(memory)
            results.append(found)
            if found["hung"]:
                break
    (folder / "result.json").write_text(json.dumps([results, bench.observed()]))
