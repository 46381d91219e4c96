"""Runs jobs on a Verilated model, each in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cocotb_tools.config
import numpy as np

from .build import Model, build
from .errors import SimulationError
from .protocol import describe_violation
from .toolchain import libpython

__all__ = ["Job", "Plain", "Result", "run_plain", "simulate"]

POISON = 0xA5  # output regions before the start
NS_PER_CYCLE = 10


@dataclass(frozen=True)
class Job:
    """One program to run on one netlist.

    Attributes
    ----------
    verilog : Path or str
        Netlist of the module `maccord`: a file, or the text itself.
    axi_bytes : int
        Bytes per beat of its master port.
    memory : ndarray of shape (bytes,), uint8
        What memory holds at the start, from the base address on; not changed.
    program : int
        Byte offset of the program.
    outputs : sequence of (int, int)
        Offset and length of each region to return: every byte must be written.
    scratch : sequence of (int, int)
        Further regions that may be written.
    base : int
        Address of `memory[0]`, a multiple of 4096; the accelerator has 40 bits.
    latency : int
        Cycles from a request to its first answer, 2 to 65535.
    jitter : int
        Largest random number of cycles added to the latency, 0 to 65535.
    stall_probability : float
        Chance, below 1, that a memory channel pauses for a cycle (rounded to 1/256).
    stall_seed : int
        Of stalls and jitter.
    cycle_limit : int
        Cycles after which the accelerator counts as hung.
    waves : (int, int), optional
        First and last cycle since reset to record; needs a build of its own.
    waves_path : Path, optional
        Where the waves go, the ending apart, which depends on the format.
    kind : str
        Build: `cocotb`, or `stock` for cocotb's own main.
    free : bool
        Whether cocotb is left alone while the program runs.
    """

    verilog: Path | str
    axi_bytes: int
    memory: np.ndarray
    program: int
    outputs: Sequence[tuple[int, int]]
    scratch: Sequence[tuple[int, int]] = ()
    base: int = 0x12_3450_0000
    latency: int = 30
    jitter: int = 0
    stall_probability: float = 0.0
    stall_seed: int = 0
    cycle_limit: int = 100_000_000
    waves: tuple[int, int] | None = None
    waves_path: Path | None = None
    kind: str = "cocotb"
    free: bool = True

    def __post_init__(self) -> None:
        if self.memory.dtype != np.uint8 or self.memory.ndim != 1:
            raise ValueError(
                f"memory must be one-dimensional uint8, got {self.memory.ndim} dimensions of "
                f"{self.memory.dtype}."
            )
        if self.base % 4096 or not 0 <= self.base <= (1 << 40) - self.memory.size:
            raise ValueError(
                f"base must be a multiple of 4096 with the memory below 2**40, got {self.base:#x}."
            )
        _check_range("latency", self.latency, 2, 65535)
        _check_range("jitter", self.jitter, 0, 65535)
        _check_range("stall_seed", self.stall_seed, 0, (1 << 32) - 1)
        if not 0 <= self.stall_probability <= 0.99:
            raise ValueError(
                f"stall_probability must be between 0 and 0.99, got {self.stall_probability}."
            )
        for offset, length in (*self.outputs, *self.scratch):
            if offset < 0 or length < 0 or offset + length > self.memory.size:
                raise ValueError(
                    f"regions must lie in the memory of {self.memory.size} bytes, "
                    f"got {length} bytes at {offset}."
                )


@dataclass(frozen=True)
class Result:
    """What a job did.

    Attributes
    ----------
    outputs : list of ndarray, uint8
        The output regions at the end.
    cycles : int
        From the start on the bus to the interrupt, counted beside the accelerator.
    status, error_code : int
        Of the accelerator: `Status` bits and `ErrorCode`.
    counters : dict
        The accelerator's own counters, in cycles: `cycles`, and by cause.
    registers : dict
        The read-only registers.
    sim_seconds : float
        Wall time from start to interrupt.
    total_seconds : float
        Wall time of the process, start-up and memory included.
    unwritten : list of int
        Number of bytes in each output region that were never written.
    first_unwritten : int or None
        Offset of the first of them.
    stray_bytes : int
        Bytes written outside the output and scratch regions.
    first_stray : int or None
        Offset of the first of them.
    protocol_errors : int
        Cycles with a violation of the bus protocol.
    protocol_error : str
        The first of them in words, empty if there is none.
    overlaps : int
        Bursts accepted while one of the other direction was open on the same bytes: their order
        is undefined in AXI.
    read_bursts, read_beats, write_bursts, write_beats : int
        Traffic of the master port.
    model : Model
        The program that ran.
    waves : Path or None
        The waves.
    """

    outputs: list[np.ndarray]
    cycles: int
    status: int
    error_code: int
    counters: dict[str, int]
    registers: dict[str, int]
    sim_seconds: float
    total_seconds: float
    unwritten: list[int]
    first_unwritten: int | None
    stray_bytes: int
    first_stray: int | None
    protocol_errors: int
    protocol_error: str
    overlaps: int
    read_bursts: int
    read_beats: int
    write_bursts: int
    write_beats: int
    model: Model
    waves: Path | None

    @property
    def sim_cycles_per_second(self) -> float:
        """Simulated cycles per second of wall time, from start to interrupt."""
        return self.cycles / self.sim_seconds


@dataclass(frozen=True)
class Plain:
    """What the plain C++ loop did.

    Attributes
    ----------
    outputs : list of ndarray, uint8
        The output regions at the end.
    cycles : int
        As `Result.cycles`.
    status : int
        The STATUS register.
    sim_seconds : float
        Wall time from start to interrupt.
    model : Model
        The program that ran.
    """

    outputs: list[np.ndarray]
    cycles: int
    status: int
    sim_seconds: float
    model: Model

    @property
    def sim_cycles_per_second(self) -> float:
        """Simulated cycles per second of wall time, from start to interrupt."""
        return self.cycles / self.sim_seconds


def simulate(
    job: Job,
    *,
    progress: Callable[[str], None] = lambda text: None,
    on_cycles: Callable[[int], None] = lambda cycles: None,
    cache: Path = Path("build/verilator"),
    build_jobs: int | None = None,
) -> Result:
    """Build the model if need be, and run one job under cocotb.

    Parameters
    ----------
    job : Job
    progress : callable
        Called with one line when something that takes long begins.
    on_cycles : callable
        Called now and then with the cycles simulated.
    cache : Path
        Folder of built models.
    build_jobs : int, optional
        Compilers at once.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If the netlist has other ports.
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
    with _folder(job) as folder:
        (folder / "job.json").write_text(json.dumps(_description(job)))
        begin = time.perf_counter()
        _run(_command(model, job, folder), folder, _environment(folder), on_cycles)
        seconds = time.perf_counter() - begin
        try:
            found = json.loads((folder / "result.json").read_text())
        except FileNotFoundError:
            raise SimulationError(
                f"The simulator ended without a result: {_tail(folder)}"
            ) from None
        if "error" in found:
            raise SimulationError(found["error"])
        return _result(job, model, folder, found, seconds)


