"""Runs in the simulator: one program after the other, some ended by a reset or a bus error."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.handle import SimHandleBase
from cocotb.triggers import ClockCycles

from maccord.sim.testbench import Testbench

POISON = 0xA5
LIMIT = 200_000  # cycles of a program


class Host:
    """Starts programs, as software does, and looks at what they leave.

    Parameters
    ----------
    bench : Testbench
    job : dict
        `base`, and how the memory behaves.
    """

    def __init__(self, bench: Testbench, job: dict[str, Any]) -> None:
        self.bench = bench
        self.base = job["base"]
        self.timing = {name: job[name] for name in ("latency", "jitter", "stall", "seed")}
        self.memory = bench.memory()
        self.cycles: dict[int, int] = {}  # of each program that ran to its end, by its offset

    async def reset(self) -> None:
        await self.bench.reset(base=self.base, **self.timing)

    async def step(self, step: dict[str, Any]) -> dict[str, Any]:
        """Run a program to its end, or reset when a share of its usual cycles is over."""
        bench = self.bench
        first, size = step["output"]
        self.memory[first : first + size] = bytes([POISON]) * size
        bench.inject(*step["inject"])
        await bench.start(step["program"], self.base + step["offset"])
        if step["share"] is not None:
            await ClockCycles(bench.dut.aclk, 1 + int(step["share"] * self.cycles[step["offset"]]))
            seen = bench.observed()
            await self.reset()
            return {"observed": seen}
        await bench.wait_interrupt(LIMIT)
        status, error = await bench.status()
        seen = bench.observed()
        self.cycles[step["offset"]] = seen["stop_cycle"] - seen["start_cycle"]
        counters = await bench.counters()
        await bench.acknowledge()
        return {
            "status": status,
            "error": error,
            "output": bytes(self.memory[first : first + size]).hex(),
            "counted": counters["cycles"],
            "observed": seen,
        }


@cocotb.test()
async def run_steps(dut: SimHandleBase) -> None:
    """Read `job.json` in the folder that `MACCORD_JOB` names; write `result.json` there."""
    folder = Path(os.environ["MACCORD_JOB"])
    job = json.loads((folder / "job.json").read_text())
    bench = Testbench(dut)
    bench.open_memory(folder / "memory.bin", folder / "mask.bin")
    host = Host(bench, job)
    await host.reset()
    found = [await host.step(step) for step in job["steps"]]
    (folder / "result.json").write_text(json.dumps(found))
