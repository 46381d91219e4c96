"""Computes each stage's cycles from the counter records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...compiler.network import CompiledNetwork
from ...compiler.segments import Segment
from ...compiler.stage import Stage
from ...golden.graph import Host
from ...spec.isa import Instruction, Opcode
from ...spec.registers import COUNTERS, RECORDED
from ..bounds import bound_by
from ..compare import Comparison
from ..job import ProgramRun, Result
from .results import ON_ACCELERATOR, ON_HOST, StageResult

__all__ = [
    "calls_of", "causes_of", "interrupt_faults", "programs", "record_faults", "split",
    "stage_results",
]  # fmt: skip

Counts = Mapping[str, int]


def causes_of(counters: Counts, cycles: int) -> dict[str, int]:
    """Cycles by cause; cycles between the bus and the accelerator count as control."""
    causes = {name: counters[name] for name in COUNTERS}
    causes["control"] += cycles - sum(causes.values())
    return causes


def record_faults(
    stages: Sequence[Stage], records: Sequence[Counts], final: Counts, macs: int
) -> list[str]:
    """Report inconsistent counters.

    Parameters
    ----------
    stages : sequence of Stage
    records : sequence of mapping
        Counters at the end of each stage, keyed by `RECORDED`; empty if not written.
    final : mapping
        Counters at the end.
    macs : int
        Multiplications of the program.

    Returns
    -------
    list of str
    """
    faults = []
    before: Counts = dict.fromkeys(RECORDED, 0)
    for stage, record in zip(stages, records, strict=True):
        if not record:
            faults.append(f"{stage.name}: the counters' record was not written")
            continue
        total = sum(record[cause] for cause in COUNTERS)
        if total != record["cycles"]:
            faults.append(
                f"{stage.name}: the record's counters by cause sum to {total:,}, "
                f"not to {record['cycles']:,} cycles"
            )
        falling = [name for name in RECORDED if not before[name] <= record[name] <= final[name]]
        if falling:
            faults.append(
                f"{stage.name}: the record's {falling[0]}, {record[falling[0]]:,}, must lie "
                f"between {before[falling[0]]:,} before it and {final[falling[0]]:,} at the end"
            )
        before = record
    if final["macs"] != macs:
        faults.append(
            f"the accelerator counted {final['macs']:,} multiplications, the program has {macs:,}"
        )
    return faults


def interrupt_faults(program: Iterable[Instruction], interrupts: int) -> list[str]:
    """Report if records raised the interrupt more often than requested, or never.

    Parameters
    ----------
    program : iterable of Instruction
    interrupts : int
        Interrupts before the last one; two in short succession count as one, and the last
        record's may coincide with the program's end.
    """
    asked = sum(
        instruction["value"] for instruction in program if instruction.opcode == Opcode.RECORD
    )
    if (asked > 1) <= interrupts <= asked:
        return []
    return [f"{asked} records ask for the interrupt, {interrupts} came before the last one"]


def split(records: Sequence[Counts], causes: Counts) -> list[dict[str, int]]:
    """Cycles by cause of each stage.

    Parameters
    ----------
    records : sequence of mapping
        Counters since the start, at the end of each stage; none if there is a single stage.
    causes : mapping
        Cycles by cause of the whole run; cycles not in any record belong to the last stage.

    Returns
    -------
    list of dict
        They sum to `causes`.

    Examples
    --------
    >>> first = dict.fromkeys(COUNTERS, 0) | {"compute": 5}
    >>> last = dict.fromkeys(COUNTERS, 0) | {"compute": 7, "control": 2}
    >>> [stage["compute"] for stage in split([first, last], last)]
    [5, 2]
    """
    ends = [{cause: record[cause] for cause in COUNTERS} for record in records[:-1]]
    ends.append(dict(causes))
    starts = [dict.fromkeys(COUNTERS, 0), *ends[:-1]]
    return [
        {cause: end[cause] - start[cause] for cause in COUNTERS}
        for start, end in zip(starts, ends, strict=True)
    ]


def programs(
    compiled: CompiledNetwork, result: Result
) -> Iterator[tuple[Segment, ProgramRun, list[dict[str, int]]]]:
    """Yield each program that ran with its counters and records."""
    records, start = list(result.records), 0
    for segment, run in zip(compiled.segments, result.programs, strict=False):
        end = start + len(segment.stages) * compiled.records
        yield segment, run, records[start:end]
        start = end


def stage_results(
    compiled: CompiledNetwork, result: Result, comparisons: Mapping[str, Comparison]
) -> tuple[StageResult, ...]:
    """Return one result per stage, in order of execution.

    Parameters
    ----------
    compiled : CompiledNetwork
    result : Result
    comparisons : mapping of str to Comparison
        Keyed by tensor name; a stage without one has compared nothing.
    """
    taken: list[dict[str, int]] = [dict.fromkeys(COUNTERS, 0) for _ in compiled.stages]
    for segment, run, records in programs(compiled, result):
        causes = split(records, causes_of(run.counters, run.cycles))
        taken[segment.stages.start : segment.stages.stop] = causes
    nothing = Comparison(0, 0, 0, 0, (), "")
    return tuple(
        _stage_result(compiled, stage, cycles, comparisons.get(stage.name, nothing))
        for stage, cycles in zip(compiled.stages, taken, strict=True)
    )


def _stage_result(
    compiled: CompiledNetwork, stage: Stage, causes: dict[str, int], found: Comparison
) -> StageResult:
    parameters = compiled.parameters
    cycles = sum(causes.values())
    roofline = stage.roofline(parameters)
    return StageResult(
        name=stage.name,
        layer=stage.layer,
        op=stage.op,
        input_shapes=tuple(stage.input_shapes),
        output_shape=stage.output_shape,
        macs=stage.macs,
        cycles=cycles,
        utilization=stage.macs / (parameters.rows * parameters.cols * max(cycles, 1)),
        cycles_by_cause=causes,
        bound_by=bound_by(causes),
        read_bytes=stage.read_bytes,
        written_bytes=stage.written_bytes,
        array_cycles=stage.array_cycles(parameters),
        roofline_cycles=roofline,
        roofline_ratio=cycles / roofline if roofline else 0.0,
        compared=found.compared,
        mismatches_golden=found.golden,
        mismatches_torch=found.torch,
        ran_on=ON_HOST if stage.on_host else ON_ACCELERATOR,
        calls=calls_of(compiled, stage),
    )


def calls_of(compiled: CompiledNetwork, stage: Stage) -> tuple[str, ...]:
    """Return the operators of a stage of the host; none for the others."""
    operations = [node.operation for node in compiled.network.nodes if node.name == stage.name]
    return next((each.calls for each in operations if isinstance(each, Host)), ())
