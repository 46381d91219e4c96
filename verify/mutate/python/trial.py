"""Judges Python mutants: a copy of the clone, one change in it at a time, and its tests."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ....runtime.errors import SimulationError
from ....runtime.extras import extra_module
from .changes import Change
from .rooms import QUICK, Room

__all__ = ["Trial", "Verdict", "judge"]

_SLOWER = 5  # times the processor time that the tests take, after which a mutant hangs
_LEAST = 30  # seconds of processor time
_PATIENCE = 1800  # seconds of real time


@dataclass(frozen=True)
class Trial:
    """A change to judge, for one process."""

    room: Room
    change: Change


@dataclass(frozen=True)
class Verdict:
    """What became of a change.

    Attributes
    ----------
    number : int
    killed : bool
    by : str
        First test that fails, or that it hangs; empty if it survives.
    diff : str
        Lines before and after.
    """

    number: int
    killed: bool
    by: str
    diff: str


@dataclass(frozen=True)
class _Copy:
    folder: tempfile.TemporaryDirectory[str]
    limit: int  # seconds of processor time

    @property
    def root(self) -> Path:
        return Path(self.folder.name)


def _tests(root: Path, tests: list[str], limit: int = 0) -> str:
    """Return the command that runs tests in a copy."""
    command = [
        *(sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no"),
        *("-p", "no:cacheprovider", "-p", "no:xdist", "-m", QUICK, *tests),
    ]
    environment = {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    words = ["env", *(f"{name}={value}" for name, value in environment.items()), *command]
    limited = f"ulimit -t {limit}; " if limit else ""
    return shlex.join(["sh", "-c", f"{limited}cd {shlex.quote(str(root))} && {shlex.join(words)}"])


@cache
def _copy(room: Room) -> _Copy:
    """Copy sources and tests, once in each process, and see that the tests pass.

    Raises
    ------
    SimulationError
        If they do not.
    """
    folder = tempfile.TemporaryDirectory(prefix="maccord-")
    root = Path(folder.name)
    leave = shutil.ignore_patterns("__pycache__", "*.pyc", "build", ".venv", ".git")
    packages = [path.parent for path in sorted(room.root.glob("*/__init__.py"))]
    for package in packages:
        shutil.copytree(package, root / room.package / package.name, ignore=leave)
    for place in sorted(room.root.iterdir()):
        if place in packages or place.name in (room.package, ".venv", ".git", "build"):
            continue
        target = root / place.name
        if place.name in {Path(test).parts[0] for test in room.tests}:
            shutil.copytree(place, target, ignore=leave)
        else:
            target.symlink_to(place)
    (root / room.package / "pyproject.toml").symlink_to(room.root / "pyproject.toml")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        shlex.split(_tests(root, list(room.tests))), capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        lines = (done.stdout or done.stderr).strip().splitlines()
        said = [line for line in lines if line.startswith(("FAILED ", "ERROR "))] or lines[-3:]
        raise SimulationError(f"The tests of {room.name} fail without a mutant: {' | '.join(said)}")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Copy(folder, max(_LEAST, round(_SLOWER * seconds)))


def judge(trial: Trial) -> Verdict:
    """Run a room's tests on a change, until one fails.

    Raises
    ------
    SimulationError
        If they fail without it.
    ToolchainError
        If cosmic-ray is not installed.
    """
    mutating = extra_module("cosmic_ray.mutating", "dev", "to mutate Python")
    items = extra_module("cosmic_ray.work_item", "dev", "to mutate Python")
    room, change = trial.room, trial.change
    copy = _copy(room)
    specification = items.MutationSpec(
        module_path=copy.root / room.package / change.path, operator_name=change.operator,
        occurrence=change.occurrence, start_pos=(change.line, 0), end_pos=(change.line, 1),
    )  # fmt: skip
    command = _tests(copy.root, [*room.ordered_tests(Path(change.path))], copy.limit)
    result = mutating.mutate_and_test([specification], command, _PATIENCE)
    if result.test_outcome == items.TestOutcome.INCOMPETENT or result.test_outcome is None:
        raise SimulationError(f"cosmic-ray cannot judge {change.name}: {result.output}")
    killed = result.test_outcome == items.TestOutcome.KILLED
    lines = (result.diff or "").splitlines()
    diff = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return Verdict(change.number, killed, _first(result.output or "") if killed else "",
                   os.linesep.join(diff))  # fmt: skip


def _first(output: str) -> str:
    """Return the first test that fails."""
    for line in output.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            return line.split()[1]
    return "timeout"
