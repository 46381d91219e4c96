"""From random drafts to programs: every shared access ordered, by tokens of its givers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from maccord.compiler.drafts import Draft, Region, Space
from maccord.compiler.ordering import link, needs
from maccord.golden.control.tokens import Tokens
from maccord.golden.machine.access_order import AccessOrder, UnorderedError
from maccord.spec.isa import MAX_TOKENS, UNIT_OF, Instruction, Mode, Opcode, Unit

AXI_BYTES = 16
SIZE = 1 << 13  # of each space
GIVERS = {Opcode.LOAD, Opcode.FILL, Opcode.WEIGHT, Opcode.COMPUTE, Opcode.STORE}
GIVERS |= {Opcode.GATHER, Opcode.TABLE}
#: They take tokens, and the store behind them gives theirs: not in any order.
ROW = {Opcode.SETUP_ROW, Opcode.ROW_TABLE, Opcode.ROWS}


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


def random_draft(rng: np.random.Generator, number: int) -> Draft:
    """A draft that touches what its unit can."""
    opcode = Opcode(int(rng.choice([opcode for opcode in UNIT_OF if opcode not in ROW])))
    reads: tuple[Region, ...] = ()
    writes: tuple[Region, ...] = ()
    if opcode in (Opcode.LOAD, Opcode.FILL):
        reads = (region(rng, Space.MEMORY),) if opcode == Opcode.LOAD else ()
        writes = (region(rng, Space.ACTIVATION),)
    elif opcode in (Opcode.WEIGHT, Opcode.GATHER):
        reads = (region(rng, Space.MEMORY),) if opcode == Opcode.GATHER else ()
        writes = (region(rng, Space.WEIGHT),)
    elif opcode == Opcode.COMPUTE:
        reads = (region(rng, Space.ACTIVATION), region(rng, Space.WEIGHT))
        writes = (region(rng, Space.OUTPUT),) if rng.random() < 0.7 else ()
    elif opcode == Opcode.STORE:
        reads, writes = (region(rng, Space.OUTPUT),), (region(rng, Space.MEMORY),)
    elif opcode == Opcode.RECORD:  # memory of its own
        writes = (Region(Space.MEMORY, SIZE + 128 * number, SIZE + 128 * number + 128),)
    mode = int(rng.choice([Mode.DENSE, Mode.DEPTHWISE, Mode.MAX]))
    last = int(opcode == Opcode.COMPUTE and bool(writes))
    return Draft(opcode, {"mode": mode, "number": number, "last": last}, reads, writes)


def random_drafts(seed: int) -> list[Draft]:
    """Drafts in any order, some of which wait for others just so."""
    rng = np.random.default_rng(seed)
    drafts = [random_draft(rng, number) for number in range(int(rng.integers(20, 120)))]
    for number, draft in enumerate(drafts):
        earlier = [t for t in drafts[:number] if t.opcode in GIVERS and t.unit != draft.unit]
        if draft.opcode == Opcode.STORE:  # which a COMPUTE without outputs cannot tell anything
            earlier = [t for t in earlier if t.opcode != Opcode.COMPUTE or t.writes]
        if draft.opcode in GIVERS and earlier and rng.random() < 0.1:
            draft.after = (earlier[int(rng.integers(len(earlier)))],)
    return drafts


def tiles(count: int, buffers: int) -> list[Draft]:
    """Tiles that take turns in buffers, each with a setup and a record; weights come once."""
    drafts = [Draft(Opcode.WEIGHT, {"number": 0}, (), (Region(Space.WEIGHT, 0, SIZE),))]
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
            drafts.append(Draft(opcode, {"mode": 0, "number": len(drafts)}, read, written))
    return drafts


def verify(drafts: Sequence[Draft], program: Sequence[Instruction]) -> int:
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
    memory = SIZE + 256 * len(drafts)
    orders = {space: AccessOrder(memory if space == Space.MEMORY else SIZE) for space in Space}
    tokens, most = Tokens(), 0
    held = np.zeros((len(Unit), len(Unit)), int)  # from, to
    for instruction in program[:-1]:
        draft, unit = drafts[instruction["number"]], UNIT_OF[instruction.opcode]
        clock = tokens.begin(unit, instruction)
        for regions, write in ((draft.reads, False), (draft.writes, True)):
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
def test_random_drafts_are_ordered(seed: int) -> None:
    drafts = random_drafts(seed)
    program = link(drafts, AXI_BYTES)
    assert verify(drafts, program) <= MAX_TOKENS
    assert program[-1] == Instruction(Opcode.END, {})
    placed = [instruction["number"] for instruction in program[:-1]]
    assert sorted(placed) == list(range(len(drafts)))
    for unit in Unit:  # each in the order given
        own = [number for number in placed if drafts[number].unit == unit]
        assert own == sorted(own)


@pytest.mark.parametrize("seed", range(40))
def test_only_who_can_gives_tokens(seed: int) -> None:
    """Setups and records neither give nor take any; COMPUTE gives STORE its outputs' alone."""
    program = link(random_drafts(seed), AXI_BYTES)[:-1]
    others = [i for i in program if i.opcode not in GIVERS]
    assert others
    assert all(i.signal == i.wait == 0 for i in others)
    partial = [i for i in program if i.opcode == Opcode.COMPUTE and not i["last"]]
    assert not any(i.signal >> Unit.STORE & 1 for i in partial)


