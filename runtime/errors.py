"""Exceptions other than those for bad input."""

import errno
import os
import tempfile
from pathlib import Path

__all__ = ["MismatchError", "SimulationError", "ToolchainError", "os_error_sentence"]


class MismatchError(Exception):
    """A byte of a tensor differs from PyTorch's."""


class SimulationError(Exception):
    """The simulation could not run, crashed, or hung."""


class ToolchainError(Exception):
    """A tool that the simulation needs (compiler, make, libpython, Verilator) is missing."""


def os_error_sentence(error: OSError) -> str:
    """Describe an operating system error; a full disk rarely names a file."""
    reason = error.strerror or str(error)
    if error.filename:
        return f"cannot use {error.filename}: {reason}"
    if error.errno == errno.ENOSPC:
        folders = f"{Path.cwd()} and {_temporary()}"
        return f"no space left on a device: files are written to {folders} (TMPDIR), and the cache"
    return reason


def _temporary() -> str:
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:  # no usable temporary folder
        return os.environ.get("TMPDIR", "/tmp")
