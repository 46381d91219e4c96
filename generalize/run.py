"""`maccord generalize`: runs the experiments and writes tables, figures and the report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from rich.console import Console

from ..nets.corruptions.published import check_published
from ..nets.corruptions.tables import KINDS as CORRUPTIONS
from ..nets.data.kinds import check_data
from ..runtime.console import console, waiting
from ..runtime.files import atomic_write
from ..runtime.folders import cache_folder
from ..runtime.provenance import provenance
from ..runtime.scheduler import answers, executor
from ..sim.network.run import Worker, run_network
from ..study import parts as study_parts
from ..study.grid import levels
from ..study.plan import Condition, collect, conditions
from ..study.request import StudyRequest
from ..study.rtl import RtlSample, rtl_samples
from ..study.subject import Subject, quantized_network
from ..study.work import Part, WorkUnit
from ..study.work import run_task as run_unit
from . import agreement
from .evaluate import Answers, evaluate
from .networks import Trained, split
from .outputs import SCHEMA, Outcome, write_outputs
from .parts import origin, part_path, read_part, training_key, write_part
from .pool import Member
from .progress import Tally
from .published import printed
from .request import GeneralizeRequest, check
from .tables import Table
from .work import GapTask, IntegerTask, MeasureTask, SurfaceTask, Task, run_task

__all__ = ["SCHEMA", "run"]

_CALIBRATION = 100
_ROWS = 3  # of a surface, in a task
_RTL_LEVELS = 3
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class _Place:
    """Absolute paths of a run."""

    data: str
    parts: Path
    pool: Path


def run(request: GeneralizeRequest, worker: Worker = run_network) -> int:
    """Run or resume the experiments, and write their results.

    Parameters
    ----------
    request : GeneralizeRequest
    worker : callable
        Simulation function, replaceable in tests.

    Returns
    -------
    int
        Exit code: 0, or 1 if the RTL's outputs differ from the integer network's.

    Raises
    ------
    ValueError
        If the request is invalid, or the data cannot be read.
    SimulationError, ToolchainError
        If the simulator cannot be built.
    """
    check(request)
    err = console(stderr=True)
    place = _place(request)
    with executor(request.scheduler, request.jobs) as pool:
        runner = _Runner(request, place, pool, err)
        gaps = runner.answered(
            [GapTask(task, request.test_images) for task in runner.trained.values()],
            "networks trained",
        )
        shown = [runner.trained[member] for member in request.shown]
        subjects = {task.member: _subject(task) for task in shown}
        with waiting(err, "quantizing the networks"):
            list(pool.map(_quantize, subjects.values()))
        found = runner.conditions(list(subjects.values()))
        measured = runner.answered(
            [
                MeasureTask(task, request.reading, request.measured)
                for task in runner.trained.values()
            ],
            "networks measured",
        )
        integer = runner.answered(
            [IntegerTask(task, subjects[task.member]) for task in shown], "integer networks"
        )
        surfaces = runner.surfaces(shown)
    samples = collect(found, place.parts / "levels").samples
    by_subject = {subject.name: member for member, subject in subjects.items()}
    by_member: dict[Member, list] = {member: [] for member in subjects}
    for sample in samples:
        by_member[by_subject[sample.network]].append(sample)
    given = Answers(
        _by_member(gaps), _by_member(measured), by_member, _by_member(integer), request.seed
    )
    rtl = _simulate(request, place, found, samples, worker, err)
    with waiting(err, "measuring and drawing"):
        data = split(place.data, "test")
        paper = printed(place.data.partition(":")[0], data.classes)
        outcome = Outcome(
            request, evaluate(given), surfaces, rtl, len(data), paper, _agreements(request, shown)
        )
        report = write_outputs(outcome)
        _write_provenance(request.out / "provenance.json", place)
    console().print(outcome.claim.text, soft_wrap=True)
    console().print(f"results: {request.out}/\nreport: {report}", soft_wrap=True)
    return int(not all(sample.equal for sample in rtl))


def _agreements(request: GeneralizeRequest, shown: Sequence[Trained]) -> list[Table]:
    """Compare what was applied with other libraries."""
    applied = [level.perturbation for level in levels(request.perturb) if level.perturbation]
    attacked = [(each.kind, each.level) for each in applied if each.adversarial]
    found = [agreement.attacks(shown[0], attacked)] if attacked else []
    if any(each.kind in CORRUPTIONS for each in applied):
        found.insert(0, agreement.corruptions())
    return found


def _place(request: GeneralizeRequest) -> _Place:
    kind, colon, path = request.data.partition(":")
    data = f"{kind}:{Path(path).expanduser().resolve()}" if colon else request.data
    check_data(data)
    perturbations = (level.perturbation for level in levels(request.perturb))
    check_published(split(data, "test"), perturbations)  # problems with the data first
    key = training_key(
        data, request.training_images, request.training_epochs, request.batch, request.seed
    )
    out = request.out.resolve()
    return _Place(data, out / "parts", out / "pool" / key)


class _Runner:
    """Runs tasks that have no stored result, and stores each result when it is there."""

    def __init__(
        self, request: GeneralizeRequest, place: _Place, pool: Executor, err: Console
    ) -> None:
        self.request, self.place, self.pool, self.err = request, place, pool, err
        images, epochs = request.training_images, request.training_epochs
        common = (place.data, images, epochs, request.batch, request.seed, place.pool)
        self.trained = {member: Trained(member, *common) for member in request.members}
        local = request.scheduler == "processes"
        self.workers = (request.jobs or len(os.sched_getaffinity(0))) if local else 256

    def answered(self, tasks: Sequence[Task], what: str) -> list[tuple[Task, dict]]:
        """Return all tasks with their results, in order."""
        path = partial(part_path, self.place.parts)
        self._run(
            [task for task in tasks if not _done(path(task), task)],
            partial(_checked, origin()),
            lambda task, part: write_part(path(task), part),
            Tally(self.err, what, len(tasks)),
        )
        found = []
        for task in tasks:
            part = read_part(path(task))
            if part is None:
                raise ValueError(f"parts must be complete, got none in {path(task)}")
            found.append((task, part))
        return found

    def conditions(self, subjects: list[Subject]) -> list[Condition]:
        """Run the shown networks, float and integer, at all levels; return what was run."""
        asked = StudyRequest(
            data=self.place.data,
            perturb=self.request.perturb,
            models=("fp32", "int8"),
            limit=self.request.test_images,
            seed=self.request.seed,
        )
        found = conditions(asked, subjects)
        units = [unit for condition in found for unit in condition.tasks]
        path = partial(study_parts.part_path, self.place.parts / "levels")
        self._run(
            [unit for unit in units if study_parts.read_part(path(unit)) is None],
            partial(_checked_unit, study_parts.origin()),
            lambda unit, part: study_parts.write_part(path(unit), part),
            Tally(self.err, "chunks of corrupted images", len(units)),
        )
        return found

    def surfaces(self, shown: Sequence[Trained]) -> dict[Member, np.ndarray]:
        """Return the loss's surface around each shown network."""
        points = self.request.landscape
        if not points:
            return {}
        chunks = [tuple(range(points))[start : start + _ROWS] for start in range(0, points, _ROWS)]
        tasks = [
            SurfaceTask(task, points, rows, self.request.measured)
            for task in shown
            for rows in chunks
        ]
        found: dict[Member, list[np.ndarray]] = {}
        for task, part in self.answered(tasks, "strips of landscape"):
            found.setdefault(task.trained.member, []).append(part["loss"])
        return {member: np.concatenate(strips) for member, strips in found.items()}

    def _run(
        self,
        todo: Sequence[T],
        work: Callable[[T], R],
        keep: Callable[[T, R], None],
        tally: Tally,
    ) -> None:
        with tally.over(len(todo)) as done:
            for task, part in answers(self.pool, work, todo, self.workers):
                keep(task, part)
                done()