def test_the_store_behind_rows_gives_their_tokens() -> None:
    """COMPUTE overwrites what ROWS has left only when the store has read it."""
    output, other = (Region(Space.OUTPUT, start, start + 64) for start in (0, 64))
    memory = Region(Space.MEMORY, 0, 64)
    fields = {"mode": int(Mode.DENSE), "last": 1}
    drafts = [
        Draft(Opcode.COMPUTE, fields | {"number": 0}, (), (output,)),
        Draft(Opcode.ROW_TABLE, {"number": 1}, (other,), ()),
        Draft(Opcode.ROWS, {"number": 2}, (output,), (output,)),
        Draft(Opcode.STORE, {"number": 3}, (output, other), (memory,)),
        Draft(Opcode.COMPUTE, fields | {"number": 4}, (), (other,)),
    ]
    program = link(drafts, AXI_BYTES)[:-1]
    rows = {step["number"]: step for step in program}
    assert rows[2].wait == 1 << Unit.COMPUTE
    assert rows[1].signal == rows[2].signal == 0
    assert rows[3].signal == 1 << Unit.COMPUTE
    assert rows[4].wait == 1 << Unit.STORE
    with pytest.raises(ValueError, match="ROW_TABLE gives no token"):
        link([*drafts[:3], drafts[4]], AXI_BYTES)


def test_weights_are_waited_for_by_name() -> None:
    """COMPUTE reads them before it has LOAD's token, which so tells nothing of them."""
    activation, weights, output = (
        Region(space, 0, 64) for space in (Space.ACTIVATION, Space.WEIGHT, Space.OUTPUT)
    )
    weight = Draft(Opcode.WEIGHT, {"number": 0}, (), (weights,))
    load = Draft(Opcode.LOAD, {"number": 1}, (Region(Space.MEMORY, 0, 64),), (activation,))
    load.after = (weight,)
    fields = {"mode": int(Mode.DENSE), "number": 2, "last": 1}
    drafts = [weight, load, Draft(Opcode.COMPUTE, fields, (activation, weights), (output,))]
    program = link(drafts, AXI_BYTES)
    assert program[2].wait == 1 << Unit.LOAD | 1 << Unit.WEIGHT
    verify(drafts, program)
    without = replace(program[2], wait=1 << Unit.LOAD)
    with pytest.raises(UnorderedError, match="WEIGHT may still be using"):
        verify(drafts, [*program[:2], without, *program[3:]])


def test_a_store_that_is_far_behind_waits_for_outputs() -> None:
    """Of the COMPUTEs since, none has outputs, so none of them gives STORE a token."""

    def computing(number: int, outputs: int) -> Draft:
        writes = (Region(Space.OUTPUT, outputs, outputs + 64),) if outputs >= 0 else ()
        fields = {"mode": Mode.DENSE, "number": number, "last": int(outputs >= 0)}
        return Draft(Opcode.COMPUTE, fields, (Region(Space.ACTIVATION, 0, 64),), writes)

    def storing(number: int, outputs: int) -> Draft:
        reads = (Region(Space.OUTPUT, outputs, outputs + 64),)
        writes = (Region(Space.MEMORY, 64 * number, 64 * number + 64),)
        return Draft(Opcode.STORE, {"number": number}, reads, writes)

    drafts = [computing(0, 0), *(storing(number, 0) for number in range(1, 200))]
    drafts += [computing(200, 64), storing(201, 64)]
    drafts += [computing(number, -1) for number in range(202, 300)]
    program = link(drafts, AXI_BYTES)[:-1]
    giving = [i for i in program if i.opcode == Opcode.COMPUTE and i.signal >> Unit.STORE & 1]
    assert [i["last"] for i in giving] == [1, 1]
    verify(drafts, program)