def run_plain(
    job: Job,
    *,
    progress: Callable[[str], None] = lambda text: None,
    cache: Path = Path("build/verilator"),
    build_jobs: int | None = None,
) -> Plain:
    """Run one job on the same model in a plain C++ loop, without cocotb.

    Parameters
    ----------
    job : Job
        Its `kind`, `free` and `waves` are ignored.
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
    with _folder(job) as folder:
        memory = _description(job)
        names = ("base", "program", "latency", "jitter", "stall", "seed", "cycle_limit")
        command = [str(model.path), "memory.bin", "mask.bin", *(str(memory[n]) for n in names)]
        _run(command, folder, dict(os.environ), lambda cycles: None)
        found = json.loads((folder / "log").read_text())
        if not found["finished"]:
            raise SimulationError(f"No interrupt after {job.cycle_limit} cycles.")
        final = np.memmap(folder / "memory.bin", np.uint8, "r")
        outputs = [np.array(final[o : o + n]) for o, n in job.outputs]
        return Plain(outputs, found["cycles"], found["status"], found["seconds"], model)


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, got {value}.")


def _description(job: Job) -> dict:
    return {
        "base": job.base,
        "program": job.program,
        "latency": job.latency,
        "jitter": job.jitter,
        "stall": round(job.stall_probability * 256),
        "seed": job.stall_seed,
        "cycle_limit": job.cycle_limit,
        "free": job.free,
    }


@contextmanager
def _folder(job: Job) -> Iterator[Path]:
    """Make the job's folder with its memory in files, which the simulator maps."""
    with tempfile.TemporaryDirectory(prefix="maccord-") as name:
        folder = Path(name)
        size = -(-job.memory.size // 4096) * 4096
        with (folder / "memory.bin").open("wb") as file:
            np.ascontiguousarray(job.memory).tofile(file)
            file.truncate(size)
        image = np.memmap(folder / "memory.bin", np.uint8, "r+")
        for offset, length in job.outputs:
            image[offset : offset + length] = POISON
        del image
        with (folder / "mask.bin").open("wb") as file:
            file.truncate(size // 8)
        yield folder


def _command(model: Model, job: Job, folder: Path) -> list[str]:
    if job.waves is None:
        return [str(model.path)]
    first, last = (cycle * NS_PER_CYCLE for cycle in job.waves)
    waves = folder / f"waves.{model.waves}"
    return [str(model.path), f"+waves={waves}", f"+from={first}", f"+to={last + NS_PER_CYCLE}"]


def _environment(folder: Path) -> dict[str, str]:
    """Return what cocotb in the simulator needs to find this Python and the job."""
    ours = ("COCOTB_", "GPI_", "PYGPI_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    libraries = [str(cocotb_tools.config.libs_dir), environment.get("LD_LIBRARY_PATH", "")]
    return environment | {
        "COCOTB_TOPLEVEL": "tb",
        "COCOTB_TEST_MODULES": "maccord.sim.cosim",
        "COCOTB_RESULTS_FILE": str(folder / "results.xml"),
        "COCOTB_REWRITE_ASSERTION_FILES": "",
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "COCOTB_LOG_LEVEL": "WARNING",
        "GPI_LOG_LEVEL": "WARNING",
        "TOPLEVEL_LANG": "verilog",
        "GPI_USERS": f"{libpython()};{cocotb_tools.config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)),
        "MACCORD_JOB": str(folder),
        "MACCORD_PARENT": str(os.getpid()),
    }


def _run(
    command: list[str],
    folder: Path,
    environment: dict[str, str],
    on_cycles: Callable[[int], None],
) -> None:
    """Run the simulator, which dies with us; raise if it fails."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            while True:
                try:
                    code = process.wait(0.2)
                    break
                except subprocess.TimeoutExpired:
                    _report(folder / "progress", on_cycles)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if code:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        raise SimulationError(f"The simulator {how}: {_tail(folder)}")


def _report(path: Path, on_cycles: Callable[[int], None]) -> None:
    text = path.read_text() if path.exists() else ""
    if text.isdigit():
        on_cycles(int(text))


def _tail(folder: Path) -> str:
    lines = (folder / "log").read_text(errors="replace").splitlines()
    return " | ".join(lines[-5:]) or "it printed nothing"


def _result(job: Job, model: Model, folder: Path, found: dict, seconds: float) -> Result:
    image = np.memmap(folder / "memory.bin", np.uint8, "r")
    unwritten, missing, stray = _coverage(job, folder)
    kept = ("status", "error_code", "counters", "registers", "protocol_errors", "overlaps")
    traffic = ("read_bursts", "read_beats", "write_bursts", "write_beats")
    violation = (
        describe_violation(found["protocol_code"], found["protocol_cycle"])
        if found["protocol_errors"]
        else ""
    )
    return Result(
        outputs=[np.array(image[o : o + n]) for o, n in job.outputs],
        cycles=found["stop_cycle"] - found["start_cycle"],
        sim_seconds=found["seconds"],
        total_seconds=seconds,
        unwritten=unwritten,
        first_unwritten=missing,
        stray_bytes=stray.size,
        first_stray=int(stray[0]) if stray.size else None,
        protocol_error=violation,
        model=model,
        waves=_keep_waves(job, model, folder),
        **{name: found[name] for name in (*kept, *traffic)},
    )


def _coverage(job: Job, folder: Path) -> tuple[list[int], int | None, np.ndarray]:
    """Compare what was written with the regions: unwritten counts, first of them, stray offsets."""
    written = np.unpackbits(np.fromfile(folder / "mask.bin", np.uint8), bitorder="little")
    counts, first = [], None
    for offset, length in job.outputs:
        holes = np.flatnonzero(written[offset : offset + length] == 0)
        counts.append(holes.size)
        if holes.size and first is None:
            first = offset + int(holes[0])
    for offset, length in (*job.outputs, *job.scratch):
        written[offset : offset + length] = 0
    return counts, first, np.flatnonzero(written)


def _keep_waves(job: Job, model: Model, folder: Path) -> Path | None:
    if job.waves is None:
        return None
    wanted = job.waves_path or Path("build/sim/waves")
    path = wanted.with_name(f"{wanted.name}.{model.waves}")
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(folder / f"waves.{model.waves}", path)
    return path
