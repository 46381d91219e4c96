"""`maccord sim`: from names of layers to a table, JSON files and an exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from ..golden.parameters import Parameters
from .build import build
from .dump import write_dump
from .errors import SimulationError
from .jobs import LayerTask, MemoryModel, Recording, cost, misfit, run_layer
from .netlist import generated
from .pool import Crash, available_memory, run_all
from .ports import check_ports
from .progress import counting, waiting
from .recording import Inputs, record
from .report import console, print_outcomes
from .request import Request, check
from .results import CLEAN, Outcome, Verdict, result_path, save, write_json
from .toolchain import find_compiler, find_verilator, libpython

__all__ = ["Inputs", "MemoryModel", "Request", "dump_paths", "run"]

_SCRATCH_NAME = "maccord.v:"  # of the netlist, in Verilator's messages
_MEMORY_SHARE = 0.8  # of what is free, for all workers


def run(request: Request, worker: Callable[[LayerTask], Outcome] = run_layer) -> int:
    """Simulate and report.

    Parameters
    ----------
    request : Request
    worker : callable
        Runs one task in a process of its own; importable by name.

    Returns
    -------
    int
        Exit code: 0 if every compared byte agreed, 1 for a mismatch, 2 if a layer cannot run on
        this accelerator, 3 if a simulation failed.

    Raises
    ------
    ValueError
        If the request makes no sense.
    ToolchainError
        If a tool is missing.
    SimulationError
        If the model cannot be built.
    """
    check(request)
    find_compiler()
    find_verilator()
    libpython()
    err = console(stderr=True)
    verilog = _netlist(request, err)
    with waiting(err, "recording what the layers read and write in PyTorch"):
        recordings = record(request.targets, request.inputs)
    _forget(request.folder, recordings)
    tasks = [_task(request, recording, verilog) for recording in recordings]
    _check_sizes(request, tasks, err)
    seconds = _build(request, verilog, err)
    tasks = [replace(task, build_seconds=seconds) for task in tasks]
    outcomes = _simulate(request, tasks, worker, err)
    print_outcomes(console(), [r.label for r in recordings], outcomes, request.folder)
    results = [outcome.result for outcome in outcomes if outcome.result]
    if request.json and results:
        write_json(request.json, results)
    return _exit_code(outcomes)


def _task(request: Request, recording: Recording, verilog: str) -> LayerTask:
    return LayerTask(
        recording,
        request.parameters,
        verilog,
        request.memory,
        request.folder / recording.label if request.waves else None,
        request.cycles,
        image=request.image,
        netlist=request.netlist,
    )


def _forget(folder: Path, recordings: Sequence[Recording]) -> None:
    """Remove older results, which would look current if a simulation failed."""
    for recording in recordings:
        result_path(folder, recording.layer.name, recording.perturbation).unlink(missing_ok=True)


def _netlist(request: Request, err: Console) -> str:
    if request.verilog is None:
        with waiting(err, "generating Verilog"):
            return generated(request.parameters)
    try:
        text = request.verilog.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text"
        raise ValueError(
            f"verilog must be a readable netlist, got {request.verilog}: {reason}"
        ) from None
    check_ports(text, request.parameters.axi_bytes)
    return text


def _check_sizes(request: Request, tasks: Sequence[LayerTask], err: Console) -> None:
    """Refuse layers that do not fit the scratchpads before a model is built for them."""
    if request.parameters == Parameters():
        return  # Every layer of the networks fits
    distinct = {task.recording.layer.name: task for task in tasks}
    with waiting(err, "scheduling"):
        for _, answer in run_all(
            misfit,
            list(distinct.values()),
            processes=_processes(request),
            cost=cost,
            budget=int(available_memory() * _MEMORY_SHARE),
        ):
            if isinstance(answer, str) and answer:
                raise ValueError(answer)


def _processes(request: Request) -> int:
    return request.jobs or len(os.sched_getaffinity(0))


def _build(request: Request, verilog: str, err: Console) -> float:
    """Build the model before workers ask for it; return the seconds that it took."""
    with err.status("looking for the simulator") as status:

        def say(text: str) -> None:
            status.update(text)
            if not err.is_terminal:
                err.print(f"{text} (once; it is kept)", soft_wrap=True)

        try:
            model = build(verilog, request.parameters.axi_bytes, trace=request.waves, progress=say)
        except SimulationError as error:
            raise _refused(request, error) from None
    return model.build_seconds


def _refused(request: Request, error: SimulationError) -> Exception:
    """Name the user's netlist where it is the reason that nothing could be built."""
    said = str(error)
    if request.verilog is None or _SCRATCH_NAME not in said:
        return error
    said = said[said.index(_SCRATCH_NAME) :].replace(_SCRATCH_NAME, f"{request.verilog}:")
    return ValueError(f"verilog must be a netlist that Verilator accepts, got {said}")


def _simulate(
    request: Request,
    tasks: Sequence[LayerTask],
    worker: Callable[[LayerTask], Outcome],
    err: Console,
) -> list[Outcome]:
    """Run the tasks, longest first, and write each result as it comes."""
    order = sorted(range(len(tasks)), key=lambda i: -tasks[i].recording.macs)
    recordings = [task.recording for task in tasks]
    dumps = dump_paths(request.dump, recordings)
    outcomes: dict[int, Outcome] = {}
    answers = run_all(
        worker,
        [tasks[i] for i in order],
        processes=_processes(request),
        cost=cost,
        budget=int(available_memory() * _MEMORY_SHARE),
    )
    work = sum(recording.macs for recording in recordings)
    with counting(err, len(tasks), work) as counter:
        for position, answer in answers:
            index = order[position]
            if isinstance(answer, Crash):
                answer = Outcome(Verdict.FAILED, problems=(answer.reason,))
            outcomes[index] = answer
            _keep(request, recordings[index], answer, dumps[index])
            counter.done(recordings[index].label, recordings[index].macs, answer)
    return [outcomes[i] for i in range(len(tasks))]


def _keep(request: Request, recording: Recording, outcome: Outcome, dump: Path | None) -> None:
    if outcome.result:
        save(request.folder, outcome.result)
    if dump and outcome.y_golden is not None and outcome.y_rtl is not None:
        write_dump(
            dump,
            recording.layer,
            engine=recording.engine,
            x_q=recording.x_q,
            y_golden=outcome.y_golden,
            y_rtl=outcome.y_rtl,
            y_torch=recording.y_torch,
        )


def dump_paths(path: Path | None, recordings: Sequence[Recording]) -> Sequence[Path | None]:
    """Return where each recording's dump goes.

    One layer with at most one perturbation: `path` is that of the input that was asked for, and
    the clean one beside a perturbed one is ``STEM.clean.npz``. Else each has a name of its own,
    ``STEM.LAYER.npz`` or ``STEM.LAYER@PERTURBATION.npz``.
    """
    if path is None:
        return [None] * len(recordings)
    layers = {recording.layer.name for recording in recordings}
    if len(layers) == 1 and len(recordings) <= 2:
        clean = path.with_name(f"{path.stem}.{CLEAN}{path.suffix}")
        return [clean, path][-len(recordings) :]
    return [path.with_name(f"{path.stem}.{r.label}{path.suffix}") for r in recordings]


def _exit_code(outcomes: Sequence[Outcome]) -> int:
    """A mismatch outweighs a failed simulation, and that a layer that cannot run."""
    verdicts = {outcome.verdict for outcome in outcomes}
    for verdict in (Verdict.MISMATCH, Verdict.FAILED, Verdict.BAD_INPUT):
        if verdict in verdicts:
            return int(verdict)
    return int(Verdict.AGREES)
