"""From random tasks to programs: every shared access ordered, by tokens of those that give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from maccord.compiler.ordering import link, needs
from maccord.compiler.tasks import Region, Space, Task
from maccord.golden.control.tokens import Tokens
from maccord.golden.machine.access_order import AccessOrder
from maccord.spec.isa import MAX_TOKENS, UNIT_OF, Instruction, Mode, Opcode, Unit

SIZE = 1 << 13  # of each space
GIVERS = {Opcode.LOAD, Opcode.FILL, Opcode.WEIGHT, Opcode.COMPUTE, Opcode.STORE}


def region(rng: np.random.Generator, space: Space) -> Region:
    start, end = sorted(rng.integers(0, SIZE + 1, 2).tolist())
    start, end = min(start, SIZE - 1), max(end, start + 1)
    length, gap = (int(n) for n in rng.integers(1, 40, 2))
    if space not in (Space.MEMORY, Space.ACTIVATION) or end - start <= length or rng.random() < 0.3:
        return Region(space, start, end)
    rows = (end - start - length) // (length + gap)
    return Region(space, start, start + rows * (length + gap) + length, length + gap, length)


def bytes_of(region: Region) -> slice | np.ndarray:
    if not region.pitch:
        return slice(region.start, region.end)
    starts = np.arange(region.start, region.end, region.pitch)
    return (starts[:, None] + np.arange(region.row_bytes)).reshape(-1)


def random_task(rng: np.random.Generator, number: int) -> Task:
    """A task that touches what its unit can."""
    opcode = Opcode(int(rng.choice(list(UNIT_OF))))
    reads: tuple[Region, ...] = ()
    writes: tuple[Region, ...] = ()
    if opcode in (Opcode.LOAD, Opcode.FILL):
        reads = (region(rng, Space.MEMORY),) if opcode == Opcode.LOAD else ()
        writes = (region(rng, Space.ACTIVATION),)
    elif opcode == Opcode.WEIGHT:
        writes = (region(rng, Space.WEIGHT),)
    elif opcode == Opcode.COMPUTE:
        reads = (region(rng, Space.ACTIVATION), region(rng, Space.WEIGHT))
        writes = (region(rng, Space.OUTPUT),) if rng.random() < 0.7 else ()
    elif opcode == Opcode.STORE:
        reads, writes = (region(rng, Space.OUTPUT),), (region(rng, Space.MEMORY),)
    elif opcode == Opcode.RECORD:  # memory of its own
        writes = (Region(Space.MEMORY, SIZE + 128 * number, SIZE + 128 * number + 128),)
    mode = int(rng.choice([Mode.DENSE, Mode.DEPTHWISE, Mode.MAX]))
    return Task(opcode, {"mode": mode, "number": number}, reads, writes)


def random_tasks(seed: int) -> list[Task]:
    """Tasks in any order, some of which wait for others just so."""
    rng = np.random.default_rng(seed)
    tasks = [random_task(rng, number) for number in range(int(rng.integers(20, 120)))]
    for number, task in enumerate(tasks):
        earlier = [t for t in tasks[:number] if t.opcode in GIVERS and t.unit != task.unit]
        if task.opcode in GIVERS and earlier and rng.random() < 0.1:
            task.after = (earlier[int(rng.integers(len(earlier)))],)
    return tasks


def tiles(count: int, buffers: int) -> list[Task]:
    """Tiles that take turns in buffers, each with a setup and a record; weights come once."""
    tasks = [Task(Opcode.WEIGHT, {"number": 0}, (), (Region(Space.WEIGHT, 0, SIZE),))]
    for tile in range(count):
        start = tile % buffers * 64
        activation, output = (
            Region(s, start, start + 64) for s in (Space.ACTIVATION, Space.OUTPUT)
        )
        source, target = (
            Region(Space.MEMORY, at, at + 64) for at in (tile * 64, (count + tile) * 64)
        )
        record = Region(Space.MEMORY, (2 * count + 2 * tile) * 64, (2 * count + 2 * tile + 2) * 64)
        for opcode, read, written in (
            (Opcode.LOAD, (source,), (activation,)),
            (Opcode.SETUP, (), ()),
            (Opcode.COMPUTE, (activation, Region(Space.WEIGHT, 0, SIZE)), (output,)),
            (Opcode.STORE, (output,), (target,)),
            (Opcode.RECORD, (), (record,)),
        ):
            tasks.append(Task(opcode, {"mode": 0, "number": len(tasks)}, read, written))
    return tasks


def verify(tasks: Sequence[Task], program: Sequence[Instruction]) -> int:
    """Follow tokens and accesses in the program's order.

    Returns
    -------
    int
        Most tokens that any pair of units ever held.

    Raises
    ------
    ValueError
        If a token is missing or one too many, or an access is not ordered.
    """
    memory = SIZE + 256 * len(tasks)
    orders = {space: AccessOrder(memory if space == Space.MEMORY else SIZE) for space in Space}
    tokens, most = Tokens(), 0
    held = np.zeros((len(Unit), len(Unit)), int)  # from, to
    for instruction in program[:-1]:
        task, unit = tasks[instruction["number"]], UNIT_OF[instruction.opcode]
        clock = tokens.begin(unit, instruction)
        for regions, write in ((task.reads, False), (task.writes, True)):
            for region in regions:
                orders[region.space].access(unit, clock, bytes_of(region), write)
        tokens.finish(unit, instruction)
        for other in Unit:
            held[other, unit] -= instruction.wait >> other & 1
            held[unit, other] += instruction.signal >> other & 1
        most = max(most, held.max())
    assert not held.any()
    return most


@pytest.mark.parametrize("seed", range(40))
def test_random_tasks_are_ordered(seed: int) -> None:
    tasks = random_tasks(seed)
    program = link(tasks)
    assert verify(tasks, program) <= MAX_TOKENS
    assert program[-1] == Instruction(Opcode.END, {})
    placed = [instruction["number"] for instruction in program[:-1]]
    assert sorted(placed) == list(range(len(tasks)))
    for unit in Unit:  # each in the order given
        own = [number for number in placed if tasks[number].unit == unit]
        assert own == sorted(own)


@pytest.mark.parametrize("seed", range(40))
def test_only_who_can_gives_tokens(seed: int) -> None:
    """Setups and records neither give nor take any."""
    others = [i for i in link(random_tasks(seed))[:-1] if i.opcode not in GIVERS]
    assert others
    assert all(i.signal == i.wait == 0 for i in others)


@pytest.mark.parametrize("seed", range(10))
def test_every_token_counts(seed: int) -> None:
    """Without any one of them, an access is unordered or a token missing.

    Those for `after` only set the pace, and are left out here.
    """
    tasks = random_tasks(seed)
    for task in tasks:
        task.after = ()
    program = link(tasks)
    noticed = ignored = 0
    for index, instruction in enumerate(program):
        for mask in ("wait", "signal"):
            for unit in Unit:
                if not getattr(instruction, mask) >> unit & 1:
                    continue
                fewer = {mask: getattr(instruction, mask) & ~(1 << unit)}
                broken = [*program[:index], replace(instruction, **fewer), *program[index + 1 :]]
                try:
                    verify(tasks, broken)
                except (ValueError, AssertionError):
                    noticed += 1
                else:
                    ignored += 1
    assert noticed > 20
    assert ignored == 0


@pytest.mark.parametrize("buffers", [1, 2, 4, 16, 128])
def test_hundreds_of_tiles_hold_few_tokens(buffers: int) -> None:
    """A token is not taken long after it was given, nor from a setup or record in between."""
    tasks = tiles(400, buffers)
    program = link(tasks)
    assert 1 <= verify(tasks, program) <= 32
    assert all(i.signal == i.wait == 0 for i in program if i.opcode not in GIVERS)


def test_loads_are_placed_ahead_of_computing() -> None:
    """With buffers for several tiles, the next ones' loads stand before a tile's COMPUTE."""
    for buffers, ahead in ((1, 1), (4, 4)):
        loaded = computed = most = 0
        for instruction in link(tiles(40, buffers)):
            loaded += instruction.opcode == Opcode.LOAD
            computed += instruction.opcode == Opcode.COMPUTE
            most = max(most, loaded - computed)
        assert most == ahead


def test_a_task_that_waits_just_so() -> None:
    """`after` orders two tasks that share nothing."""
    load = Task(Opcode.LOAD, {"number": 0}, (), (Region(Space.ACTIVATION, 0, 64),))
    weight = Task(Opcode.WEIGHT, {"number": 1}, (), (Region(Space.WEIGHT, 0, 64),), after=(load,))
    first, second, _ = link([load, weight])
    assert (first.opcode, first.signal) == (Opcode.LOAD, 1 << Unit.WEIGHT)
    assert (second.opcode, second.wait) == (Opcode.WEIGHT, 1 << Unit.LOAD)


def test_rows_apart_do_not_wait_for_each_other() -> None:
    """A load of some channels of each pixel waits for the store of those channels alone."""

    def channels(first: int) -> Region:
        start = first * 32
        return Region(Space.MEMORY, start, start + 9 * 64 + 32, 64, 32)

    stores = [
        Task(Opcode.STORE, {"number": n}, (Region(Space.OUTPUT, 64 * n, 64 * n + 64),), (to,))
        for n, to in enumerate(map(channels, (0, 1)))
    ]
    loads = [
        Task(Opcode.LOAD, {"number": 2}, (channels(n),), (Region(Space.ACTIVATION, 0, 320),))
        for n in (0, 1)
    ]
    assert [wanted[Unit.STORE] for wanted in needs([*stores, *loads])] == [0, 0, 1, 2]
