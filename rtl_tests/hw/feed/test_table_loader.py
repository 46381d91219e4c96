"""TABLE's unit: what it reads and writes and when, its tokens, and how long a table applies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stream_bench import Bench
from unit_bench import TokenBank, command, instruction

from maccord.hw.feed.table_loader import TableLoader
from maccord.spec.isa import TABLE_BYTES, Instruction, Opcode, Unit
from maccord.spec.parameters import Parameters

LATENCY = 6
PARAMETERS = Parameters(rows=4, cols=4, lookup=True)
LOAD, STORE = 1 << Unit.LOAD, 1 << Unit.STORE
SETUP = instruction(Opcode.SETUP, run=1, taps=1, lines=1)
SETUP_ADD = instruction(Opcode.SETUP_ADD, shift=14)
COMPUTE = instruction(Opcode.COMPUTE, passes=1, columns=4, width=1, height=1)


class Setup:
    """A loader in a compute unit in which nothing else is active, unless `quiet` says so."""

    def __init__(
        self, program: list[Instruction], rate: str = "always", chance: float = 1.0
    ) -> None:
        self.block = block = TableLoader(PARAMETERS, read_latency=LATENCY)
        self.bench = bench = Bench(block, seed=3)
        bench.drive(block.quiet, 1)
        self.tokens = TokenBank(bench, block, chance)
        self.source = bench.source(block.i, [command(each) for each in program])
        self.sink = bench.sink("o", block.o, rate)
        names = ("read_enable", "read_address", "write_enable", "write_address")
        names += ("active", "busy", "missing")
        self.seen: dict[str, Any] = {name: bench.watch(getattr(block, name)) for name in names}

    def run(self, count: int) -> None:
        """Until so many commands are done."""
        self.bench.run(lambda: len(self.source.cycles) == count)

    def cycles(self, name: str) -> list[int]:
        """In which a flag was set."""
        return [cycle for cycle, value in enumerate(self.seen[name].values) if value]

    def addresses(self, name: str) -> list[int]:
        """Of the reads or writes."""
        values = self.seen[f"{name}_address"].values
        return [values[cycle] for cycle in self.cycles(f"{name}_enable")]


def table(address: int = 0, wait: int = 0, signal: int = 0) -> Instruction:
    return instruction(Opcode.TABLE, wait, signal, activation=address)


@pytest.mark.parametrize("rate", ["always", "random"])
def test_reads_and_writes_every_entry_once(rate: str) -> None:
    setup = Setup([SETUP, table(777, LOAD, LOAD | STORE), COMPUTE], rate)
    setup.run(3)
    assert setup.addresses("read") == list(range(777, 777 + TABLE_BYTES))
    assert setup.addresses("write") == list(range(TABLE_BYTES))
    reads, writes = setup.cycles("read_enable"), setup.cycles("write_enable")
    assert reads == list(range(reads[0], reads[0] + TABLE_BYTES))
    assert writes == [cycle + LATENCY for cycle in reads]
    # Its tokens with the last read; the next command behind the last write
    assert setup.tokens.given == [(reads[-1], LOAD | STORE)]
    assert setup.tokens.taken == [(reads[0] - 1, LOAD)]
    assert setup.source.cycles[1] == writes[-1] + 1
    assert [found["setup"] for found in setup.sink.items] == [1, 0]


@pytest.mark.parametrize("ends", [SETUP, SETUP_ADD], ids=["SETUP", "SETUP_ADD"])
def test_a_table_applies_until_the_next_setup(ends: Instruction) -> None:
    setup = Setup([table(), COMPUTE, COMPUTE, ends, COMPUTE, table(), COMPUTE])
    setup.run(7)
    taken, active = setup.source.cycles, setup.seen["active"].values
    begins, over, again = taken[0], taken[3], taken[5]
    assert not any(active[: begins + 1])
    assert all(active[begins + 1 : over + 1])
    assert not any(active[over + 1 : again + 1])
    assert all(active[again + 1 :])


def test_waits_for_its_tokens_and_for_quiet() -> None:
    setup = Setup([table(wait=LOAD)], chance=0)
    block, bench = setup.block, setup.bench
    bench.drive(block.quiet, 0)
    changes = {
        20: lambda: bench.drive(block.quiet, 1),
        40: lambda: setup.tokens.counts.__setitem__(0, 1),
    }

    def change() -> None:
        if bench.cycle in changes:
            changes[bench.cycle]()

    bench.each_cycle(change)
    setup.run(1)
    missing = setup.seen["missing"].values
    assert not any(missing[:20])
    assert set(missing[24:40]) == {LOAD}
    assert setup.cycles("read_enable")[0] in range(41, 46)


def test_does_not_start_when_halted() -> None:
    setup = Setup([table()])
    setup.bench.drive(setup.block.halt, 1)
    setup.bench.run(lambda: setup.bench.cycle == 50)
    assert not setup.cycles("busy")


def test_two_tables_follow_each_other() -> None:
    setup = Setup([table(16), table(512)])
    setup.run(2)
    due = [*range(16, 16 + TABLE_BYTES), *range(512, 512 + TABLE_BYTES)]
    assert setup.addresses("read") == due
    assert np.diff(setup.source.cycles).tolist() == [TABLE_BYTES + LATENCY + 3]
