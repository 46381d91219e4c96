"""Runs one network or layer: simulate, compare every tensor, localize faults."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from ...compiler import count_macs
from ...compiler.host_work import HostWork, turns
from ...golden.graph import Network
from ...golden.network import execute
from ...runtime.pool import tell
from ...spec.isa_needs import needed
from ..checks import attempt, bus_faults, stopped
from ..compare import Comparison
from ..results import Outcome, Verdict
from ..simulate import Job, Result, simulate
from .blame import blame
from .ranking import ranking
from .results import NetworkResult
from .returned import compare_results, real_results, result_problems
from .side_by_side import side_by_side
from .stages import causes_of, interrupt_faults, programs, record_faults, stage_results
from .task import NetworkTask, input_shapes, stage_index
from .tensors import caught, compare_tensors, explain, first_difference, original

__all__ = ["Worker", "run_network"]

Codes = npt.NDArray[np.uint8]
Tensors = dict[str, Codes]
Logits = npt.NDArray[np.float32]
Results = dict[str, Logits]
Worker = Callable[[NetworkTask], Outcome]


def _unchanged(tensors: Tensors) -> Tensors:
    return tensors


@dataclass(frozen=True, eq=False)
class _Run:
    """Everything known after the simulation."""

    task: NetworkTask
    image: Codes
    result: Result
    golden: Tensors
    rtl: Tensors
    comparisons: dict[str, Comparison]


def run_network(
    task: NetworkTask,
    *,
    backend: Callable[[Job], Result] | None = None,
    alter_golden: Callable[[Tensors], Tensors] = _unchanged,
    alter_image: Callable[[Codes, NetworkTask], Codes] | None = None,
) -> Outcome:
    """Run a network, or a layer as a network of one node, and compare its tensors three ways.

    Parameters
    ----------
    task : NetworkTask
    backend : callable, optional
        Runs a job instead of the RTL in Verilator; the default reports simulated and estimated
        cycles to the waiting process through `maccord.runtime.pool.tell`.
    alter_golden : callable
        Modifies the golden model's tensors, for fault injection in tests.
    alter_image : callable, optional
        Modifies the initial memory image, for fault injection in tests.

    Returns
    -------
    Outcome
        Includes problems; nothing is raised for a network that fails.
    """
    try:
        compiled = task.compiled
        image = compiled.image(*task.recording.inputs)
    except ValueError as error:
        return Outcome(Verdict.BAD_INPUT, problems=(str(error),))
    if alter_image:
        image = alter_image(image, task)
    with ThreadPoolExecutor(1) as beside, threadpool_limits(1):  # one processor per run
        golden = beside.submit(execute, compiled.network, *task.recording.inputs)
        run = backend or _telling(task, golden.result)
        result = attempt(lambda: run(_job(task, image)), task.parameters)
        if isinstance(result, Outcome):
            return result
        tensors = alter_golden(golden.result())
    early = stopped(result)
    if early:
        return Outcome(Verdict.FAILED, problems=(early, *_coverage(task, result)))
    rtl = caught(compiled, task.recording.inputs, result.tensors)
    theirs = None if task.recording.not_asked else task.recording.tensors
    found = compare_tensors(compiled, rtl, tensors, theirs)
    return _judge(_Run(task, image, result, tensors, rtl, found))


def _telling(task: NetworkTask, golden: Callable[[], Tensors]) -> Callable[[Job], Result]:
    def on_cycles(cycles: int) -> None:
        tell((cycles, task.compiled.estimate))

    if task.parts == 1 or task.recording.layer:
        return lambda job: simulate(job, on_cycles=on_cycles)
    return lambda job: side_by_side(task.compiled, job, task.parts, golden, on_cycles)


def _job(task: NetworkTask, image: Codes) -> Job:
    memory, compiled = task.memory, task.compiled
    return Job(
        verilog=task.verilog,
        axi_bytes=task.parameters.axi_bytes,
        memory=image,
        features=needed(compiled.program, compiled.parameters),
        program=compiled.program_offset,
        outputs=(),
        scratch=(compiled.scratch,),
        ledger=compiled.areas,
        turns=[
            turn if isinstance(turn, HostWork) else compiled.program_offset + turn.offset
            for turn in turns(compiled)
        ],
        records=[
            stage.record for stage in compiled.stages if compiled.records and not stage.on_host
        ],
        latency=memory.latency,
        stall_probability=memory.stalls,
        stall_seed=memory.seed,
        cycle_limit=memory.cycle_limit(compiled.estimate, len(compiled.program)),
        waves=task.window if task.waves else None,
        waves_after=stage_index(compiled, task.waves_layer) if task.waves_layer else 0,
        waves_path=task.waves,
    )


def _judge(run: _Run) -> Outcome:
    task, network = run.task, run.task.compiled.network
    problems = [*_coverage(task, run.result), *_lost(run), *explain(run.comparisons)]
    name = first_difference(run.comparisons)
    if name and run.comparisons[name].golden:
        expected = run.golden[original(task.compiled, name)]
        problems.append(blame(task.compiled, run.image, name, run.rtl[name], expected))
    complete = network.output in run.rtl
    recorded = task.recording
    ours = {} if recorded.layer else real_results(network, run.rtl, recorded)
    problems += result_problems(network, ours, recorded)
    wrong = bool(problems)
    faults = [*bus_faults(run.result), *_record_faults(run)]
    if faults and not wrong:  # equal bytes do not count after a fault
        return Outcome(Verdict.FAILED, problems=tuple(faults), waves=run.result.waves)
    return Outcome(
        Verdict.MISMATCH if wrong else Verdict.AGREES,
        _network_result(run, ours) if not _torn(run) else None,
        sum(found.equal for found in run.comparisons.values()),
        len(np.unique(run.rtl[network.output])) if complete else 0,
        tuple(problems + faults),
        run.result.waves,
        *((run.golden, run.rtl) if task.keep else ()),
    )


def _logits(network: Network, results: Results) -> Logits:
    """Return the RTL's logits; none if the first result is incomplete or not a row of numbers."""
    found = results.get(network.output)
    return found if found is not None and found.ndim == 2 else np.empty((0, 0), np.float32)


