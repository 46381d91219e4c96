"""Plays scripts on the model of a batch of mutants."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...runtime.errors import SimulationError
from ...runtime.files import reserve
from ...spec.registers import ErrorCode, Register
from .script import Script, Step, write_images, write_scripts

__all__ = ["Kill", "Outcome", "Recorded", "play", "record"]

_OBSERVED = (
    *("protocol", "protocol", "interrupt", "cycles"),
    *("traffic", "traffic", "traffic", "traffic"),
)
_HANG = (1 << 64) - 1  # number of the value of a script that runs longer than it may


@dataclass(frozen=True)
class Kill:
    """How a script tells a mutant from the design.

    Attributes
    ----------
    script : str
    step : int
    by : str
        bytes, cycles, causes, status, register, protocol, interrupt, traffic, hang or crash.
    """

    script: str
    step: int
    by: str


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: `kill` is None if no script tells it from the design.

    `cycles` is the number of simulated ones.
    """

    number: int
    kill: Kill | None
    cycles: int


@dataclass(frozen=True, eq=False)
class Recorded:
    """Scripts and what the design without a mutant gives.

    Attributes
    ----------
    scripts : list of Script
    values : list of ndarray, uint64
        Of each script; the last one is its number of cycles.
    wrong : list of str
        Sentences about scripts whose bytes are not those due.
    """

    scripts: list[Script]
    values: list[npt.NDArray[np.uint64]]
    wrong: list[str]


def record(model: Path, scripts: Sequence[Script], folder: Path) -> Recorded:
    """Play scripts without a mutant.

    Parameters
    ----------
    model : Path
        Program built with player.cpp.
    scripts : sequence of Script
    folder : Path
        Keeps files for `play`.

    Raises
    ------
    SimulationError
        If the model fails or a register access is not answered.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_scripts(folder / "scripts.bin", scripts)
    write_images(folder / "images.bin", scripts)
    command = _command(model, "record", folder, scripts)
    done = subprocess.run([*command, str(folder / "snapshots.bin")], capture_output=True, text=True)
    if done.returncode:
        raise SimulationError(f"The design without a mutant fails: {done.stderr.strip()[-300:]}")
    words = np.fromfile(folder / "expected.bin", np.uint64)
    values, at = [], 0
    for _ in scripts:
        count = int(words[at])
        values.append(words[at + 1 : at + 1 + count])
        at += 1 + count
    found = np.fromfile(folder / "snapshots.bin", np.uint8)
    wrong = [*_wrong_bytes(scripts, found), *_wrong_ends(scripts, values)]
    return Recorded(list(scripts), values, wrong)


def _wrong_ends(
    scripts: Sequence[Script], values: Sequence[npt.NDArray[np.uint64]]
) -> Iterator[str]:
    """Compare how programs ended with how they must."""
    for script, own in zip(scripts, values, strict=True):
        at, errors = 0, iter(script.errors)
        for step in script.steps:
            kind = Step(step[0])
            if kind == Step.RUN:
                status, error = int(own[at]), next(errors)
                if not status:
                    yield f"{script.name}: no interrupt"
                elif error is not None and status >> 8 & 0xFF != error:
                    code = ErrorCode(status >> 8 & 0xFF)
                    yield f"{script.name}: a program ends with {code.name}, not {error.name}"
            at += _VALUES[kind]


def _wrong_bytes(scripts: Sequence[Script], found: npt.NDArray[np.uint8]) -> Iterator[str]:
    """Compare the snapshots with what is due."""
    at = 0
    for script in scripts:
        for number, snapshot in enumerate(script.snapshots):
            size = snapshot.due.size
            differ = (found[at : at + size] != snapshot.due) & ~snapshot.open
            if differ.any():
                first = int(np.flatnonzero(differ)[0])
                yield (
                    f"{script.name}, snapshot {number}: {differ.sum()} bytes differ, the first at "
                    f"{first}: {found[at + first]}, not {snapshot.due[first]}"
                )
            at += size + size // 8


def _command(model: Path, what: str, folder: Path, scripts: Sequence[Script]) -> list[str]:
    size = max(script.size for script in scripts)
    memory, mask = (folder / f"{name}.{os.getpid()}" for name in ("memory", "mask"))
    for path, count in ((memory, size), (mask, size // 8)):
        path.unlink(missing_ok=True)
        reserve(path, count)
    names = ("scripts.bin", "images.bin", memory.name, mask.name, "expected.bin")
    return [str(model), what, *(str(folder / name) for name in names)]


def play(
    model: Path, recorded: Recorded, folder: Path, numbers: Sequence[int]
) -> Iterator[Outcome]:
    """Play scripts on mutants, each until it differs, and yield what became of each.

    Parameters
    ----------
    model : Path
    recorded : Recorded
        From `record`.
    folder : Path
        The folder that `record` was given.
    numbers : sequence of int
        Mutants, by their number; the process is started again behind one that crashes it.
    """
    waiting = list(numbers)
    while waiting:
        command = _command(model, "play", folder, recorded.scripts)
        with subprocess.Popen(
            [*command, *map(str, waiting)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ) as process:  # fmt: skip
            assert process.stdout
            try:
                for line in process.stdout:
                    if len(words := line.split()) == 7:
                        waiting.pop(0)
                        yield _outcome(recorded.scripts, *map(int, words))
            finally:
                process.kill()
        if waiting:
            yield Outcome(waiting.pop(0), Kill("", 0, "crash"), 0)


def _outcome(
    scripts: list[Script],
    number: int,
    script: int,
    step: int,
    value: int,
    expected: int,
    found: int,
    cycles: int,
) -> Outcome:
    del expected, found
    if script < 0:
        return Outcome(number, None, cycles)
    steps = scripts[script].steps
    by = "hang" if value in (-1, _HANG) else _reason(steps, step, value)
    return Outcome(number, Kill(scripts[script].name, step, by), cycles)


def _reason(steps: list[tuple[int, ...]], step: int, value: int) -> str:
    """Name what differs: the value's number counts from the script's first step."""
    if step >= len(steps):
        return "cycles"
    kind = Step(steps[step][0])
    before = sum(_VALUES[Step(each[0])] for each in steps[:step])
    if kind == Step.OBSERVE:
        return _OBSERVED[value - before]
    if kind == Step.READ:
        register = steps[step][1]
        return "causes" if register >= Register.CYCLES else "register"
    return {
        Step.BYTES: "bytes",
        Step.RUN: "status",
        Step.WRITE: "protocol",
        Step.BOTH: "register",
    }.get(kind, "hang")


#: Values that a step observes.
_VALUES = dict.fromkeys(Step, 0) | {
    Step.WRITE: 1, Step.READ: 1, Step.RUN: 2, Step.OBSERVE: 8, Step.BYTES: 2, Step.BOTH: 2
}  # fmt: skip
