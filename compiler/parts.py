"""Cuts a network's program into parts that run side by side and overlap by some stages.

A part starts one or more stages before its join, from tensors that are given. What it did not
prefetch makes their cycles differ; in the stage that ends at the join it does what the whole
program does. It ends with the instructions that the whole program dispatches while its last stage
completes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate

from ..spec.isa import INSTRUCTION_BYTES, Instruction, Opcode, Unit
from ..spec.isa import TABLE as SPECIFICATIONS
from ..spec.registers import WRITABLE, Register
from .network import CompiledNetwork

__all__ = ["Part", "cut"]

_AHEAD = 64  # instructions: more than the queues of all units hold together
_WARM = 50_000  # cycles, or a twentieth of the network: what was not prefetched has come by then
_SETUPS = (Opcode.SETUP, Opcode.SETUP_ADD, Opcode.SETUP_MUL)
_ALIGNMENT = (WRITABLE[Register.PROGRAM] & -WRITABLE[Register.PROGRAM]) // INSTRUCTION_BYTES


@dataclass(frozen=True)
class Part:
    """A part of a program.

    Parameters
    ----------
    first, last : int
        First and last stage that it completes.
    reached : int
        Last stage of which it executes an instruction.
    join : int
        Stage up to which the part before it counts; -1 for the first part. It is complete in both.
    program : list of Instruction
        `END` included.
    start : int
        Position at which the program lies in the whole one, so that its last instructions have the
        addresses they have there.
    """

    first: int
    last: int
    reached: int
    join: int
    program: list[Instruction]
    start: int


def cut(compiled: CompiledNetwork, count: int) -> list[Part]:
    """Cut a compiled network into parts of much the same length.

    Parameters
    ----------
    compiled : CompiledNetwork
        Of one program, with records.
    count : int
        Parts, 1 or more; fewer if there are too few stages.

    Returns
    -------
    list of Part
        In order.

    Raises
    ------
    ValueError
        If the network has several programs, no records, or operations that run together.
    """
    if len(compiled.segments) != 1 or not compiled.records:
        raise ValueError(
            "parts must be of a network in one program with records, got "
            f"{len(compiled.segments)} programs, records: {compiled.records}"
        )
    if any(area.together > 1 for area in compiled.areas):
        raise ValueError(
            "parts must be of operations that run one after another, got some together"
        )
    joins = _joins([stage.estimate for stage in compiled.stages], count)
    last = len(compiled.stages) - 1
    return [
        _part(compiled, join, end) for join, end in zip([-1, *joins], [*joins, last], strict=True)
    ]


def _joins(estimates: Sequence[int], count: int) -> list[int]:
    """Stages at whose end parts join, such that the longest part is shortest."""
    upto = [0, *accumulate(estimates)]

    @cache
    def best(join: int, parts: int) -> tuple[int, tuple[int, ...]]:
        """Longest part behind a join, and the joins behind it, for some parts."""
        start = upto[_first(estimates, join)]
        found: tuple[int, tuple[int, ...]] = (upto[-1] - start, ())
        for behind in range(max(join, 0) + 1, len(estimates) - 1) if parts > 1 else ():
            rest, joins = best(behind, parts - 1)
            found = min(found, (max(upto[behind + 1] - start, rest), (behind, *joins)))
        return found

    return list(best(-1, count)[1])


def _first(estimates: Sequence[int], join: int) -> int:
    """Return the stage at which a part begins that counts from a join on."""
    warm = min(_WARM, sum(estimates) // 20)
    first = join - 1
    while first > 0 and sum(estimates[first:join]) < warm:
        first -= 1
    return max(first, 0)


def _part(compiled: CompiledNetwork, join: int, last: int) -> Part:
    (segment,) = compiled.segments
    whole = compiled.program[segment.start : segment.end - 1]
    end = len(whole)
    if last < len(compiled.stages) - 1:
        records = [i for i, each in enumerate(whole) if each.opcode == Opcode.RECORD]
        end = min(records[last] + 1 + _AHEAD, end)
    first = _first([stage.estimate for stage in compiled.stages], join)
    kept = [index for index in range(end) if segment.owners[index] >= first]
    program = _paired(whole, kept)
    start = end - len(program)
    if first:
        # The first of these may be repeated: nothing has been computed yet
        again = next(each for each in program if each.opcode in (*_SETUPS, Opcode.LOAD))
        program = [replace(again, wait=0, signal=0)] * (start % _ALIGNMENT) + program
        start -= start % _ALIGNMENT
    reached = max(segment.owners[index] for index in kept)
    program.append(Instruction(Opcode.END, {}))
    return Part(first, last, reached, join, program, start)


def _paired(whole: Sequence[Instruction], kept: Sequence[int]) -> list[Instruction]:
    """Return instructions without the tokens whose other side is not among them."""
    there = set(kept)
    given: dict[tuple[int, int], list[int]] = defaultdict(list)
    waits = [instruction.wait for instruction in whole]
    signals = [instruction.signal for instruction in whole]
    taken: dict[tuple[int, int], int] = defaultdict(int)
    for index, instruction in enumerate(whole):
        unit = SPECIFICATIONS[instruction.opcode].unit
        assert unit is not None
        if instruction.opcode in _SETUPS:
            continue
        for other in Unit:
            if instruction.wait >> other & 1:
                giver = given[other, unit][taken[other, unit]]
                taken[other, unit] += 1
                if giver not in there:
                    waits[index] &= ~(1 << other)
                if index not in there:
                    signals[giver] &= ~(1 << unit)
        for other in Unit:
            if instruction.signal >> other & 1:
                given[unit, other].append(index)
    return [replace(whole[i], wait=waits[i], signal=signals[i]) for i in kept]
