"""Runs jobs on a Verilated model under cocotb, each in a separate process."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..compiler.area import Area
from ..compiler.host_work import HostWork
from ..golden.control.recorder import read_record
from ..runtime.errors import SimulationError
from ..spec.isa import RECORD_BYTES
from .build import Model, build
from .host_channel import VARIABLE, serving
from .job import Job, Plain, ProgramRun, Result
from .ledger import read_tensors, read_traces, write_ledger
from .plain import run_plain
from .process import (
    POISON,
    cocotb_environment,
    job_folder,
    memory_settings,
    read_result,
    run_program,
)
from .protocol import describe_violation

__all__ = ["Job", "Plain", "Result", "run_plain", "simulate"]

NS_PER_CYCLE = 10


def simulate(
    job: Job,
    *,
    progress: Callable[[str], None] = lambda text: None,
    on_cycles: Callable[[int], None] = lambda cycles: None,
    cache: Path | None = None,
    build_jobs: int | None = None,
) -> Result:
    """Build the model if necessary, and run one job under cocotb.

    Parameters
    ----------
    job : Job
    progress : callable
        Called with one line before each long step.
    on_cycles : callable
        Called periodically with the cycles simulated.
    cache : Path, optional
        Folder of built models; in the user's cache if not given.
    build_jobs : int, optional
        Parallel compiler processes.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If the netlist has other ports, or lacks a feature that the job needs.
    ToolchainError
        If a tool is missing.
    SimulationError
        If the model cannot be built, crashes, or hangs.
    """
    trace = job.waves is not None
    model = build(
        job.verilog, job.axi_bytes, trace=trace, kind=job.kind, cache=cache,
        jobs=build_jobs, progress=progress,
    )  # fmt: skip
    with job_folder(job) as folder, serving(job.host_works) as host:
        areas = [(area.name, area.size) for area in job.ledger]
        settings = {**memory_settings(job), "free": job.free, "areas": areas}
        settings |= {"features": int(job.features), "turns": _turns(job)}
        (folder / "job.json").write_text(json.dumps(settings))
        if areas:
            write_ledger(folder, job.ledger, job.writable, POISON)
        begin = time.perf_counter()
        environment = cocotb_environment(folder, "maccord.sim.cosim")
        environment[VARIABLE] = ",".join(map(str, host))
        run_program(_command(model, job, folder), folder, environment, on_cycles, host)
        seconds = time.perf_counter() - begin
        found = read_result(folder)
        if "refused" in found:
            raise ValueError(found["refused"])
        if "error" in found:
            raise SimulationError(found["error"])
        return _result(job, model, folder, found, seconds)


def _turns(job: Job) -> list[dict[str, Any]]:
    """Return the job's turns in the testbench's format."""
    found: list[dict[str, Any]] = []
    hosts = 0
    for turn in job.turns or (job.program,):
        if isinstance(turn, HostWork):
            inputs, output = [_place(area) for area in turn.inputs], _place(turn.output)
            found.append({"host": hosts, "inputs": inputs, "output": output})
            hosts += 1
        else:
            found.append({"host": None, "program": turn})
    return found


def _place(area: Area) -> tuple[int, int, int, int]:
    return area.base, area.rows, area.row_bytes, area.pitch


def _command(model: Model, job: Job, folder: Path) -> list[str]:
    if job.waves is None:
        return [str(model.path)]
    first, last = (cycle * NS_PER_CYCLE for cycle in job.waves)
    waves = folder / f"waves.{model.waves}"
    window = [f"+from={first}", f"+to={last + NS_PER_CYCLE}", f"+after={job.waves_after}"]
    return [str(model.path), f"+waves={waves}", *window]


def _result(job: Job, model: Model, folder: Path, found: dict, seconds: float) -> Result:
    image = np.memmap(folder / "memory.bin", np.uint8, "r")
    written = np.unpackbits(np.fromfile(folder / "mask.bin", np.uint8), bitorder="little")
    records = [slice(offset, offset + RECORD_BYTES) for offset in job.records]
    kept = ("registers", "protocol_errors", "overlaps")
    traffic = ("read_bursts", "read_beats", "write_bursts", "write_beats")
    violation = (
        describe_violation(found["protocol_code"], found["protocol_cycle"])
        if found["protocol_errors"]
        else ""
    )
    runs = [
        ProgramRun(run["cycles"], run["counters"], run["macs"], run["interrupts"])
        for run in found["runs"]
    ]
    last = found["runs"][-1]
    return Result(
        outputs=[np.array(image[o : o + n]) for o, n in job.outputs],
        cycles=sum(run.cycles for run in runs),
        status=last["status"],
        error_code=last["error_code"],
        counters={name: sum(run.counters[name] for run in runs) for name in last["counters"]},
        macs=sum(run.macs for run in runs),
        interrupts=sum(run.interrupts for run in runs),
        runs=runs if len(runs) > 1 else [],
        sim_seconds=sum(run["seconds"] for run in found["runs"]),
        total_seconds=seconds,
        protocol_error=violation,
        model=model,
        waves=_keep_waves(job, model, folder),
        records=[read_record(image[r]) if written[r].all() else {} for r in records],
        **_coverage(job, written),
        **_tensors(job, folder, found),
        **{name: found[name] for name in (*kept, *traffic)},
    )


def _coverage(job: Job, written: np.ndarray) -> dict[str, Any]:
    """Compare written bytes with the output regions; without a ledger, also find stray writes."""
    counts, first = [], None
    for offset, length in job.outputs:
        holes = np.flatnonzero(written[offset : offset + length] == 0)
        counts.append(holes.size)
        if holes.size and first is None:
            first = offset + int(holes[0])
    found = {"unwritten": counts, "first_unwritten": first}
    if job.ledger:
        return found
    for offset, length in (*job.outputs, *job.writable):
        written[offset : offset + length] = 0
    strays = np.flatnonzero(written)
    return found | {
        "stray_bytes": strays.size,
        "first_stray": int(strays[0]) if strays.size else None,
    }


def _tensors(job: Job, folder: Path, found: dict) -> dict[str, Any]:
    """Return the tensors captured by the ledger, and writes that violate it."""
    if not job.ledger:
        return {}
    book = found["ledger"]
    missing = {area.name: area.size for area in job.ledger[book["complete"] :]}
    entered = book["entered"]  # of a group, whose areas are taken in order
    for name in missing:
        taken = min(missing[name], entered)
        missing[name] -= taken
        entered -= taken
    return {
        "tensors": read_tensors(folder, job.ledger, book["complete"]),
        "traces": read_traces(folder, job.ledger, book["complete"]),
        "incomplete": missing,
        "stray_bytes": book["strays"],
        "first_stray": book["first_stray"] if book["strays"] else None,
        "double_bytes": book["doubles"],
        "first_double": book["first_double"] if book["doubles"] else None,
    }


def _keep_waves(job: Job, model: Model, folder: Path) -> Path | None:
    if job.waves is None:
        return None
    wanted = job.waves_path or Path("build/sim/waves")
    path = wanted.with_name(f"{wanted.name}.{model.waves}")
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(folder / f"waves.{model.waves}", path)
    return path
