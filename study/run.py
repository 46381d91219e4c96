"""`maccord study`: runs a study and writes tables, figures and the report."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..nets.corruptions.published import check_published, source
from ..runtime.console import console, waiting
from ..runtime.files import atomic_write
from ..runtime.provenance import provenance
from ..runtime.scheduler import answers, executor
from ..sim.network.run import Worker, run_network
from .describe import demonstrated, distribution, info
from .differences import write_differences
from .grid import levels
from .info import Info, write_info
from .measure import measure_all
from .outputs import write_outputs
from .parts import origin, part_path, read_part, write_part
from .plan import Collected, Condition, collect, conditions
from .prepare import subjects
from .request import StudyRequest, check
from .rows import Row, write_rows
from .rtl import RtlSample, rtl_samples
from .said import print_study
from .samples import write_sample
from .subject import dataset
from .tables import Results
from .widths import compare_widths
from .work import Part, WorkUnit, run_task

__all__ = ["PROVENANCE", "run"]

PROVENANCE = "maccord.provenance/1"

_STEPS = 20  # progress lines without a terminal


def run(request: StudyRequest, worker: Worker = run_network) -> int:
    """Run or resume a study, and write its results.

    Parameters
    ----------
    request : StudyRequest
    worker : callable
        Simulation function, replaceable in tests.

    Returns
    -------
    int
        Exit code: 0, or 1 if the RTL's outputs differ from the integer network's.

    Raises
    ------
    ValueError
        If the request is invalid, or data or weights do not fit.
    SimulationError, ToolchainError
        If the simulator cannot be built.
    """
    check(request)
    if source() != "made":
        perturbations = (level.perturbation for level in levels(request.perturb))
        check_published(dataset(request.data, "test"), perturbations)
    err = console(stderr=True)
    folder = request.out / "parts"
    with executor(request.scheduler, request.jobs) as pool:
        with waiting(err, "training and quantizing the networks"):
            found = conditions(request, subjects(request, pool))
        _answer(
            pool, [task for condition in found for task in condition.tasks], folder, request, err
        )
    answered = collect(found, folder)
    rtl = _simulate(found, answered, folder, request, worker, err)
    with waiting(err, "measuring and drawing"):
        rows, report = _write(request, found, answered, rtl)
    print_study(console(), rows, answered, rtl)
    console().print(f"results: {request.out}/\nreport: {report}", soft_wrap=True)
    return int(not all(sample.equal for sample in rtl))


def _workers(request: StudyRequest) -> int:
    return request.jobs or len(os.sched_getaffinity(0))


def _progress(err: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def _answer(
    pool: Executor, tasks: Sequence[WorkUnit], folder: Path, request: StudyRequest, err: Console
) -> None:
    """Run the tasks without a stored result, and store each result when complete."""
    todo = [task for task in tasks if read_part(part_path(folder, task)) is None]
    todo.sort(key=lambda task: -len(task.images))  # longest first, to balance the load at the end
    workers = _workers(request) if request.scheduler == "processes" else 256
    done = len(tasks) - len(todo)
    if done:
        err.print(f"{done} of {len(tasks)} tasks were done before", soft_wrap=True)
    answer = partial(_answer_with, origin())
    with _progress(err) as progress:
        bar = progress.add_task("images through the models", total=len(tasks), completed=done)
        for count, (task, part) in enumerate(answers(pool, answer, todo, workers), 1):
            write_part(part_path(folder, task), part)
            progress.advance(bar)
            if not err.is_terminal and count * _STEPS // len(todo) > (count - 1) * _STEPS // len(
                todo
            ):
                err.print(f"{done + count} of {len(tasks)} tasks done", soft_wrap=True)


def _answer_with(code: str, task: WorkUnit) -> Part:
    """Return a worker's result if its code matches the hash under which results are stored."""
    if origin() != code:
        raise ValueError(
            "code, libraries and photographs of frost must be the same in all processes of a "
            "study, and while it runs, got others in a worker: the same command starts it again"
        )
    return run_task(task)


def _simulate(
    found: Sequence[Condition],
    answered: Collected,
    folder: Path,
    request: StudyRequest,
    worker: Worker,
    err: Console,
) -> list[RtlSample]:
    """Simulate the first images of every level in RTL."""
    if not request.rtl_images:
        return []
    tasks, logits = [], []
    for condition, sample in zip(found, answered.samples, strict=True):
        images = (
            condition.tasks[-1].images if len(condition.tasks) == 1 else condition.tasks[0].images
        )
        images = images[: request.rtl_images]
        tasks.append(replace(condition.tasks[0], images=images, models=("int8",)))
        logits.append(sample.logits["int8"][: len(images)])
    samples = []
    with _progress(err) as progress:
        bar = progress.add_task("levels in RTL", total=len(tasks))
        for sample in rtl_samples(
            tasks,
            logits,
            folder=folder,
            jobs=_workers(request),
            worker=worker,
            progress=lambda text: err.print(f"{text} (once; it is kept)", soft_wrap=True),
        ):
            samples.append(sample)
            progress.advance(bar)
            if not sample.equal:
                err.print(f"{sample.network}, {sample.level}: {sample.problem}", soft_wrap=True)
    return samples


def _write(
    request: StudyRequest, found: Sequence[Condition], answered: Collected, rtl: Sequence[RtlSample]
) -> tuple[list[Row], Path]:
    """Compute all figures and write all outputs; return the report's path."""
    out = request.out
    rows = measure_all(answered.samples, answered.differences, seed=request.seed)
    rows += compare_widths(answered.samples, seed=request.seed)
    write_rows(out / "results.csv", rows)
    write_differences(out / "differences.csv", answered.differences)
    if request.save_logits:
        for sample in answered.samples:
            write_sample(out / "logits", sample)
    about = info(request, found, answered, rtl)
    write_info(out / "info.json", about)
    _write_provenance(out / "provenance.json", about)
    report = write_outputs(
        out,
        about,
        rows,
        answered.differences,
        shown=demonstrated(found, Results(rows)),
        distribution=distribution(found),
    )
    return rows, report


def _write_provenance(path: Path, about: Info) -> None:
    """Write the run-dependent provenance, which all other files exclude."""
    found = provenance(about.digests, **about.versions)
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps({"schema": PROVENANCE} | asdict(found), indent=2) + "\n")
