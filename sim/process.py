"""The simulator process: its files, environment and termination."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cocotb_tools.config
import numpy as np

from ..runtime.errors import SimulationError
from ..runtime.files import is_full, reserve
from .job import Job
from .toolchain import libpython

__all__ = [
    "cocotb_environment", "job_folder", "last_lines", "memory_settings", "read_result",
    "run_program", "why_no_result",
]  # fmt: skip

POISON = 0xA5  # initial value of output regions
_RESULTS = "results.xml"  # cocotb's test report


def memory_settings(job: Job) -> dict[str, int]:
    """Return a job's numeric settings in the testbenches' format."""
    return {
        "base": job.base,
        "program": job.program,
        "latency": job.latency,
        "jitter": job.jitter,
        "stall": round(job.stall_probability * 256),
        "seed": job.stall_seed,
        "cycle_limit": job.cycle_limit,
    }


@contextmanager
def job_folder(job: Job) -> Iterator[Path]:
    """Create the job's folder with the memory files that the simulator maps."""
    with tempfile.TemporaryDirectory(prefix="maccord-") as name:
        folder = Path(name)
        size = -(-job.memory.size // 4096) * 4096
        reserve(folder / "memory.bin", size)
        image = np.memmap(folder / "memory.bin", np.uint8, "r+")
        image[: job.memory.size] = job.memory
        for offset, length in job.outputs:
            image[offset : offset + length] = POISON
        del image
        reserve(folder / "mask.bin", size // 8)
        yield folder


def cocotb_environment(folder: Path, module: str) -> dict[str, str]:
    """Return environment variables by which cocotb finds this Python and its test module.

    Parameters
    ----------
    folder : Path
        Folder for results; passed to the test as `MACCORD_JOB`.
    module : str
        Python module with the cocotb tests.

    Returns
    -------
    dict
    """
    ours = ("COCOTB_", "GPI_", "PYGPI_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    libraries = [str(cocotb_tools.config.libs_dir), environment.get("LD_LIBRARY_PATH", "")]
    return environment | {
        "COCOTB_TOPLEVEL": "tb",
        "COCOTB_TEST_MODULES": module,
        "COCOTB_RESULTS_FILE": str(folder / _RESULTS),
        "COCOTB_REWRITE_ASSERTION_FILES": "",
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "COCOTB_LOG_LEVEL": "ERROR",
        "GPI_LOG_LEVEL": "WARNING",
        "TOPLEVEL_LANG": "verilog",
        "GPI_USERS": f"{libpython()};{cocotb_tools.config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path if path),
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)),
        "MACCORD_JOB": str(folder),
        "MACCORD_PARENT": str(os.getpid()),
    }


def run_program(
    command: list[str],
    folder: Path,
    environment: dict[str, str],
    on_cycles: Callable[[int], None] = lambda cycles: None,
    inherited: tuple[int, ...] = (),
) -> None:
    """Run the simulator; it is killed if this process ends.

    Parameters
    ----------
    command : list of str
    folder : Path
        Working directory; the output goes to `log` in it.
    environment : dict
    on_cycles : callable
        Called periodically with the number in `folder/progress`.
    inherited : tuple of int
        File descriptors that stay open in the simulator's process.

    Raises
    ------
    SimulationError
        If it fails (with its last output lines) or cannot be run.
    """
    with (folder / "log").open("wb") as log:
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, pass_fds=inherited,
            )  # fmt: skip
        except OSError as error:
            raise SimulationError(
                f"The simulator {command[0]} cannot be run ({error.strerror}); delete the file, "
                "and it will be built anew"
            ) from None
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
        raise SimulationError(f"The simulator {how}: {last_lines(folder)}")


def _report(path: Path, on_cycles: Callable[[int], None]) -> None:
    text = path.read_text() if path.exists() else ""
    if text.isdigit():
        on_cycles(int(text))


def last_lines(folder: Path) -> str:
    """Return the simulator's last output, joined to one line."""
    lines = (folder / "log").read_text(errors="replace").splitlines()
    return " | ".join(lines[-5:]) or "it printed nothing"


def read_result(folder: Path) -> dict[str, Any]:
    """Return the content of a testbench's `result.json`.

    Raises
    ------
    SimulationError
        If it ended without a result; the message gives the reason.
    OSError
        If the disk is full.
    """
    try:
        return json.loads((folder / "result.json").read_text())
    except (FileNotFoundError, ValueError):
        if is_full(folder):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
        raise SimulationError(
            f"The simulator ended without a result: {why_no_result(folder)}"
        ) from None


def why_no_result(folder: Path) -> str:
    """Return why a testbench ended without a result: cocotb's report, or else the output."""
    try:
        root = ElementTree.parse(folder / _RESULTS).getroot()
    except (OSError, ElementTree.ParseError):
        return last_lines(folder)
    for tag in ("error", "failure"):
        for found in root.iter(tag):
            kind = found.get("error_type") or found.get("type") or tag
            message = found.get("error_msg") or found.get("message") or (found.text or "")
            return f"{kind}: {' '.join(message.split())}"
    return last_lines(folder)