def _done(path: Path, task: Task) -> bool:
    """Whether a task's result is there, and the weights that later tasks read."""
    return task.trained.weights.is_file() and read_part(path) is not None


def _checked(code: str, task: Task) -> dict:
    """Return a worker's result if its code is that under whose hash results are stored."""
    _same(origin(), code)
    return run_task(task)


def _checked_unit(code: str, unit: WorkUnit) -> Part:
    _same(study_parts.origin(), code)
    return run_unit(unit)


def _same(here: str, code: str) -> None:
    if here != code:
        raise ValueError(
            "code, libraries and photographs of frost must be the same in all processes, and while "
            "it runs, got others in a worker: the same command starts it again"
        )


def _by_member(found: Sequence[tuple[Task, dict]]) -> dict[Member, dict]:
    return {task.trained.member: part for task, part in found}


def _subject(task: Trained) -> Subject:
    """Return a trained network as `maccord study` takes it."""
    name = f"nin-w{task.member.bits}"
    cache = cache_folder("nets").resolve()
    return Subject(name, task.architecture, task.weights, task.data, _CALIBRATION, cache)


def _quantize(subject: Subject) -> None:
    _ = quantized_network(subject).graph


def _simulate(
    request: GeneralizeRequest,
    place: _Place,
    found: Sequence[Condition],
    samples: Sequence,
    worker: Worker,
    err: Console,
) -> list[RtlSample]:
    """Simulate the first images in RTL: clean, and at some levels from mild to the last."""
    if not request.rtl_images:
        return []
    by_name: dict[str, list[int]] = {}
    for index, condition in enumerate(found):
        by_name.setdefault(condition.subject.name, []).append(index)
    chosen = sorted(
        {
            indices[step * (len(indices) - 1) // (_RTL_LEVELS - 1)]
            for indices in by_name.values()
            for step in range(_RTL_LEVELS)
        }
    )
    units, logits = [], []
    for index in chosen:
        unit = found[index].tasks[0]
        images = unit.images[: request.rtl_images]
        units.append(replace(unit, images=images, models=("int8",)))
        logits.append(samples[index].logits["int8"][: len(images)])
    jobs = request.jobs or len(os.sched_getaffinity(0))
    told = Tally(err, "levels in RTL", len(units))
    rtl = []
    with told.over(len(units)) as done:
        for sample in rtl_samples(
            units,
            logits,
            folder=place.parts / "levels",
            jobs=jobs,
            worker=worker,
            progress=lambda text: err.print(f"{text} (once; it is kept)", soft_wrap=True),
        ):
            rtl.append(sample)
            done()
            if not sample.equal:
                err.print(f"{sample.network}, {sample.level}: {sample.problem}", soft_wrap=True)
    return sorted(rtl, key=lambda sample: (sample.network, sample.level))


def _write_provenance(path: Path, place: _Place) -> None:
    digests = {name: split(place.data, name).digest[:16] for name in ("train", "test")}
    found = {"schema": "maccord.provenance/1"} | asdict(provenance(digests))
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(found, indent=2) + "\n")