def _record_faults(run: _Run) -> list[str]:
    compiled, faults = run.task.compiled, []
    for segment, made, records in programs(compiled, run.result):
        program = compiled.program[segment.start : segment.end]
        stages = [compiled.stages[index] for index in segment.stages if compiled.records]
        final = made.counters | {"macs": made.macs}
        macs = count_macs(program, compiled.parameters.rows)
        faults += record_faults(stages, records, final, macs)
        faults += interrupt_faults(program, made.interrupts)
    return faults


def _torn(run: _Run) -> bool:
    """Whether counter records are missing, so that there is no result."""
    return not all(run.result.records)


def _coverage(task: NetworkTask, result: Result) -> list[str]:
    """Report missing, stray and repeated writes found by the ledger."""
    problems = []
    if result.incomplete:
        name, lacking = next(iter(result.incomplete.items()))
        problems.append(
            f"{len(result.incomplete)} of {len(task.compiled.areas)} tensors were never complete, "
            f"{name} is the first and lacks {lacking:,} bytes"
        )
    if result.stray_bytes:
        problems.append(
            f"{result.stray_bytes:,} bytes outside of the tensor being made were written, "
            f"the first at offset {result.first_stray:#x}"
        )
    if result.double_bytes:
        problems.append(
            f"{result.double_bytes:,} bytes were written twice, "
            f"the first at offset {result.first_double:#x}"
        )
    return problems


def _lost(run: _Run) -> list[str]:
    """Report tensors that were complete but not compared."""
    names = [node.name for node in run.task.compiled.network.nodes if node.name not in run.rtl]
    if not names or run.result.incomplete:
        return []
    return [f"{len(names)} tensors were not compared, the first is {names[0]}"]


