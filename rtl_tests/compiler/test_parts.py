"""Parts of a network's program: which instructions, which tokens, where."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
from network_tasks import network_task

from maccord.compiler.network import CompiledNetwork
from maccord.compiler.parts import Part, _first, _joins, cut
from maccord.spec.isa import TABLE, Instruction, Opcode, Unit

pytestmark = pytest.mark.slow  # quantizes a network first

SETUPS = (Opcode.SETUP, Opcode.SETUP_ADD, Opcode.SETUP_MUL)


@cache
def compiled() -> CompiledNetwork:
    return network_task().compiled


def whole() -> list[Instruction]:
    (segment,) = compiled().segments
    return compiled().program[segment.start : segment.end]


def without_tokens(program: list[Instruction]) -> list[Instruction]:
    return [replace(each, wait=0, signal=0) for each in program]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_every_token_that_is_awaited_was_given_before(count: int) -> None:
    for part in cut(compiled(), count):
        open_: Counter[tuple[int, int]] = Counter()
        for instruction in part.program[:-1]:
            unit = TABLE[instruction.opcode].unit
            assert unit is not None
            for other in Unit:
                if instruction.opcode not in SETUPS and instruction.wait >> other & 1:
                    open_[other, unit] -= 1
                    assert open_[other, unit] >= 0
                if instruction.opcode not in SETUPS and instruction.signal >> other & 1:
                    open_[unit, other] += 1
        assert not +open_, "given, but never taken"


def test_one_part_is_the_whole_program() -> None:
    (part,) = cut(compiled(), 1)
    assert (part.program, part.start, part.first, part.join) == (whole(), 0, 0, -1)
    assert part.last == part.reached == len(compiled().stages) - 1


def test_parts_cover_all_stages_and_overlap() -> None:
    parts = cut(compiled(), 3)
    assert [part.join for part in parts][1:] == [part.last for part in parts][:-1]
    assert all(part.first < part.join for part in parts[1:])
    assert (parts[0].first, parts[-1].last) == (0, len(compiled().stages) - 1)


def test_a_first_part_begins_as_the_whole_program_does() -> None:
    first = cut(compiled(), 2)[0]
    count = len(first.program) - 1
    assert without_tokens(first.program[:-1]) == without_tokens(whole()[:count])
    records = sum(each.opcode == Opcode.RECORD for each in first.program)
    assert records >= first.last + 1 and count < len(whole())


def test_a_later_part_ends_at_the_addresses_of_the_whole_program() -> None:
    """From there on, its instructions are fetched in the same bursts."""
    parts = cut(compiled(), 2)
    last: Part = parts[-1]
    assert last.start % 8 == 0 and last.start + len(last.program) == len(whole())
    records = [i for i, each in enumerate(whole()) if each.opcode == Opcode.RECORD]
    place = records[last.join]
    assert last.program[place - last.start] == whole()[place]


def test_the_longest_part_is_as_short_as_it_can_be() -> None:
    """With the stage before each join twice, and the stage that ends there."""
    assert _joins([10] * 10, 2) == [5]  # stages 0 to 5, and 4 to 9
    assert _joins([10, 10, 10, 500, 10, 10, 10, 10], 2) == [4]
    assert _joins([10] * 31, 3) == [10, 20]


def test_a_part_begins_early_enough_to_be_warm() -> None:
    assert _first([400_000, 60_000, 400_000], 2) == 1
    assert _first([400_000, 7_000, 400_000], 2) == 0
    assert _first([100, 100, 16, 100], 3) == 2


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_too_few_stages_stay_whole(stages: int) -> None:
    assert _joins([5] * stages, 2) == []


def test_operations_that_run_together_are_refused() -> None:
    first, *others = compiled().areas
    grouped = replace(compiled(), areas=(replace(first, together=2), *others))
    with pytest.raises(ValueError, match=r"one after another, got some together$"):
        cut(grouped, 2)


def test_several_programs_are_refused() -> None:
    two = replace(compiled(), segments=compiled().segments * 2)
    with pytest.raises(ValueError, match=r"^parts must be of a network in one program .* got 2"):
        cut(two, 2)
