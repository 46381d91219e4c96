"""`maccord sim`: from names of networks and layers to a table, JSON files and an exit code."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from ..compiler.features import check_widths, with_features
from ..runtime.console import console, waiting
from ..runtime.errors import SimulationError
from ..runtime.folders import cache_root
from ..runtime.logs import logged
from ..runtime.pool import Crash, memory_budget, run_all
from ..runtime.scheduler import PROCESSES, check_reachable, run_on_cluster
from ..runtime.tables import table_width
from ..spec.parameters import Parameters
from .build import build
from .console_tables import print_outcomes
from .dry_run import dry_run
from .dump import write_dump
from .given_netlist import check_made, read_netlist
from .gtkwave import write_save_file
from .lacking import without_lacking
from .memory import MemoryModel
from .netlist import generated, is_kept
from .network.reports import write_reports
from .network.run import Worker, run_network
from .network.task import NetworkRecording, NetworkTask, cost, stage_index
from .origin import traced
from .ports import check_ports
from .progress import counting
from .recording import Inputs, record_all
from .request import SimulationRequest, check
from .results import CLEAN, Outcome, Verdict, save, write_json
from .searches import share_searches
from .tasks import make_tasks, processes
from .toolchain import find_compiler, find_verilator, libpython

__all__ = ["Inputs", "MemoryModel", "SimulationRequest", "dump_paths", "run"]

_log = logging.getLogger(__name__)
_SCRATCH_NAME = "maccord.v:"  # of the netlist, in Verilator's messages


def run(request: SimulationRequest, worker: Worker = run_network) -> int:
    """Simulate and report.

    Parameters
    ----------
    request : SimulationRequest
    worker : callable
        Runs a task in a process of its own; importable by name.

    Returns
    -------
    int
        Exit code: 0 if every compared byte agreed, or of a dry run, 1 for a mismatch, 2 if a
        network or layer cannot run on this accelerator, 3 if a simulation failed.

    Raises
    ------
    ValueError
        If the request is invalid.
    ToolchainError
        If a tool is missing.
    SimulationError
        If the model cannot be built, or synthesis fails.
    """
    check(request)
    err = console(stderr=True, quiet=request.quiet)
    with logged(err, request.verbose):
        _log_settings(request)
        return _run(request, worker, err)


def _log_settings(request: SimulationRequest) -> None:
    _log.debug("cache: %s", cache_root())
    _log.debug("results: %s, %d runs at a time", request.folder, processes(request))
    seed, stalls = request.inputs.seed, request.memory.seed
    _log.debug("seeds: weights and perturbations %d, stalls %d", seed, stalls)


def _run(request: SimulationRequest, worker: Worker, err: Console) -> int:
    if not request.dry_run:
        _log.debug("compiler: %s", find_compiler().version)
        verilator = find_verilator()
        _log.debug("Verilator %s: %s", verilator.version, verilator.binary)
        libpython()
    axi_bytes = request.parameters.axi_bytes
    check_reachable(request.scheduler)
    given = read_netlist(request.verilog, axi_bytes) if request.verilog else ""
    with waiting(err, "recording what is read and written in the reference"):
        recordings = record_all(request.targets, request.inputs)
    request = _with_features(request, recordings, err)
    recordings = without_lacking(recordings, request.parameters, request.inputs, err)
    check_made(given, [recording.network for recording in recordings], request.parameters)
    if request.dry_run:
        return dry_run(request, recordings, err)
    tasks = make_tasks(request, recordings, given)
    if request.waves_layer:
        stage_index(tasks[0].compiled, request.waves_layer)  # or it is refused
    _forget(request.folder, [recording.label for recording in recordings])
    with waiting(err, "scheduling"):
        tasks = share_searches(tasks, processes(request), check=not _fits(request))
    if not (given or request.gate or is_kept(request.parameters)):
        err.print(_first_run(request.parameters), markup=False, soft_wrap=True)
    verilog = given or _generated(request, err)
    if request.gate:
        verilog = _gates(request, verilog, err)
    seconds = _build(request, verilog, err)
    tasks = [replace(task, verilog=verilog, build_seconds=seconds) for task in tasks]
    unsaved: list[OSError] = []
    outcomes = _simulate(request, tasks, worker, err, unsaved)
    _save_views(request, outcomes, verilog, unsaved)
    results = [outcome.result for outcome in outcomes if outcome.result]
    with waiting(err, "drawing"):
        reports = write_reports(results, request.folder, request.html)
    labels = [recording.label for recording in recordings]
    print_outcomes(
        console(), labels, outcomes, request.folder, reports, request.window_said,
        table_width(request.wide), quiet=request.quiet,
    )  # fmt: skip
    if request.json and results:
        write_json(request.json, results)
    if unsaved:
        raise unsaved[0]  # now that the table is there
    return _exit_code(outcomes)


def _with_features(
    request: SimulationRequest, recordings: Sequence[NetworkRecording], err: Console
) -> SimulationRequest:
    """Switch on the hardware features that the networks need, and print which."""
    networks = [recording.network for recording in recordings]
    parameters = with_features(request.parameters, networks, request.switches)
    check_widths(networks, parameters)
    added = [
        name
        for name in request.switches
        if getattr(parameters, name) > getattr(request.parameters, name)
    ]
    if added:
        options = " ".join(f"--{name.replace('_', '-')}" for name in added)
        text = f"the network needs hardware made with {options}: {parameters.name}"
        err.print(text, markup=False, soft_wrap=True)
    return replace(request, parameters=parameters)


def _first_run(parameters: Parameters) -> str:
    """Return a message with the expected time of a configuration's first build."""
    elements = parameters.rows * parameters.cols
    processors = len(os.sched_getaffinity(0))
    # measured on two processors: 33 s at 4 x 4, 62 s at 16 x 16; compilation is the parallel part
    seconds = 5 + 0.035 * elements + (54 + 0.17 * elements) / processors
    return (
        f"first run of {parameters.name}: generates Verilog and builds the simulator, about "
        f"{max(round(seconds, -1), 10):.0f} s; later runs reuse both"
    )


