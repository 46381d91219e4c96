"""Processes that tests start: waited for by events, and never left behind."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["PATIENCE", "reaped", "tagged", "wait_until"]

PATIENCE = 900  # seconds; what takes longer hangs, on the slowest machine, too


@contextmanager
def reaped(process: subprocess.Popen) -> Iterator[subprocess.Popen]:
    """Whatever fails in the block, the process is killed and reaped, its pipes closed."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def tagged(tag: str) -> dict[int, str]:
    """Command lines of the running processes whose environment holds a tag, by number."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            if tag.encode() in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_text()
        except OSError:
            continue  # it has ended
    return {number: command for number, command in found.items() if command}


def wait_until(condition: Callable[[], object], process: subprocess.Popen | None = None) -> None:
    """Wait for an event; of a process that must not end before, if one is given."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process is None or process.poll() is None, f"it ended with {process.returncode}"
        assert time.monotonic() < deadline
        time.sleep(0.02)
