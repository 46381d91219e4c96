"""`maccord generalize`: runs the experiments and writes tables, figures and the report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from rich.console import Console

from ..nets.corruptions.tables import KINDS as CORRUPTIONS
from ..runtime.console import console, waiting
from ..runtime.files import atomic_write
from ..runtime.provenance import provenance
from ..runtime.scheduler import PROCESSES, answers, executor
from ..sim.network.run import Worker, run_network
from ..study import parts as study_parts
from ..study.grid import levels
from ..study.plan import Condition, collect
from ..study.rtl import RtlSample, rtl_samples
from ..study.subject import Subject, quantized_network
from ..study.work import Part, WorkUnit
from ..study.work import run_task as run_unit
from . import agreement
from .evaluate import Answers, evaluate
from .networks import Trained, split
from .outputs import SCHEMA, Outcome, write_outputs
from .parts import origin, part_path, read_part, write_part
from .plan import Plan
from .pool import Member
from .progress import Tally
from .published import printed
from .request import GeneralizeRequest, check
from .tables import Table
from .work import Task, run_task

__all__ = ["SCHEMA", "run"]

_CLUSTER = 256  # workers at most, for queueing
T = TypeVar("T")
R = TypeVar("R")


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
    plan = Plan(request)
    if request.dry_run:
        _count(plan)
        return 0
    with executor(request.scheduler, request.jobs) as pool:
        runner = _Runner(plan, pool, err)
        gaps = runner.answered(plan.gaps(), "networks trained")
        with waiting(err, "quantizing the networks"):
            list(pool.map(_quantize, plan.subjects.values()))
        found = runner.conditions()
        measured = runner.answered(plan.measures(), "networks measured")
        integer = runner.answered(plan.integers(), "integer networks")
        surfaces = runner.surfaces()
    samples = collect(found, plan.parts / "levels").samples
    by_subject = {subject.name: member for member, subject in plan.subjects.items()}
    by_member: dict[Member, list] = {member: [] for member in request.shown}
    for sample in samples:
        by_member[by_subject[sample.network]].append(sample)
    given = Answers(
        _by_member(gaps), _by_member(measured), by_member, _by_member(integer), request.seed
    )
    rtl = _simulate(plan, found, samples, worker, err)
    with waiting(err, "measuring and drawing"):
        data = split(plan.data, "test")
        paper = printed(plan.data.partition(":")[0], data.classes)
        agreements = _agreements(request, plan.shown)
        outcome = Outcome(request, evaluate(given), surfaces, rtl, len(data), paper, agreements)
        report = write_outputs(outcome)
        _write_provenance(request.out / "provenance.json", plan)
    console().print(outcome.claim.text, soft_wrap=True)
    console().print(f"results: {request.out}/\nreport: {report}", soft_wrap=True)
    return int(not all(sample.equal for sample in rtl))


def _count(plan: Plan) -> None:
    """Print how many tasks a run has, and how many of them have a stored result."""
    total = done = 0
    for jobs in plan.jobs():
        console().print(f"{jobs.what}: {jobs.total}, of which {jobs.done} are done", soft_wrap=True)
        total, done = total + jobs.total, done + jobs.done
    console().print(f"in all: {total} tasks, {done} done; nothing was run", soft_wrap=True)


def _agreements(request: GeneralizeRequest, shown: Sequence[Trained]) -> list[Table]:
    """Compare what was applied with other libraries."""
    applied = [level.perturbation for level in levels(request.perturb) if level.perturbation]
    attacked = [(each.kind, each.level) for each in applied if each.adversarial]
    found = [agreement.attacks(shown[0], attacked)] if attacked else []
    if any(each.kind in CORRUPTIONS for each in applied):
        found.insert(0, agreement.corruptions())
    return found


class _Runner:
    """Runs tasks that have no stored result, and stores each result when it is there."""

    def __init__(self, plan: Plan, pool: Executor, err: Console) -> None:
        self.plan, self.pool, self.err = plan, pool, err
        asked = plan.request
        local = asked.scheduler == PROCESSES
        self.workers = (asked.jobs or len(os.sched_getaffinity(0))) if local else _CLUSTER

    def answered(self, tasks: Sequence[Task], what: str) -> list[tuple[Task, dict]]:
        """Return all tasks with their results, in order."""
        path = partial(part_path, self.plan.parts)
        self._run(
            [task for task in tasks if not self.plan.done(task)],
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

    def conditions(self) -> list[Condition]:
        """Run the shown networks, float and integer, at all levels; return what was run."""
        found = self.plan.conditions()
        units = [unit for condition in found for unit in condition.tasks]
        path = partial(study_parts.part_path, self.plan.parts / "levels")
        self._run(
            [unit for unit in units if study_parts.read_part(path(unit)) is None],
            partial(_checked_unit, study_parts.origin()),
            lambda unit, part: study_parts.write_part(path(unit), part),
            Tally(self.err, "chunks of corrupted images", len(units)),
        )
        return found

    def surfaces(self) -> dict[Member, np.ndarray]:
        """Return the loss's surface around each shown network."""
        found: dict[Member, list[np.ndarray]] = {}
        for task, part in self.answered(self.plan.surfaces(), "strips of landscape"):
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


def _quantize(subject: Subject) -> None:
    _ = quantized_network(subject).graph


def _simulate(
    plan: Plan, found: Sequence[Condition], samples: Sequence, worker: Worker, err: Console
) -> list[RtlSample]:
    """Simulate the first images in RTL: clean, and at some levels from mild to the last."""
    request = plan.request
    units, logits = [], []
    for index in plan.simulated(found):
        unit = found[index].tasks[0]
        images = unit.images[: request.rtl_images]
        units.append(replace(unit, images=images, models=("int8",)))
        logits.append(samples[index].logits["int8"][: len(images)])
    if not units:
        return []
    jobs = request.jobs or len(os.sched_getaffinity(0))
    told = Tally(err, "levels in RTL", len(units))
    rtl = []
    with told.over(len(units)) as done:
        for sample in rtl_samples(
            units,
            logits,
            folder=plan.parts / "levels",
            jobs=jobs,
            worker=worker,
            progress=lambda text: err.print(f"{text} (once; it is kept)", soft_wrap=True),
        ):
            rtl.append(sample)
            done()
            if not sample.equal:
                err.print(f"{sample.network}, {sample.level}: {sample.problem}", soft_wrap=True)
    return sorted(rtl, key=lambda sample: (sample.network, sample.level))


def _write_provenance(path: Path, plan: Plan) -> None:
    digests = {name: split(plan.data, name).digest[:16] for name in ("train", "test")}
    found = {"schema": "maccord.provenance/1"} | asdict(provenance(digests))
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(found, indent=2) + "\n")
