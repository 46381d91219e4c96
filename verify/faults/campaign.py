"""Runs the faults of a campaign in parallel, and keeps every part that is done."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from ... import sim
from ...runtime.cache import SIMULATION, digest, sources
from ...runtime.files import atomic_write
from ...runtime.scheduler import answers
from .. import faults
from .runs import SETTINGS, Ended, Fault, Golden, Subject, run_faults

__all__ = [
    "Done",
    "Part",
    "code_digest",
    "golden_runs",
    "parts_of",
    "read_part",
    "run_parts",
    "workers_of",
]

_PART = 250  # faults: each part costs two golden runs more


@dataclass(frozen=True)
class Done:
    """A part's results.

    Parameters
    ----------
    golden : Golden
    ended : list of Ended
        By the faults' numbers.
    cpu_seconds : float
        Processor time of the simulator, its two golden runs included.
    """

    golden: Golden
    ended: list[Ended]
    cpu_seconds: float


@dataclass(frozen=True, eq=False)
class Part:
    """Faults on one input, and the file of their results.

    Parameters
    ----------
    subject : Subject
    faults : tuple of Fault
        In the order of their cycles; empty for the golden run alone.
    path : Path
    """

    subject: Subject
    faults: tuple[Fault, ...]
    path: Path


def golden_runs(
    subjects: Sequence[Subject], folder: Path, pool: Executor, workers: int, code: str
) -> list[Golden]:
    """Run the inputs without faults; those whose files exist are not run again."""
    parts = [_part(subject, (), folder, code) for subject in subjects]
    for _ in run_parts(parts, pool, workers):
        pass
    return [read_part(part).golden for part in parts]


def parts_of(subject: Subject, drawn: Sequence[Fault], folder: Path, code: str) -> list[Part]:
    """Return the parts of an input's faults.

    Parameters
    ----------
    subject : Subject
    drawn : sequence of Fault
    folder : Path
        Of the files.
    code : str
        Hash of everything besides `subject` and `drawn` that results depend on.
    """
    ordered = sorted(drawn, key=lambda fault: (fault.cycle, fault.number))
    chunks = [ordered[i : i + _PART] for i in range(0, len(ordered), _PART)]
    return [_part(subject, tuple(chunk), folder, code) for chunk in chunks]


def code_digest(verilog: str) -> str:
    """Return the hash of the netlist and of the sources that simulate it."""
    suffixes = tuple(suffix for suffix in SIMULATION if suffix != ".py")
    return digest(verilog, sources(sim, faults, suffixes=suffixes), *(str(n) for n in SETTINGS))


def _part(subject: Subject, drawn: tuple[Fault, ...], folder: Path, code: str) -> Part:
    about = (
        repr(subject.memory), repr(subject.early), repr(subject.window), repr(drawn),
        repr(subject.compiled.areas), str(subject.compiled.program_offset),
    )  # fmt: skip
    name = digest(code, subject.image, *about)[:20]
    return Part(subject, drawn, folder / f"{name}.json")


def run_parts(parts: Sequence[Part], pool: Executor, workers: int) -> Iterator[int]:
    """Run the parts without a file; yield the number of faults of each when it is on disk."""
    todo = []
    for part in parts:
        if _is_done(part):
            yield len(part.faults)
        else:
            todo.append(part)
    for part, _ in answers(pool, _run, todo, workers):
        yield len(part.faults)


def read_part(part: Part) -> Done:
    """Read a part's results."""
    content = json.loads(part.path.read_text())
    ended = [
        Ended(**{**each, "output": bytes.fromhex(each["output"])}) for each in content["ended"]
    ]
    output = bytes.fromhex(content["golden"]["output"])
    golden = Golden(**{**content["golden"], "output": output})
    return Done(golden, ended, content["cpu_seconds"])


def _is_done(part: Part) -> bool:
    try:
        return len(read_part(part).ended) == len(part.faults)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return False


def _run(part: Part) -> None:
    before = getrusage(RUSAGE_CHILDREN)
    golden, ended = run_faults(part.subject, part.faults)
    after = getrusage(RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rows = [asdict(each) | {"output": each.output.hex()} for each in ended]
    about = asdict(golden) | {"output": golden.output.hex()}
    part.path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(part.path) as temporary:
        content = {"golden": about, "cpu_seconds": spent, "ended": rows}
        temporary.write_text(json.dumps(content) + "\n")


def workers_of(jobs: int, scheduler: str) -> int:
    """Return how many parts run at a time."""
    if scheduler != "processes":
        return 64
    return jobs or len(os.sched_getaffinity(0))