def _network_result(run: _Run, results: Results) -> NetworkResult:
    task, result, found = run.task, run.result, run.comparisons.values()
    recorded, compiled, parameters = task.recording, task.compiled, task.parameters
    logits = _logits(compiled.network, results)
    returned = compare_results(results, recorded.results, recorded.result_labels)
    causes = causes_of(result.counters, result.cycles)
    stages = stage_results(compiled, result, run.comparisons)
    macs = sum(stage.macs for stage in stages)
    roofline = sum(stage.roofline_cycles for stage in stages)
    output = compiled.network.tensors[compiled.network.output]
    return NetworkResult(
        network=compiled.network.name,
        layer=recorded.name,
        op=compiled.stages[0].op if recorded.layer else "network",
        engine=recorded.engine,
        weights=recorded.weights,
        perturbation=recorded.perturbation,
        seed=recorded.seed,
        rows=parameters.rows,
        cols=parameters.cols,
        input_shape=recorded.x_q.shape,
        inputs=input_shapes(recorded),
        output_shape=(len(recorded.x_q), *output.shape[1:]),
        macs=macs,
        cycles=result.cycles,
        utilization=macs / (parameters.rows * parameters.cols * result.cycles),
        cycles_by_cause=causes,
        compared=sum(comparison.compared for comparison in found),
        mismatches_golden=sum(comparison.golden for comparison in found) + _unproven(run),
        mismatches_torch=None
        if recorded.not_asked
        else sum(comparison.torch or 0 for comparison in found)
        + sum(each.mismatches_torch for each in returned),
        not_asked=recorded.not_asked,
        sim_cycles_per_second=result.sim_cycles_per_second,
        build_seconds=task.build_seconds,
        sim_seconds=result.sim_seconds,
        verilator=result.model.verilator,
        stall_seed=task.memory.seed,
        image=task.image,
        latency=task.memory.latency,
        stalls=task.memory.stalls,
        netlist=task.netlist,
        configuration=parameters.name,
        axi_bytes=parameters.axi_bytes,
        batch=len(recorded.x_q),
        mhz=task.mhz,
        frames_per_second=len(recorded.x_q) * task.mhz * 1e6 / result.cycles,
        array_cycles=sum(stage.array_cycles for stage in stages),
        roofline_cycles=roofline,
        roofline_ratio=result.cycles / roofline,
        macs_counted=result.macs,
        interrupts=result.interrupts,
        tensors=len(found),
        predicted=_classes(task, logits),
        predicted_torch=_classes(task, recorded.logits),
        logits=_plain(logits),
        logits_torch=_plain(recorded.logits),
        predicted_float=_classes(task, recorded.logits_float),
        logits_float=_plain(recorded.logits_float),
        class_names=_names(task, logits),
        snr_db=recorded.snr_db,
        weak_layer=recorded.weak_layer,
        weak_layer_snr_db=recorded.weak_layer_snr_db,
        stages=stages,
        top5=tuple(ranking(row, task.class_names) for row in logits if recorded.scores),
        programs=len(compiled.segments),
        host_read_bytes=sum(stage.read_bytes for stage in compiled.stages if stage.on_host),
        host_written_bytes=sum(stage.written_bytes for stage in compiled.stages if stage.on_host),
        around=recorded.around,
        results=returned,
    )


def _classes(task: NetworkTask, logits: Logits) -> tuple[int, ...]:
    """Class of each image; empty if the network does not return scores."""
    return tuple(int(np.argmax(row)) for row in logits) if task.recording.scores else ()


def _unproven(run: _Run) -> int:
    """Count the bytes written outside the outputs, more than once, or never."""
    result = run.result
    return sum(result.incomplete.values()) + result.stray_bytes + result.double_bytes


def _names(task: NetworkTask, logits: Logits) -> dict[int, str]:
    """Names of all classes predicted by any engine."""
    if not task.class_names:
        return {}
    answers = (logits, task.recording.logits, task.recording.logits_float)
    found = sorted({index for rows in answers for index in _classes(task, rows)})
    return {index: task.class_names[index] for index in found}


def _plain(logits: Logits) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in logits)
