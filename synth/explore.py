"""`maccord explore`: measures points in parallel, caches and writes results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from ..runtime.console import console, waiting
from ..runtime.files import atomic_write, probe
from ..runtime.pool import Crash, memory_budget, run_all
from ..runtime.provenance import provenance, short
from ..sim.results import Verdict
from .explore_cycles import network_digest
from .explore_files import ranked, save
from .explore_grid import AXES, Point, grid, labels
from .explore_plot import pareto_plot
from .explore_point import FAILED, INVALID, MISMATCH, OK, Measurement, Row, cost, measure
from .explore_progress import counting
from .explore_request import SweepRequest, check_tools, common, network_of, swept
from .explore_table import print_sweep, said
from .flow import Options
from .targets import Target, target_named

__all__ = ["run"]


def run(request: SweepRequest, measured: Callable[[Measurement], Row] = measure) -> int:
    """Measure all points in parallel; write CSV and JSON after each one.

    Parameters
    ----------
    request : SweepRequest
    measured : callable
        Measures one point in a separate process; importable by name.

    Returns
    -------
    int
        Exit code: 0 if a point has a result and none failed, 1 on an RTL mismatch, 2 if no point
        can be built and run, 3 if a tool or a simulation failed.

    Raises
    ------
    ValueError
        If the request is invalid.
    ToolchainError
        If a tool is missing.
    """
    target = target_named(request.target)
    sweep = common(request, target)
    points = grid(*swept(request, target))
    check_tools(request, target)
    err = console(stderr=True)
    with waiting(err, "loading the network"):
        network, recording = network_of(request)
    origin = asdict(provenance({"network": short(network_digest(network))}))
    sweep |= {"network": network.name, "of": len(points), "provenance": origin}
    stem = request.out / f"{network.name}-{target.name}"
    for ending in (".csv", ".json", ".svg"):
        probe(stem.with_name(stem.name + ending))
    rows = _rows(points)
    options = Options(sweep["seeds"], request.speed, request.mhz, minutes=request.minutes)
    tasks = {
        index: Measurement(
            *(rows[index], point.parameters, target, options, request.place, network),
            *(network_digest(network), request.batch, recording, request.cache),
        )
        for index, point in enumerate(points)
        if point.parameters
    }
    done = {index: row for index, row in rows.items() if index not in tasks}
    try:
        for index, row in _measured(measured, tasks, request.jobs, len(points), err):
            done[index] = row
            save(stem, sweep, _ranked(done, sweep))
    except KeyboardInterrupt:
        err.print(f"{len(done)} of {len(points)} points are in {escape(str(stem))}.csv")
        raise
    finally:
        found = _ranked(done, sweep)
        files = [*save(stem, sweep, found), _plot(stem, sweep, found, target)]
    out = console()
    print_sweep(out, sweep, found)
    out.print(f"results: {', '.join(escape(str(path)) for path in files)}", soft_wrap=True)
    return _exit_code(found)


def _rows(points: Sequence[Point]) -> dict[int, Row]:
    """Return the rows before measurement."""
    return {
        index: Row(
            label=label,
            chosen={axis: point.value(axis) for axis in AXES},
            configuration=point.parameters.name if point.parameters else "",
            status=OK if point.parameters else INVALID,
            reason=point.reason,
        )
        for index, (point, label) in enumerate(zip(points, labels(points), strict=True))
    }


def _measured(
    measured: Callable[[Measurement], Row],
    tasks: dict[int, Measurement],
    jobs: int,
    total: int,
    err: Console,
) -> Iterator[tuple[int, Row]]:
    """Yield rows as they complete, largest arrays first; seeds share the remaining processes."""
    jobs = jobs or len(os.sched_getaffinity(0))
    order = sorted(tasks, key=lambda index: -_work(tasks[index]))
    each = max(1, jobs // max(len(tasks), 1))
    ordered = [
        replace(tasks[index], options=replace(tasks[index].options, jobs=each)) for index in order
    ]
    answers = run_all(measured, ordered, processes=jobs, cost=cost, budget=memory_budget())
    work = {index: _work(tasks[index]) for index in order}
    with counting(err, work, total) as counter:
        for position, row in answers:
            index = order[position]
            if isinstance(row, Crash):
                row = replace(tasks[index].row, status=FAILED, reason=row.reason)
            yield index, row
            counter.done(index, said(row))


def _work(task: Measurement) -> float:
    """Rough relative duration of a point; an accelerator is more than its array."""
    return 20 + task.parameters.rows * task.parameters.cols


def _ranked(done: dict[int, Row], sweep: dict[str, Any]) -> list[Row]:
    return ranked([done[index] for index in sorted(done)], sweep["area"])


def _plot(stem: Path, sweep: dict[str, Any], rows: Sequence[Row], target: Target) -> Path:
    path = stem.with_name(f"{stem.name}.svg")
    area = sweep["area"]
    clock = "at the worst fmax" if sweep["placed"] else f"at an assumed {sweep['mhz']:g} MHz"
    title = f"{sweep['network']} on {sweep['target']}, {clock}"
    with atomic_write(path) as temporary:
        temporary.write_text(pareto_plot(rows, area, title, target.available.get(area, 0)))
    return path


def _exit_code(rows: Sequence[Row]) -> int:
    """Return the most severe outcome: mismatch, failed tool, no result."""
    statuses = {row.status for row in rows}
    if MISMATCH in statuses:
        return int(Verdict.MISMATCH)
    if FAILED in statuses:
        return int(Verdict.FAILED)
    return int(Verdict.AGREES if OK in statuses else Verdict.BAD_INPUT)
