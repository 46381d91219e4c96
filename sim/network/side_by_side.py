"""Runs one network in parts on several processors, joined to the result of the whole run.

Each part starts from the golden model's tensors. Two neighbours both simulate the stage at which
they join. They are joined only if its counters agree to the cycle, the last beats on the bus were
the same in the same order, and every tensor that both computed is the same byte for byte. Otherwise
the network runs as a whole. That is evidence, no proof: docs/speed.md says what it would miss.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...compiler.network import CompiledNetwork
from ...compiler.parts import Part, cut
from ...spec.isa import INSTRUCTION_BYTES, encode_program
from ...spec.registers import RECORDED
from ..checks import stopped
from ..job import Job, Result
from ..simulate import simulate
from .tensors import original

__all__ = ["join", "part_job", "side_by_side"]

_log = logging.getLogger(__name__)
Codes = npt.NDArray[np.uint8]
Counts = Mapping[str, int]


def side_by_side(
    compiled: CompiledNetwork,
    job: Job,
    count: int,
    golden: Callable[[], Mapping[str, Codes]],
    on_cycles: Callable[[int], None] = lambda cycles: None,
) -> Result:
    """Run a network's job in parts.

    Parameters
    ----------
    compiled : CompiledNetwork
        Of one program with records, and a memory without stalls.
    job : Job
        Of the whole network.
    count : int
        Parts.
    golden : callable
        Returns the golden model's tensors; it may wait for them.
    on_cycles : callable
        Called with the cycles simulated by all parts together.

    Returns
    -------
    Result
        As of the whole run; `sim_seconds` and `total_seconds` are those of the longest part, and
        the traffic counts what both of two parts moved twice.
    """
    parts = cut(compiled, count)
    if len(parts) == 1:
        return simulate(job, on_cycles=on_cycles)
    cycles = [0] * len(parts)

    def run(position: int) -> Result:
        part = parts[position]

        def count_cycles(found: int) -> None:
            cycles[position] = found
            on_cycles(sum(cycles))

        tensors = golden() if part.first else {}
        result = simulate(part_job(compiled, job, part, tensors), on_cycles=count_cycles)
        return _counted(part, result)

    with ThreadPoolExecutor(len(parts)) as pool:
        results = list(pool.map(run, range(len(parts))))
    reason = _apart(compiled, parts, results)
    if reason:
        _log.warning("parts not joined, the network runs as a whole: %s", reason)
        return simulate(job, on_cycles=on_cycles)
    return join(compiled, parts, results)


def part_job(compiled: CompiledNetwork, job: Job, part: Part, golden: Mapping[str, Codes]) -> Job:
    """Return the job of a part: its program, and memory as it is when its first stage begins."""
    image = job.memory.copy()
    for area in compiled.areas[: part.first]:
        codes = golden[original(compiled, area.name)]
        area.view(image)[:] = (codes ^ np.uint8(0x80)).reshape(area.rows, area.row_bytes)
    image[compiled.program_offset :] = 0
    at = compiled.program_offset + part.start * INSTRUCTION_BYTES
    program = np.frombuffer(encode_program(part.program), np.uint8)
    image[at : at + program.size] = program
    return replace(
        job,
        memory=image,
        program=at,
        turns=(at,),
        ledger=compiled.areas[part.first : part.reached + 1],
        records=[stage.record for stage in compiled.stages[part.first : part.reached + 1]],
    )


def _counted(part: Part, result: Result) -> Result:
    """Return a part's result without the records of stages that it does not complete."""
    return replace(result, records=result.records[: part.last - part.first + 1])


def _apart(compiled: CompiledNetwork, parts: Sequence[Part], results: Sequence[Result]) -> str:
    """Return why the parts cannot be joined; empty if they can."""
    for part, result in zip(parts, results, strict=True):
        early = stopped(result)
        own = {area.name for area in compiled.areas[part.first : part.last + 1]}
        if early or not all(result.records) or own & set(result.incomplete):
            return f"stages {part.first} to {part.last}: {early or 'not complete'}"
    for part, before, after in zip(parts[1:], results[:-1], results[1:], strict=True):
        name = compiled.stages[part.join].name
        took = before.records[-1], before.records[-2]
        theirs = after.records[part.join - part.first], after.records[part.join - part.first - 1]
        if _less(*took) != _less(*theirs):
            return f"{name} takes {_less(*took)} behind what precedes it, {_less(*theirs)} without"
        if before.traces[name] != after.traces[name]:
            return f"{name} is complete after other beats on the bus"
        for both in before.tensors.keys() & after.tensors.keys():
            if not np.array_equal(before.tensors[both], after.tensors[both]):
                return f"{both} differs"
    return ""


def join(compiled: CompiledNetwork, parts: Sequence[Part], results: Sequence[Result]) -> Result:
    """Return the result of the whole run: each part counts from its join on."""
    whole = results[0]
    for part, after in zip(parts[1:], results[1:], strict=True):
        at = part.join - part.first + 1  # records up to the join
        gap = _less(whole.records[-1], after.records[at - 1])
        shifted = [{name: each[name] + gap[name] for name in RECORDED} for each in after.records]
        names = [area.name for area in compiled.areas[: part.join + 1]]
        own = {name: whole.tensors[name] for name in names}
        whole = replace(
            after,
            cycles=after.cycles + gap["cycles"],
            counters={name: after.counters[name] + gap[name] for name in after.counters},
            macs=after.macs + gap["macs"],
            records=[*whole.records, *shifted[at:]],
            tensors=after.tensors | own,
            interrupts=whole.interrupts + after.interrupts,
            **_sums(whole, after),
        )
    order = [area.name for area in compiled.areas if area.name in whole.tensors]
    return replace(whole, tensors={name: whole.tensors[name] for name in order})


def _less(record: Counts, other: Counts) -> dict[str, int]:
    return {name: record[name] - other[name] for name in RECORDED}


def _sums(one: Result, other: Result) -> dict[str, int | float | str | None]:
    """Return what counts in either part."""
    added = ("stray_bytes", "double_bytes", "protocol_errors", "overlaps")
    traffic = ("read_bursts", "read_beats", "write_bursts", "write_beats")
    found = {name: getattr(one, name) + getattr(other, name) for name in (*added, *traffic)}
    first = "first_stray", "first_double"
    either = {
        name: getattr(one, name) if getattr(one, name) is not None else getattr(other, name)
        for name in first
    }
    longest = {
        name: max(getattr(one, name), getattr(other, name))
        for name in ("sim_seconds", "total_seconds")
    }
    return {
        **found,
        **either,
        **longest,
        "protocol_error": one.protocol_error or other.protocol_error,
    }