@pytest.mark.parametrize("seed", range(10))
def test_every_token_counts(seed: int) -> None:
    """Without any one of them, an access is unordered or a token missing.

    Those for `after` only set the pace, and are left out here.
    """
    drafts = random_drafts(seed)
    for draft in drafts:
        draft.after = ()
    program = link(drafts, AXI_BYTES)
    noticed = ignored = 0
    for index, instruction in enumerate(program):
        for mask in ("wait", "signal"):
            for unit in Unit:
                if not getattr(instruction, mask) >> unit & 1:
                    continue
                fewer = {mask: getattr(instruction, mask) & ~(1 << unit)}
                broken = [*program[:index], replace(instruction, **fewer), *program[index + 1 :]]
                try:
                    verify(drafts, broken)
                except (ValueError, AssertionError):
                    noticed += 1
                else:
                    ignored += 1
    assert noticed > 20
    assert ignored == 0


@pytest.mark.parametrize("buffers", [1, 2, 4, 16, 128])
def test_hundreds_of_tiles_hold_few_tokens(buffers: int) -> None:
    """A token is not taken long after it was given, nor from a setup or record in between."""
    drafts = tiles(400, buffers)
    program = link(drafts, AXI_BYTES)
    assert 1 <= verify(drafts, program) <= 32
    assert all(i.signal == i.wait == 0 for i in program if i.opcode not in GIVERS)


def test_loads_are_placed_ahead_of_computing() -> None:
    """With buffers for several tiles, the next ones' loads stand before a tile's COMPUTE."""
    for buffers, ahead in ((1, 1), (4, 4)):
        loaded = computed = most = 0
        for instruction in link(tiles(40, buffers), AXI_BYTES):
            loaded += instruction.opcode == Opcode.LOAD
            computed += instruction.opcode == Opcode.COMPUTE
            most = max(most, loaded - computed)
        assert most == ahead


def test_a_task_that_waits_just_so() -> None:
    """`after` orders two drafts that share nothing."""
    load = Draft(Opcode.LOAD, {"number": 0}, (), (Region(Space.ACTIVATION, 0, 64),))
    weight = Draft(Opcode.WEIGHT, {"number": 1}, (), (Region(Space.WEIGHT, 0, 64),), after=(load,))
    first, second, _ = link([load, weight], AXI_BYTES)
    assert (first.opcode, first.signal) == (Opcode.LOAD, 1 << Unit.WEIGHT)
    assert (second.opcode, second.wait) == (Opcode.WEIGHT, 1 << Unit.LOAD)


def test_rows_apart_do_not_wait_for_each_other() -> None:
    """A load of some channels of each pixel waits for the store of those channels alone."""

    def channels(first: int) -> Region:
        start = first * 32
        return Region(Space.MEMORY, start, start + 9 * 64 + 32, 64, 32)

    stores = [
        Draft(Opcode.STORE, {"number": n}, (Region(Space.OUTPUT, 64 * n, 64 * n + 64),), (to,))
        for n, to in enumerate(map(channels, (0, 1)))
    ]
    loads = [
        Draft(Opcode.LOAD, {"number": 2}, (channels(n),), (Region(Space.ACTIVATION, 0, 320),))
        for n in (0, 1)
    ]
    assert [wanted[Unit.STORE] for wanted in needs([*stores, *loads], AXI_BYTES)] == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ("axi_bytes", "ordered"), [(8, False), (16, False), (32, True), (64, True)]
)
def test_a_beat_is_read_whole(axi_bytes: int, ordered: bool) -> None:
    """So a load waits for a store to its other bytes; on a narrow bus they lie in two beats."""
    store = Draft(
        *(Opcode.STORE, {"number": 0}, (Region(Space.OUTPUT, 0, 16),)),
        (Region(Space.MEMORY, 64, 80),),
    )
    load = Draft(
        *(Opcode.LOAD, {"number": 1}, (Region(Space.MEMORY, 80, 96),)),
        (Region(Space.ACTIVATION, 0, 16),),
    )
    _, wanted = needs([store, load], axi_bytes)
    assert wanted[Unit.STORE] == ordered
