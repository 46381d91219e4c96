"""Runs in the simulator: the C driver, compiled, on the accelerator's control port."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cocotb
from cocotb.handle import SimHandleBase
from cocotb.task import bridge, resume
from driver_library import Driver

from maccord.sim.testbench import Testbench
from maccord.spec.registers import Register


class Host:
    """The driver's view of the simulation: calls from C that let simulated time pass."""

    def __init__(self, bench: Testbench, library: str) -> None:
        self.bench = bench
        self.memory = bench.memory()  # keeps the view of the mapped file alive
        self.events: list[str] = []
        self._read, self._write = resume(bench.read), resume(bench.write)
        self._interrupt = resume(bench.wait_interrupt)
        self.driver = Driver(library, self.read, self.write, lambda: self.events.append("barrier"))

    def read(self, offset: int) -> int:
        return self._read(offset)

    def write(self, offset: int, value: int) -> None:
        if offset == Register.CONTROL:
            self.events.append("start")
        self._write(offset, value)

    def sleep(self) -> None:
        """Until the interrupt, whose handler runs then."""
        self._interrupt(100_000, free=False)
        self.events.append(f"interrupt {self.driver.interrupt():#x}")

    def idle(self) -> None:
        """A timer's tick, some cycles long, with no interrupt."""
        self._read(Register.ID)

    @property
    def address(self) -> int:
        return ctypes.addressof(ctypes.c_uint8.from_buffer(self.memory))


def layer(host: Host, job: dict[str, Any]) -> dict[str, Any]:
    """A program from copy to end, by polling or by interrupt."""
    driver, program = host.driver, bytes.fromhex(job["code"])
    assert driver.load(host.address, job["base"], job["program"], program) == "OK"
    assert driver.start(job["interrupt"]) == "OK"
    refused, units = [], []
    if job["meddle"]:  # while the program runs
        again = driver.load(host.address, job["base"], 0, b"")
        refused = [again, driver.start(False), driver.wait(2)]
        units = [driver.unit(unit) for unit in range(5)]
    ended = driver.wait_interrupt(host.sleep) if job["interrupt"] else driver.wait(0)
    return {
        "refused": refused,
        "units": units,
        "ended": ended,
        "error": driver.error(),
        "records": driver.device.records,
        "status": driver.status(),
        "counters": driver.counters(),
        "instructions": driver.instructions(),
        "parameters": driver.parameters(),
        "events": host.events,
    }


def programs(host: Host, job: dict[str, Any]) -> dict[str, Any]:
    """A program, one that is aborted, and the first again: the outputs of both, and how all end.

    By polling or by interrupt, both with limits that the aborted one reaches.
    """
    driver, found = host.driver, []
    first, size = job["output"]

    def wait(limit: int) -> str:
        return driver.wait_interrupt(host.sleep, limit) if job["interrupt"] else driver.wait(limit)

    def started(code: str) -> None:
        host.memory[first : first + size] = bytes(size)
        loaded = driver.load(host.address, job["base"], job["program"], bytes.fromhex(code))
        assert (loaded, driver.start(job["interrupt"])) == ("OK", "OK")

    for place, code in enumerate((job["code"], job["code"], job["long"], job["code"])):
        started(code)
        ends = []
        if place == 2:
            idle = host.idle if job["interrupt"] else None
            ends.append(driver.wait_interrupt(idle, 3) if idle else driver.wait(3))
            driver.abort()
        ends.append(wait(0))
        output = bytes(host.memory[first : first + size]).hex()
        found.append({"ends": ends, "error": driver.error(), "output": output})
    return {"programs": found}


def registers(host: Host, job: dict[str, Any]) -> dict[str, Any]:
    """Every register after reset, and what is left of ones written to it, of all but CONTROL."""
    found = {name: host.read(address) for name, address in job["registers"].items()}
    left = {}
    for name, address in job["registers"].items():
        if name != "CONTROL":
            host.write(address, 0xFFFF_FFFF)
            left[name] = host.read(address)
    holes = [host.read(address) for address in job["holes"]]
    return {"reset": found, "ones": left, "holes": holes}


SCENARIOS: dict[str, Callable[[Host, dict[str, Any]], dict[str, Any]]] = {
    "layer": layer,
    "programs": programs,
    "registers": registers,
}


@cocotb.test()
async def run_driver(dut: SimHandleBase) -> None:
    """Read `job.json` in the folder that `MACCORD_JOB` names; write `result.json` there."""
    folder = Path(os.environ["MACCORD_JOB"])
    job = json.loads((folder / "job.json").read_text())
    bench = Testbench(dut)
    bench.open_memory(folder / "memory.bin", folder / "mask.bin")
    await bench.reset(base=job["base"], latency=30)

    def run() -> dict[str, Any]:
        host = Host(bench, job["library"])
        assert host.driver.open() == "OK"
        found = SCENARIOS[job["scenario"]](host, job)
        host.driver.check()
        return found

    result = await bridge(run)()
    seen = bench.observed()
    (folder / "result.json").write_text(json.dumps(result | {"observed": seen}))