def _fits(request: SimulationRequest) -> bool:
    """Whether the targets are known to fit, so that no check is needed before the build."""
    inputs = request.inputs
    return request.parameters == Parameters() and inputs.batch == 1 and not inputs.module


def _forget(folder: Path, labels: Sequence[str]) -> None:
    """Remove old results, which would look current if a simulation failed."""
    for label in labels:
        for ending in ("json", "svg", "html"):
            (folder / f"{label}.{ending}").unlink(missing_ok=True)


def _generated(request: SimulationRequest, err: Console) -> str:
    with waiting(err, "generating Verilog"):
        return generated(request.parameters)


def _gates(request: SimulationRequest, verilog: str, err: Console) -> str:
    """Synthesize the netlist; check that the result has the same ports."""
    assert request.gate
    said: list[str] = []
    with waiting(err, "synthesizing") as show:

        def say(text: str) -> None:
            show(text)
            if not err.is_terminal and not said:
                err.print("synthesizing (once; it is kept)")
            said.append(text)

        text = request.gate.synthesize(verilog, say)
    check_ports(text, request.parameters.axi_bytes)
    return text


def _build(request: SimulationRequest, verilog: str, err: Console) -> float:
    """Build the model before the workers need it; return the build time in seconds."""
    with waiting(err, "looking for the simulator") as show:

        def say(text: str) -> None:
            show(text)
            if not err.is_terminal:
                err.print(f"{text} (once; it is kept)", soft_wrap=True)

        try:
            model = build(verilog, request.parameters.axi_bytes, trace=request.waves, progress=say)
        except SimulationError as error:
            raise _refused(request, error) from None
    return model.build_seconds


def _refused(request: SimulationRequest, error: SimulationError) -> Exception:
    """Name the user's netlist in the error if it is the reason that the build failed."""
    said = str(error)
    if request.verilog is None or _SCRATCH_NAME not in said:
        return error
    said = said[said.index(_SCRATCH_NAME) :].replace(_SCRATCH_NAME, f"{request.verilog}:")
    return ValueError(f"verilog must be a netlist that Verilator accepts, got {said}")


