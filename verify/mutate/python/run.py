"""`maccord mutate --python`: draws, judges, reports; results on disk as they come."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from ....runtime.cache import digest
from ....runtime.console import console, waiting
from ....runtime.extras import extra_module
from ....runtime.files import atomic_write, check_writable
from ....runtime.provenance import Provenance, provenance
from ....runtime.scheduler import answers, check_scheduler, executor
from ..junit import Case, write_junit
from ..score import check_numbers, score
from .changes import Change, draw
from .rooms import ROOMS, Room
from .trial import Trial, Verdict, judge

__all__ = ["SCHEMA", "Request", "check", "rooms_of", "run"]

SCHEMA = "maccord.mutate-python/1"


@dataclass(frozen=True)
class Request:
    """What the command line asks for; fields as its options."""

    rooms: tuple[Room, ...]
    mutants: int
    seed: int
    score: float
    out: Path
    scheduler: str
    jobs: int


@dataclass(frozen=True)
class RoomScore:
    """Counts of a room.

    Attributes
    ----------
    room : str
    mutants, killed : int
    score : float
        Killed mutants of all.
    """

    room: str
    mutants: int
    killed: int
    score: float


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test tells from the source.

    Attributes
    ----------
    room, name : str
        `name` begins with file and line.
    diff : list of str
        Lines before and after.
    """

    room: str
    name: str
    diff: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """The result, as its JSON has it."""

    seed: int
    score: float
    rooms: tuple[RoomScore, ...]
    survivors: tuple[Survivor, ...]
    provenance: Provenance


def rooms_of(text: str) -> tuple[Room, ...]:
    """Return the rooms that are named, comma-separated.

    Raises
    ------
    ValueError
        If there is no such room.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in ROOMS:
            raise ValueError(f"python must be of {', '.join(ROOMS)}, got {name!r}")
    return tuple(ROOMS[name] for name in dict.fromkeys(names))


def check(request: Request) -> None:
    """Refuse a request that cannot be run.

    Raises
    ------
    ValueError
        With what must be instead.
    ToolchainError
        If cosmic-ray is missing.
    """
    check_numbers(request.mutants, request.score, request.seed, request.jobs)
    for room in request.rooms:
        if not all((room.root / place).exists() for place in room.tests):
            raise ValueError("python must be run in a clone: an installed maccord has no tests")
    check_scheduler(request.scheduler)
    check_writable("out", "folder", request.out, request.out / "mutate-python.json")
    extra_module("cosmic_ray", "dev", "to mutate Python")


def run(request: Request) -> int:
    """Run a campaign; return the exit code: 1 if the score is below the one wanted."""
    out, err = console(), console(stderr=True)
    workers = request.jobs or len(os.sched_getaffinity(0))
    found: list[tuple[Room, Change, Verdict]] = []
    with waiting(err, "drawing mutants") as say:
        drawn = [(room, draw(room.root, room.files(), request.mutants, request.seed))
                 for room in request.rooms]  # fmt: skip
        with executor(request.scheduler, request.jobs) as pool:
            for room, changes in drawn:
                log = request.out / f"{room.name}-{_key(room, changes)}.jsonl"
                known = _results(log)
                waits = [Trial(room, each) for each in changes if each.number not in known]
                for _, verdict in answers(pool, judge, waits, workers):
                    known[verdict.number] = verdict
                    with log.open("a") as file:
                        file.write(json.dumps(asdict(verdict)) + "\n")
                    say(f"{room.name}: {len(known)} of {len(changes)} mutants judged")
                found += [(room, each, known[each.number]) for each in changes]
    summary = _report(request, found)
    _write(request.out, summary, found)
    _print(out, summary)
    out.print(f"Results: {request.out}", soft_wrap=True, markup=False)
    return int(summary.score < request.score)


def _key(room: Room, changes: list[Change]) -> str:
    """Hash what decides on the results: the changes, the sources and the tests."""
    tests = [path for place in room.tests for path in sorted((room.root / place).rglob("*.py"))]
    tests += [room.root / place for place in room.tests if place.endswith(".py")]
    texts = [path.read_text() for path in [*(room.root / file for file in room.files()), *tests]]
    return digest(*(change.name for change in changes), *texts)[:12]


def _results(log: Path) -> dict[int, Verdict]:
    """Return the mutants judged so far; drop a line that a kill left incomplete."""
    text = log.read_text() if log.exists() else ""
    lines = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
    with atomic_write(log) as temporary:
        temporary.write_text("".join(lines))
    verdicts = [Verdict(**json.loads(line)) for line in lines]
    return {verdict.number: verdict for verdict in verdicts}


def _report(request: Request, found: list[tuple[Room, Change, Verdict]]) -> Report:
    rooms = []
    for room in request.rooms:
        own = [verdict.killed for of, _, verdict in found if of == room]
        rooms.append(RoomScore(room.name, len(own), sum(own), score(sum(own), own.count(False))))
    killed = [verdict.killed for _, _, verdict in found]
    return Report(
        request.seed,
        score(sum(killed), killed.count(False)),
        tuple(rooms),
        tuple(
            Survivor(room.name, change.name, tuple(verdict.diff.splitlines()))
            for room, change, verdict in found
            if not verdict.killed
        ),
        provenance(None),
    )


def _write(folder: Path, summary: Report, found: list[tuple[Room, Change, Verdict]]) -> None:
    with atomic_write(folder / "mutate-python.json") as temporary:
        content = {"schema": SCHEMA, **asdict(summary)}
        temporary.write_text(json.dumps(content, indent=2) + "\n")
    cases = [
        Case(room.name, change.name, "" if verdict.killed else f"survives: {verdict.diff}")
        for room, change, verdict in found
    ]
    write_junit(folder / "mutate-python.xml", cases)


def _print(out: Console, found: Report) -> None:
    for each in found.survivors:
        out.print(each.name, *(f"  {line}" for line in each.diff), sep="\n", markup=False)
    for room in found.rooms:
        out.print(f"{room.room}: {room.killed} of {room.mutants} mutants killed, {room.score:.1%}")
