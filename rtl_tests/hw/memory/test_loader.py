"""LOAD, FILL and WEIGHT: unaligned rows from memory into a scratchpad, tokens, and halting."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
import pytest
from stream_bench import Bench, Sink, Source, Watched
from unit_bench import ReadMemory, TokenBank, command, instruction

from maccord.golden.memory.beats import beats
from maccord.golden.memory.loader import loader
from maccord.golden.memory.scratchpad import scratchpad_write
from maccord.hw.memory.loader import Loader
from maccord.spec.isa import Instruction, Opcode
from maccord.spec.parameters import Parameters
from maccord.spec.registers import UnitState

SIZE = 1 << 12
MEMORY = np.random.default_rng(0).integers(256, size=1 << 13).astype(np.uint8)
WIDTHS = (8, 16, 32, 64)


def random_transfer(rng: np.random.Generator, tokens: bool = True) -> Instruction:
    """A LOAD or a FILL within memory and scratchpad, at any alignment."""
    row_bytes = int(rng.choice([1, rng.integers(1, 40), rng.integers(1, 600)]))
    rows = int(rng.integers(1, 5))
    fields = {"rows": rows, "row_bytes": row_bytes, "value": int(rng.integers(-128, 128))}
    for name, size in (("memory", MEMORY.size), ("buffer", SIZE)):
        pitch = int(rng.integers((size - row_bytes) // rows))
        fields[f"{name}_pitch"] = pitch
        fields[name] = int(rng.integers(size - row_bytes - (rows - 1) * pitch + 1))
    wait, signal = (int(rng.integers(16)) if tokens else 0 for _ in range(2))
    opcode = Opcode.FILL if rng.random() < 0.3 else Opcode.LOAD
    return Instruction(opcode, fields, wait, signal)


@dataclass
class Setup:
    """A loader between a memory and a scratchpad; records each write as it happens."""

    program: list[Instruction]
    axi_bytes: int
    rate: str = "always"
    chance: float = 1.0
    latency: int = 20
    size: int = SIZE
    writes: list[int] = field(default_factory=list)  # cycles
    snapshots: list[np.ndarray] = field(default_factory=list)  # with each give

    def __post_init__(self) -> None:
        parameters = Parameters(axi_bytes=self.axi_bytes)
        self.block = block = Loader(parameters, size=self.size)
        self.bench = bench = Bench(block, seed=self.axi_bytes)
        commands = [command(i, fill=int(i.opcode == Opcode.FILL)) for i in self.program]
        self.source: Source = bench.source(block.i, commands, self.rate)
        slow = self.rate if self.rate != "patient" else "random"
        self.beats: Source = bench.source(block.read_data, (), slow)
        self.requests: Sink = bench.sink("read_request", block.read_request, self.rate)
        names = ("write_enable", "write_address", "write_data", "range_error", "state")
        self.seen: dict[str, Watched] = {n: bench.watch(getattr(block, n)) for n in names}
        self.tokens = TokenBank(bench, block, self.chance, seed=self.axi_bytes)
        ReadMemory(bench, self.requests, self.beats, MEMORY, self.axi_bytes, self.latency)
        self.scratchpad = np.zeros(SIZE, np.uint8)
        bench.each_cycle(self._write)

    def _write(self) -> None:
        if self.tokens.given and self.tokens.given[-1][0] == self.bench.cycle:
            self.snapshots.append(self.scratchpad)
        mask = self.seen["write_enable"].value
        if mask:
            self.writes.append(self.bench.cycle)
            lanes = self.axi_bytes
            data = self.seen["write_data"].value.to_bytes(lanes, "little")
            enable = np.array([mask >> lane & 1 for lane in range(lanes)], bool)
            address = self.seen["write_address"].value
            self.scratchpad = scratchpad_write(
                self.scratchpad, address, np.frombuffer(data, np.uint8), enable
            )

    def idle(self) -> bool:
        """Nothing moves: true some cycles after the last write."""
        moves = (self.source.cycles, self.requests.cycles, self.writes)
        quiet = self.bench.cycle > max([0, *(cycles[-1] for cycles in moves if cycles)]) + 60
        return quiet and not self.beats.items

    def golden(self) -> list[np.ndarray]:
        """The scratchpad after each instruction, and before all of them."""
        return list(
            accumulate(
                self.program,
                lambda pad, step: loader(step, MEMORY, pad),
                initial=np.zeros(SIZE, np.uint8),
            )
        )


@pytest.mark.parametrize("rate", ["always", "random", "bursts", "patient"])
@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_random_transfers(axi_bytes: int, rate: str) -> None:
    """The scratchpad ends as the golden one does, and is right whenever a token is given."""
    rng = np.random.default_rng(axi_bytes)
    program = [random_transfer(rng) for _ in range(16)]
    setup = Setup(program, axi_bytes, rate, chance=0.05)
    setup.bench.run(lambda: not setup.source.items and setup.idle())
    golden = setup.golden()
    np.testing.assert_array_equal(setup.scratchpad, golden[-1])
    given = [(i.signal, after) for i, after in zip(program, golden[1:], strict=True) if i.signal]
    assert [mask for _, mask in setup.tokens.given] == [mask for mask, _ in given]
    for snapshot, (_, after) in zip(setup.snapshots, given, strict=True):
        np.testing.assert_array_equal(snapshot, after)
    assert [mask for _, mask in setup.tokens.taken] == [i.wait for i in program if i.wait]
    assert setup.seen["state"].value == UnitState.IDLE
    assert not any(setup.seen["range_error"].values)


@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_one_beat_a_cycle(axi_bytes: int) -> None:
    """Rows of some beats follow each other without a gap, commands with one cycle between."""
    rng = np.random.default_rng(axi_bytes)
    program = []
    for index in range(8):
        row_bytes, rows = int(rng.integers(5 * axi_bytes, 6 * axi_bytes)), 6
        fields = {"memory": int(rng.integers(axi_bytes)), "memory_pitch": row_bytes + 1}
        fields |= {"buffer": 3, "buffer_pitch": row_bytes, "rows": rows, "row_bytes": row_bytes}
        program.append(instruction(Opcode.FILL if index % 4 == 2 else Opcode.LOAD, **fields))
    setup = Setup(program, axi_bytes)
    setup.bench.run(lambda: not setup.source.items and setup.idle())
    np.testing.assert_array_equal(setup.scratchpad, setup.golden()[-1])
    names = ("buffer", "buffer_pitch", "rows", "row_bytes")
    options = {"axi_bytes": axi_bytes, "beats": 64, "size": SIZE}
    gaps = []
    for i in program:
        filled = i.opcode == Opcode.FILL
        memory = (0, 0) if filled else (i["memory"], i["memory_pitch"])
        walk = beats(*memory, *(i[name] for name in names), **options)
        gaps += [2] + [1] * (len(list(walk)) - 1)
    assert np.diff(setup.writes).tolist() == gaps[1:]


@pytest.mark.parametrize("seed", range(8))
def test_halt_lets_started_commands_end(seed: int) -> None:
    """After `halt` no command starts; those that have started end, and every beat is taken."""
    rng = np.random.default_rng(seed)
    program = [random_transfer(rng) for _ in range(12)]
    program = [Instruction(i.opcode, i.fields, i.wait | 1, i.signal | 2) for i in program]
    setup = Setup(program, 16, "random", chance=0.1)
    enough = int(rng.integers(1, 9))
    halted: list[int] = []

    def halt() -> None:
        if len(setup.tokens.taken) >= enough and not halted and rng.random() < 0.2:
            setup.bench.drive(setup.block.halt, 1)
            halted.append(setup.bench.cycle)

    setup.bench.each_cycle(halt)
    setup.bench.run(lambda: bool(halted) and setup.bench.cycle > halted[0] + 200 and setup.idle())
    started = len(setup.tokens.taken)
    assert enough <= started < len(program)
    assert setup.tokens.taken[-1][0] <= halted[0] + 1
    assert len(setup.tokens.given) == started
    np.testing.assert_array_equal(setup.scratchpad, setup.golden()[started])


@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_weights_wrap(axi_bytes: int) -> None:
    """WEIGHT is aligned, and goes on at the start of the scratchpad behind its end."""
    rng = np.random.default_rng(axi_bytes)
    program = []
    for _ in range(6):
        row_bytes = axi_bytes * int(rng.integers(1, 20))
        buffer = axi_bytes * int(rng.choice([SIZE // axi_bytes - 1, rng.integers(8)]))
        memory = axi_bytes * int(rng.integers(20))
        fields = {"memory": memory, "buffer": buffer, "rows": 1, "row_bytes": row_bytes}
        program.append(instruction(Opcode.WEIGHT, **fields))
    setup = Setup(program, axi_bytes, "random", size=1 << 25)
    setup.bench.run(lambda: not setup.source.items and setup.idle())
    np.testing.assert_array_equal(setup.scratchpad, setup.golden()[-1])
    assert not any(setup.seen["range_error"].values)


@pytest.mark.parametrize("buffer", [SIZE - 100, SIZE - 99, SIZE - 1, SIZE, (1 << 24) - 1])
def test_rows_beyond_the_scratchpad(buffer: int) -> None:
    """`range_error` comes with the first beat of a row that ends beyond the scratchpad."""
    fields = {"memory": 7, "buffer": buffer, "rows": 1, "row_bytes": 100}
    setup = Setup([instruction(Opcode.LOAD, **fields)], 8)
    setup.bench.run(lambda: not setup.source.items and setup.idle())
    cycles = np.flatnonzero(setup.seen["range_error"].values).tolist()
    assert cycles == ([] if buffer + 100 <= SIZE else [setup.writes[0]])


def test_states() -> None:
    """Waits for its token, then for memory; runs while beats arrive; is idle at the end."""
    fields = {"memory": 3, "buffer": 9, "rows": 2, "row_bytes": 64, "memory_pitch": 64}
    setup = Setup([instruction(Opcode.LOAD, wait=4, **fields)], 8, chance=0.02, latency=30)
    setup.bench.run(lambda: not setup.source.items and setup.idle())
    states = np.array(setup.seen["state"].values)
    taken = setup.tokens.taken[0][0]
    asked = setup.requests.cycles[0]
    assert set(states[:taken]) <= {UnitState.IDLE, UnitState.WAITING}
    assert states[taken] == UnitState.WAITING
    assert (states[asked + 5 : asked + 30] == UnitState.BUS).all()
    assert (states[setup.writes] == UnitState.RUNNING).all()
    assert (states[setup.writes[-1] + 2 :] == UnitState.IDLE).all()