def _simulate(
    request: SimulationRequest,
    tasks: Sequence[NetworkTask],
    worker: Worker,
    err: Console,
    unsaved: list[OSError],
) -> list[Outcome]:
    """Run the tasks, longest first, and write each result when it is complete.

    Write errors are added to `unsaved`, so that the table is printed first.
    """
    order = sorted(range(len(tasks)), key=lambda i: -tasks[i].recording.macs)
    recordings = [task.recording for task in tasks]
    dumps = dump_paths(request.dump, recordings)
    outcomes: dict[int, Outcome] = {}
    labels = [recording.label for recording in recordings]
    with counting(err, {recording.label: recording.macs for recording in recordings}) as counter:
        for position, answer in _answers(
            request, worker, [tasks[i] for i in order],
            lambda position, news: counter.cycles(labels[order[position]], *news),
        ):  # fmt: skip
            index = order[position]
            if isinstance(answer, Crash):
                answer = Outcome(Verdict.FAILED, problems=(answer.reason,))
            recording = recordings[index]
            answer = traced(answer, recording, request.inputs)
            try:
                if answer.result:
                    save(request.folder, answer.result)
                dump = dumps[index]
                if dump and answer.rtl:
                    write_dump(dump, recording, answer.golden, answer.rtl)
            except OSError as error:
                unsaved.append(error)
            outcomes[index] = replace(answer, golden={}, rtl={})
            counter.done(recording.label, answer)
    return [outcomes[i] for i in range(len(tasks))]


def _answers(
    request: SimulationRequest,
    worker: Worker,
    tasks: Sequence[NetworkTask],
    on_news: Callable[[int, tuple[int, int]], None],
) -> Iterator[tuple[int, Outcome | Crash]]:
    if request.scheduler != PROCESSES:
        return run_on_cluster(request.scheduler, worker, tasks)
    return run_all(
        worker, tasks, processes=processes(request), cost=cost, budget=memory_budget(),
        on_news=on_news,
    )  # fmt: skip


def _save_views(
    request: SimulationRequest, outcomes: Sequence[Outcome], verilog: str, unsaved: list[OSError]
) -> None:
    """Write a GTKWave save file for each run's waveforms."""
    for waves in filter(None, (outcome.waves for outcome in outcomes)):
        try:
            write_save_file(waves, verilog, request.parameters.axi_bytes)
        except OSError as error:
            unsaved.append(error)


def dump_paths(path: Path | None, recordings: Sequence[NetworkRecording]) -> Sequence[Path | None]:
    """Return the dump's path for each recording.

    For one layer or network with at most one perturbation, `path` is the requested input's dump and
    ``STEM.clean.npz`` the clean one's. Otherwise the names are ``STEM.NAME.npz`` or
    ``STEM.NAME@PERTURBATION.npz``.
    """
    if path is None:
        return [None] * len(recordings)
    if len({recording.name for recording in recordings}) == 1 and len(recordings) <= 2:
        clean = path.with_name(f"{path.stem}.{CLEAN}{path.suffix}")
        return [clean, path][-len(recordings) :]
    return [path.with_name(f"{path.stem}.{r.label}{path.suffix}") for r in recordings]


def _exit_code(outcomes: Sequence[Outcome]) -> int:
    """Return the most severe verdict: mismatch, failed simulation, layer that does not fit.

    At least one byte must have been compared for agreement.
    """
    verdicts = {outcome.verdict for outcome in outcomes}
    if not any(outcome.result and outcome.result.compared for outcome in outcomes):
        verdicts = verdicts - {Verdict.AGREES} or {Verdict.FAILED}
    for verdict in (Verdict.MISMATCH, Verdict.FAILED, Verdict.BAD_INPUT):
        if verdict in verdicts:
            return int(verdict)
    return int(Verdict.AGREES)
