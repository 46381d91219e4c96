"""STORE: unaligned rows from a scratchpad to memory, acknowledgements, tokens, and halting."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
import pytest
from stream_bench import Bench, Sink, Source, Watched
from unit_bench import TokenBank, WriteMemory, command, instruction

from maccord.golden.beats import beats
from maccord.golden.bursts import bursts
from maccord.golden.isa import Instruction, Opcode
from maccord.golden.parameters import Parameters
from maccord.golden.registers import UnitState
from maccord.golden.scratchpad import scratchpad_read
from maccord.golden.storer import storer
from maccord.hw.scratchpad import Scratchpad
from maccord.hw.storer import Storer

SIZE = 1 << 12
SCRATCHPAD = np.random.default_rng(0).integers(256, size=SIZE).astype(np.uint8)
MEMORY = 1 << 14
WIDTHS = (8, 16, 32, 64)


def random_store(rng: np.random.Generator, start: int, size: int) -> Instruction:
    """A STORE at any alignment into `size` bytes of memory from `start` on, rows apart."""
    row_bytes = int(rng.choice([1, rng.integers(1, 40), rng.integers(1, 300)]))
    rows = int(rng.integers(1, 5))
    while row_bytes * rows > size:
        rows -= 1
    spare = (size - row_bytes * rows) // rows
    pitch = row_bytes + int(rng.choice([0, rng.integers(spare + 1)]))
    room = size - (rows - 1) * pitch - row_bytes
    inner = int(rng.integers((SIZE - row_bytes) // rows))
    return Instruction(
        Opcode.STORE,
        {
            "rows": rows,
            "row_bytes": row_bytes,
            "memory": start + int(rng.integers(room + 1)),
            "memory_pitch": pitch,
            "buffer": int(rng.integers(SIZE - row_bytes - (rows - 1) * inner + 1)),
            "buffer_pitch": inner,
        },
        wait=int(rng.integers(16)),
        signal=int(rng.integers(16)),
    )


def random_program(seed: int, count: int = 12) -> list[Instruction]:
    """Stores of which no two write the same byte."""
    rng = np.random.default_rng(seed)
    share = MEMORY // count
    return [random_store(rng, index * share, share) for index in range(count)]


@dataclass
class Setup:
    """A storer between a scratchpad and a memory."""

    program: list[Instruction]
    axi_bytes: int
    rate: str = "always"
    chance: float = 1.0
    latency: int = 5
    snapshots: list[np.ndarray] = field(default_factory=list)  # with each give
    answered: list[int] = field(default_factory=list)  # acknowledgements at each give

    def __post_init__(self) -> None:
        parameters = Parameters(axi_bytes=self.axi_bytes, output_bytes=SIZE)
        self.block = block = Storer(parameters)
        self.bench = bench = Bench(block, seed=self.axi_bytes)
        commands = [command(i) for i in self.program]
        slow = self.rate if self.rate != "patient" else "random"
        self.source: Source = bench.source(block.i, commands, slow)
        self.requests: Sink = bench.sink("write_request", block.write_request, self.rate)
        self.beats: Sink = bench.sink("write_data", block.write_data, self.rate)
        names = ("read_enable", "read_address", "range_error", "state")
        self.seen: dict[str, Watched] = {n: bench.watch(getattr(block, n)) for n in names}
        self.tokens = TokenBank(bench, block, self.chance, seed=self.axi_bytes)
        self.memory = WriteMemory(
            bench,
            block.acknowledged,
            self.requests,
            self.beats,
            np.zeros(MEMORY, np.uint8),
            self.axi_bytes,
            self.latency,
        )
        self._rng = np.random.default_rng(1)
        self._read: deque[int] = deque([0] * (Scratchpad.LATENCY - 1))
        bench.each_cycle(self._cycle)

    def _cycle(self) -> None:
        # Nothing sensible comes where nothing was asked for.
        data = self._rng.integers(256, size=self.axi_bytes).astype(np.uint8)
        if self.seen["read_enable"].value:
            address = self.seen["read_address"].value
            lanes = self.axi_bytes
            data = scratchpad_read(SCRATCHPAD, address, address, lanes, lanes)
        self._read.append(int.from_bytes(data.tobytes(), "little"))
        self.bench.drive(self.block.read_data, self._read.popleft())
        if self.tokens.given and self.tokens.given[-1][0] == self.bench.cycle:
            self.snapshots.append(self.memory.memory.copy())
            self.answered.append(sum(c <= self.bench.cycle for c in self.memory.acknowledgements))

    def golden(self) -> list[np.ndarray]:
        """Memory after each instruction, and before all of them."""
        empty = np.zeros(MEMORY, np.uint8)
        return list(
            accumulate(
                self.program, lambda memory, step: storer(step, SCRATCHPAD, memory), initial=empty
            )
        )

    def bursts(self) -> list[int]:
        """How many bursts are due up to each instruction."""
        names = ("memory", "memory_pitch", "rows", "row_bytes")
        longest = Parameters(axi_bytes=self.axi_bytes).burst_beats
        options = {"axi_bytes": self.axi_bytes, "beats": longest}
        counts = [len(list(bursts(*(i[n] for n in names), **options))) for i in self.program]
        return np.cumsum(counts).tolist()


@pytest.mark.parametrize("rate", ["always", "random", "bursts", "patient"])
@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_random_stores(axi_bytes: int, rate: str) -> None:
    """Memory ends as the golden one does; tokens come when it has acknowledged everything."""
    program = random_program(seed=axi_bytes)
    setup = Setup(program, axi_bytes, rate, chance=0.05)
    setup.bench.run(lambda: not setup.source.items and setup.bench.cycle > 60)
    golden, due = setup.golden(), setup.bursts()
    np.testing.assert_array_equal(setup.memory.memory, golden[-1])
    given = [k for k, i in enumerate(program) if i.signal]
    assert [mask for _, mask in setup.tokens.given] == [program[k].signal for k in given]
    for snapshot, k in zip(setup.snapshots, given, strict=True):
        np.testing.assert_array_equal(snapshot, golden[k + 1])
    assert setup.answered == [due[k] for k in given]
    assert [mask for _, mask in setup.tokens.taken] == [i.wait for i in program if i.wait]
    assert not any(setup.seen["range_error"].values)


@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_each_byte_is_written_once(axi_bytes: int) -> None:
    program = random_program(seed=axi_bytes + 1)
    setup = Setup(program, axi_bytes, "random")
    setup.bench.run(lambda: not setup.source.items and setup.bench.cycle > 60)
    due = np.zeros(MEMORY, int)
    for i in program:
        for row in range(i["rows"]):
            start = i["memory"] + row * i["memory_pitch"]
            due[start : start + i["row_bytes"]] += 1
    assert due.max() == 1
    np.testing.assert_array_equal(setup.memory.written, due)


@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_one_beat_a_cycle(axi_bytes: int) -> None:
    """Rows follow each other without a gap; a command ends with its last acknowledgement."""
    row_bytes = 5 * axi_bytes + 1
    fields = {"memory": 3, "memory_pitch": row_bytes + 2, "buffer": 1, "buffer_pitch": row_bytes}
    program = [instruction(Opcode.STORE, signal=4, rows=9, row_bytes=row_bytes, **fields)] * 3
    setup = Setup(program, axi_bytes)
    setup.bench.run(lambda: not setup.source.items)
    walk = list(
        beats(**fields, rows=9, row_bytes=row_bytes, axi_bytes=axi_bytes, beats=64, size=SIZE)
    )
    gaps = np.diff(setup.beats.cycles)
    assert (gaps != 1).nonzero()[0].tolist() == [len(walk) - 1, 2 * len(walk) - 1]
    ends = setup.source.cycles
    answered = [setup.memory.acknowledgements[count - 1] for count in setup.bursts()]
    assert [end - last for end, last in zip(ends, answered, strict=True)] == [1, 1, 1]
    assert [cycle for cycle, _ in setup.tokens.given] == ends


@pytest.mark.parametrize("seed", range(6))
def test_halt_lets_the_started_command_end(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = [
        Instruction(i.opcode, i.fields, i.wait | 1, i.signal | 2) for i in random_program(seed)
    ]
    setup = Setup(program, 16, "random", chance=0.1)
    enough = int(rng.integers(1, 9))
    halted: list[int] = []

    def halt() -> None:
        if len(setup.tokens.taken) >= enough and not halted and rng.random() < 0.05:
            setup.bench.drive(setup.block.halt, 1)
            halted.append(setup.bench.cycle)

    setup.bench.each_cycle(halt)
    setup.bench.run(lambda: bool(halted) and setup.bench.cycle > halted[0] + 600)
    started = len(setup.tokens.taken)
    assert enough <= started < len(program)
    assert setup.tokens.taken[-1][0] <= halted[0]
    assert len(setup.tokens.given) == started
    np.testing.assert_array_equal(setup.memory.memory, setup.golden()[started])


@pytest.mark.parametrize("buffer", [SIZE - 100, SIZE - 99, SIZE, (1 << 24) - 1])
def test_rows_beyond_the_scratchpad(buffer: int) -> None:
    """`range_error` comes with the first read of a row that ends beyond the scratchpad."""
    fields = {"memory": 7, "buffer": buffer, "rows": 1, "row_bytes": 100}
    setup = Setup([instruction(Opcode.STORE, **fields)], 8)
    setup.bench.run(lambda: not setup.source.items)
    cycles = np.flatnonzero(setup.seen["range_error"].values).tolist()
    first = int(np.flatnonzero(setup.seen["read_enable"].values)[0])
    assert cycles == ([] if buffer + 100 <= SIZE else [first])


def test_states() -> None:
    """Waits for its token, runs, then waits for memory to acknowledge, and is idle again."""
    fields = {"memory": 3, "buffer": 9, "rows": 2, "row_bytes": 64, "memory_pitch": 64}
    program = [instruction(Opcode.STORE, wait=4, **fields)]
    setup = Setup(program, 8, chance=0.02, latency=40)
    setup.bench.run(lambda: not setup.source.items and setup.bench.cycle > setup.source.cycles[0])
    states = np.array(setup.seen["state"].values)
    taken, end = setup.tokens.taken[0][0], setup.source.cycles[0]
    assert set(states[: taken + 1]) <= {UnitState.IDLE, UnitState.WAITING}
    assert states[taken] == UnitState.WAITING
    assert (states[taken + 1 : setup.beats.cycles[-1] + 1] == UnitState.RUNNING).all()
    assert (states[setup.beats.cycles[-1] + 1 : end + 1] == UnitState.BUS).all()
    assert (states[end + 1 :] == UnitState.IDLE).all()
