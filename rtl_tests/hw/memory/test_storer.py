"""STORE and RECORD: unaligned rows to memory, acknowledgements, tokens, and halting."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pytest
from stream_bench import Bench, Sink, Source, Watched
from unit_bench import TokenBank, WriteMemory, command, instruction

from maccord.golden.control.recorder import recorder
from maccord.golden.memory.beats import beats
from maccord.golden.memory.bursts import bursts
from maccord.golden.memory.scratchpad import scratchpad_read
from maccord.golden.memory.storer import storer
from maccord.hw.memory.scratchpad import Scratchpad
from maccord.hw.memory.storer import Storer
from maccord.spec.isa import RECORD_BYTES, Instruction, Opcode
from maccord.spec.parameters import Parameters
from maccord.spec.registers import RECORDED, UnitState

SIZE = 1 << 12
SCRATCHPAD = np.random.default_rng(0).integers(256, size=SIZE).astype(np.uint8)
MEMORY = 1 << 14
WIDTHS = (8, 16, 32, 64)
ALONE = 12  # cycles after another command's end, in which an answer may come later
GAP = 8  # cycles from the last beat of a command to the first of the next


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


def random_record(rng: np.random.Generator, start: int, size: int) -> Instruction:
    """A RECORD, aligned to every bus, into `size` bytes of memory from `start` on."""
    return instruction(
        Opcode.RECORD,
        wait=int(rng.integers(1, 16)),
        signal=int(rng.integers(16)),
        memory=64 * int(rng.integers(-(-start // 64), (start + size - RECORD_BYTES) // 64 + 1)),
        rows=1,
        row_bytes=RECORD_BYTES,
        value=int(rng.integers(2)),
    )


def random_program(seed: int, count: int = 12, records: float = 0.0) -> list[Instruction]:
    """Stores of which no two write the same byte; a share of records among them."""
    rng = np.random.default_rng(seed)
    share = MEMORY // count
    kinds = [random_record if rng.random() < records else random_store for _ in range(count)]
    return [kind(rng, index * share, share) for index, kind in enumerate(kinds)]


@dataclass
class Setup:
    """A storer between a scratchpad and a memory."""

    program: list[Instruction]
    axi_bytes: int
    rate: str = "always"
    chance: float = 1.0
    latency: int = 5
    stalled: int = 0  # cycles before memory takes the first beat
    snapshots: list[np.ndarray] = field(default_factory=list)  # with each give

    def __post_init__(self) -> None:
        parameters = Parameters(axi_bytes=self.axi_bytes, output_bytes=SIZE)
        self.block = block = Storer(parameters)
        self.bench = bench = Bench(block, seed=self.axi_bytes)
        commands = [command(i, record=i.opcode == Opcode.RECORD) for i in self.program]
        slow = self.rate if self.rate != "patient" else "random"
        self.source: Source = bench.source(block.i, commands, slow)
        self.requests: Sink = bench.sink("write_request", block.write_request, self.rate)
        self.beats: Sink = bench.sink("write_data", block.write_data, self.rate, self.stalled)
        names = ("read_enable", "read_address", "range_error", "state", "recorded")
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

    def counters(self, cycle: int) -> list[int]:
        """What the counters hold in a cycle, all different."""
        return [((cycle << 36) + index) ^ cycle for index in range(len(RECORDED))]

    def copied(self, start: int) -> list[int]:
        """What a RECORD copies that takes its tokens in a cycle: the high halves come later."""
        low, high = (self.counters(start + Storer.COPY + later) for later in range(2))
        return [h >> 32 << 32 | w & (1 << 32) - 1 for w, h in zip(low, high, strict=True)]

    def _cycle(self) -> None:
        words = self.counters(self.bench.cycle + 1)
        bits = sum(word << 64 * index for index, word in enumerate(words))
        self.bench.drive(self.block.counters, bits)
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

    def run(self) -> None:
        """Simulate until memory has acknowledged everything, and a little longer."""
        last = self.bursts()[-1]
        acknowledged = self.memory.acknowledgements
        self.bench.run(
            lambda: (
                len(acknowledged) == last and self.bench.cycle > max(60, acknowledged[-1] + ALONE)
            )
        )

    def golden(self) -> list[np.ndarray]:
        """Memory after each instruction, and before all of them."""
        starts = iter(cycle for cycle, _ in self.tokens.taken)
        memory = [np.zeros(MEMORY, np.uint8)]
        for step in self.program:
            start = next(starts, 0) if step.wait else 0
            source = SCRATCHPAD
            if step.opcode == Opcode.RECORD:
                source = recorder(dict(zip(RECORDED, self.copied(start), strict=True)))
            memory.append(storer(step, source, memory[-1]))
        return memory

    def bursts(self) -> list[int]:
        """How many bursts there are up to each instruction."""
        names = ("memory", "memory_pitch", "rows", "row_bytes")
        longest = Parameters(axi_bytes=self.axi_bytes).burst_beats
        options = {"axi_bytes": self.axi_bytes, "beats": longest}
        counts = [len(list(bursts(*(i[n] for n in names), **options))) for i in self.program]
        return np.cumsum(counts).tolist()


@pytest.mark.parametrize("records", [0, 0.4])
@pytest.mark.parametrize("rate", ["always", "random", "bursts", "patient"])
@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_random_stores(axi_bytes: int, rate: str, records: float) -> None:
    """Memory ends as the golden one does; tokens come when it has acknowledged their rows."""
    program = random_program(axi_bytes, records=records)
    setup = Setup(program, axi_bytes, rate, chance=0.05)
    setup.run()
    golden, due = setup.golden(), setup.bursts()
    np.testing.assert_array_equal(setup.memory.memory, golden[-1])
    given = [k for k, i in enumerate(program) if i.signal]
    assert [mask for _, mask in setup.tokens.given] == [program[k].signal for k in given]
    ends = [setup.memory.acknowledgements[count - 1] + Storer.ANSWER for count in due]
    waits = np.array([cycle for cycle, _ in setup.tokens.given]) - np.array(ends)[given]
    alone = np.diff(ends, prepend=-ALONE)[given] >= ALONE
    assert min(waits) >= 0
    assert not waits[alone].any()
    assert alone.any()
    for snapshot, k in zip(setup.snapshots, given, strict=True):
        stored = golden[k + 1] != 0  # what comes after goes elsewhere
        np.testing.assert_array_equal(snapshot[stored], golden[k + 1][stored])
    assert [mask for _, mask in setup.tokens.taken] == [i.wait for i in program if i.wait]
    assert not any(setup.seen["range_error"].values)


@pytest.mark.parametrize("seed", range(4))
def test_records_wait_for_the_stores_before(seed: int) -> None:
    """They start when everything has been acknowledged, and raise the interrupt when they are."""
    program = [
        Instruction(i.opcode, i.fields, i.wait | 1, i.signal)
        for i in random_program(seed, records=0.4)
    ]
    setup = Setup(program, 16, "random", latency=20)
    setup.run()
    ends = [setup.memory.acknowledgements[count - 1] + Storer.ANSWER for count in setup.bursts()]
    starts = [cycle for cycle, _ in setup.tokens.taken]
    records = [k for k, i in enumerate(program) if i.opcode == Opcode.RECORD]
    assert [k for k in records if k and starts[k] <= ends[k - 1]] == []
    loud = [ends[k] for k in records if program[k]["value"]]
    assert np.flatnonzero(setup.seen["recorded"].values).tolist() == loud
    assert 0 < len(loud) < len(records) < len(program)


@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_each_byte_is_written_once(axi_bytes: int) -> None:
    program = random_program(axi_bytes + 1, records=0.2)
    setup = Setup(program, axi_bytes, "random")
    setup.run()
    due = np.zeros(MEMORY, int)
    for i in program:
        for row in range(i["rows"]):
            start = i["memory"] + row * i["memory_pitch"]
            due[start : start + i["row_bytes"]] += 1
    assert due.max() == 1
    np.testing.assert_array_equal(setup.memory.written, due)


@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_one_beat_a_cycle(axi_bytes: int) -> None:
    """Rows follow each other without a gap, and commands with a short one, whatever memory does."""
    row_bytes = 5 * axi_bytes + 1
    fields = {"memory": 3, "memory_pitch": row_bytes + 2, "buffer": 1, "buffer_pitch": row_bytes}
    program = [instruction(Opcode.STORE, signal=4, rows=9, row_bytes=row_bytes, **fields)] * 3
    setup = Setup(program, axi_bytes, latency=300)
    setup.run()
    walk = list(
        beats(**fields, rows=9, row_bytes=row_bytes, axi_bytes=axi_bytes, beats=64, size=SIZE)
    )
    gaps = np.diff(setup.beats.cycles)
    between = (gaps != 1).nonzero()[0].tolist()
    assert between == [len(walk) - 1, 2 * len(walk) - 1]
    assert gaps[between].tolist() == [GAP, GAP]


@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_a_stalled_bus(axi_bytes: int) -> None:
    """Beats that memory does not take yet are buffered, as many as there is room for."""
    fields = {"memory": 0, "buffer": 0, "rows": 1, "row_bytes": 40 * axi_bytes}
    setup = Setup([instruction(Opcode.STORE, **fields)], axi_bytes, stalled=60)
    setup.run()
    np.testing.assert_array_equal(setup.memory.memory, setup.golden()[-1])
    assert sum(setup.seen["read_enable"].values[:60]) == Storer.BUFFERED


def test_commands_that_wait_for_memory() -> None:
    """As many as there is room for, and one that has no place among them yet."""
    fields = {"rows": 1, "row_bytes": 8}
    program = [instruction(Opcode.STORE, signal=1, memory=8 * k, **fields) for k in range(12)]
    setup = Setup(program, 8, latency=300)
    setup.run()
    first = setup.memory.acknowledgements[0]
    assert sum(cycle < first for cycle in setup.beats.cycles) == Storer.OUTSTANDING + 1
    np.testing.assert_array_equal(setup.memory.memory, setup.golden()[-1])


@pytest.mark.parametrize("seed", range(6))
def test_halt_completes_bursts(seed: int) -> None:
    """Requests and bursts of beats are as many in the end, and nothing wrong is written."""
    rng = np.random.default_rng(seed)
    program = [
        Instruction(i.opcode, i.fields, i.wait | 1, i.signal | 2)
        for i in random_program(seed, records=0.2)
    ]
    # Either channel is ahead of the other
    stalled = 0 if seed % 2 else 150
    setup = Setup(program, 8, "random", chance=0.1, stalled=stalled)
    owed = setup.bench.watch(setup.block.owed)
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
    assert setup.tokens.taken[-1][0] <= halted[0] + 1
    requests, ends = len(setup.requests.items), sum(b["last"] for b in setup.beats.items)
    assert requests == ends == len(setup.memory.acknowledgements)
    assert setup.beats.items[-1]["last"]
    assert any(owed.values)
    assert not any(owed.values[setup.memory.acknowledgements[-1] + 3 :])
    written = setup.memory.written > 0
    np.testing.assert_array_equal(setup.memory.memory[written], setup.golden()[started][written])
    late = [
        b
        for b, c in zip(setup.beats.items, setup.beats.cycles, strict=True)
        if c > halted[0] + Storer.BUFFERED + 40 + stalled
    ]
    assert not any(b["strobe"] for b in late)


@pytest.mark.parametrize("buffer", [SIZE - 100, SIZE - 99, SIZE, (1 << 24) - 1])
def test_rows_beyond_the_scratchpad(buffer: int) -> None:
    """`range_error` comes with the first read of a row that ends beyond the scratchpad."""
    fields = {"memory": 7, "buffer": buffer, "rows": 1, "row_bytes": 100}
    setup = Setup([instruction(Opcode.STORE, **fields)], 8)
    setup.run()
    cycles = np.flatnonzero(setup.seen["range_error"].values).tolist()
    first = int(np.flatnonzero(setup.seen["read_enable"].values)[0])
    assert cycles == ([] if buffer + 100 <= SIZE else [first])


def test_states() -> None:
    """Waits for its token, runs, then waits for memory to acknowledge, and is idle again."""
    fields = {"memory": 3, "buffer": 9, "rows": 2, "row_bytes": 64, "memory_pitch": 64}
    program = [instruction(Opcode.STORE, wait=4, signal=4, **fields)]
    setup = Setup(program, 8, chance=0.02, latency=40)
    setup.run()
    states = np.array(setup.seen["state"].values)
    taken, end = setup.tokens.taken[0][0], setup.tokens.given[0][0]
    assert set(states[: taken + 1]) <= {UnitState.IDLE, UnitState.WAITING}
    assert states[taken] == UnitState.WAITING
    gone = setup.beats.cycles[-1] + 2
    assert (states[taken + 1 : gone] == UnitState.RUNNING).all()
    assert (states[gone : end + 1] == UnitState.BUS).all()
    assert (states[end + 1 :] == UnitState.IDLE).all()
