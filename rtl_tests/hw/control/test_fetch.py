"""The program's way from memory: in order, ahead of its use, and stopped cleanly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from stream_bench import Bench
from unit_bench import ReadMemory

from maccord.hw.control.fetch import FETCH_BYTES, Fetch
from maccord.spec.isa import INSTRUCTION_BYTES
from maccord.spec.parameters import Parameters

WIDTHS = (8, 16, 32, 64)
MEMORY = np.random.default_rng(0).integers(256, size=1 << 13).astype(np.uint8)


def as_instruction(data: np.ndarray) -> dict[str, int]:
    """Fields of the header that `INSTRUCTION_BYTES` bytes make."""
    word = int.from_bytes(data.tobytes(), "little")
    parts = {"opcode": word & 15, "wait": word >> 4 & 15, "signal": word >> 8 & 15}
    return parts | {"reserved": word >> 12 & 15, "body": word >> 16}


@dataclass
class Setup:
    """A fetch unit and its memory; beats within `faulty` come with an error."""

    axi_bytes: int
    rate: str = "always"
    latency: int = 10
    program: int = 0
    faulty: range = range(0)
    stalled: int = 0  # cycles before the first instruction is taken

    def __post_init__(self) -> None:
        self.block = block = Fetch(Parameters(axi_bytes=self.axi_bytes))
        self.bench = bench = Bench(block, seed=self.axi_bytes)
        slow = self.rate if self.rate != "patient" else "random"
        self.beats = bench.source(block.read_data, (), slow)
        self.requests = bench.sink("read_request", block.read_request, self.rate)
        self.o = bench.sink("instructions", block.o, self.rate, self.stalled)
        self.asks = bench.watch(self.block.read_request.valid)
        self.busy, self.awaiting = bench.watch(block.busy), bench.watch(block.awaiting)
        ReadMemory(bench, self.requests, self.beats, MEMORY, self.axi_bytes, self.latency)
        bench.drive(block.program, self.program)
        bench.drive(block.start, 1)
        bench.each_cycle(self._cycle)

    def _cycle(self) -> None:
        self.bench.drive(self.block.start, 0)
        first = self.program // FETCH_BYTES * FETCH_BYTES // self.axi_bytes
        beat = first + len(self.beats.cycles)
        self.bench.drive(self.block.read_fault, int(beat in self.faulty))

    def stop_when(self, done) -> list[int]:
        """Raise `stop` after the first cycle in which `done` holds; return that cycle, later."""
        stopped: list[int] = []

        def check() -> None:
            if not stopped and done():
                stopped.append(self.bench.cycle)
                self.bench.drive(self.block.stop, 1)

        self.bench.each_cycle(check)
        return stopped


@pytest.mark.parametrize("rate", ["always", "random", "bursts", "patient"])
@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_instructions_in_order(axi_bytes: int, rate: str) -> None:
    """Bursts follow each other and never ask for more than the buffer takes."""
    program = 0x300 + 17  # the low bits are ignored
    setup = Setup(axi_bytes, rate, program=program)
    setup.bench.run(lambda: len(setup.o.items) == 40)
    start = program // FETCH_BYTES * FETCH_BYTES
    for index, item in enumerate(setup.o.items):
        at = start + index * INSTRUCTION_BYTES
        due = as_instruction(MEMORY[at : at + INSTRUCTION_BYTES])
        assert item == {"instruction": due, "fault": 0}
    length = FETCH_BYTES // axi_bytes - 1
    assert setup.requests.items == [
        {"address": start + k * FETCH_BYTES, "length": length}
        for k in range(len(setup.requests.items))
    ]
    used = len(setup.o.items) * INSTRUCTION_BYTES
    assert len(setup.requests.items) * FETCH_BYTES <= used + 3 * FETCH_BYTES


@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_asks_only_for_what_the_buffer_takes(axi_bytes: int) -> None:
    """While nobody takes instructions, two bursts are asked for; later, none is lost."""
    setup = Setup(axi_bytes, stalled=200)
    setup.bench.run(lambda: len(setup.o.items) == 30)
    assert sum(cycle < 200 for cycle in setup.requests.cycles) == 2
    for index, item in enumerate(setup.o.items):
        at = index * INSTRUCTION_BYTES
        assert item["instruction"] == as_instruction(MEMORY[at : at + INSTRUCTION_BYTES])


@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_keeps_the_bus_and_the_dispatcher_busy(axi_bytes: int) -> None:
    """With a near memory, an instruction comes as fast as its beats: at best one a cycle."""
    setup = Setup(axi_bytes, latency=1)
    setup.bench.run(lambda: len(setup.o.items) == 40)
    gaps = np.diff(setup.o.cycles[8:])
    assert gaps.mean() <= max(INSTRUCTION_BYTES / axi_bytes, 1) + 0.3
    assert gaps.min() == max(INSTRUCTION_BYTES // axi_bytes, 1)


@pytest.mark.parametrize("rate", ["always", "random", "patient"])
@pytest.mark.parametrize("axi_bytes", WIDTHS)
@pytest.mark.parametrize("count", [0, 1, 9, 17])
def test_stop(axi_bytes: int, count: int, rate: str) -> None:
    """From `stop` on at most the request that is shown goes out, and every beat is taken."""
    setup = Setup(axi_bytes, rate)
    stopped = setup.stop_when(lambda: len(setup.o.items) >= count and setup.bench.cycle > 3)
    setup.bench.run(lambda: bool(stopped) and setup.bench.cycle > stopped[0] + 300)
    assert not setup.busy.value
    assert not setup.awaiting.value
    assert sum(cycle > stopped[0] + 1 for cycle in setup.requests.cycles) <= 1
    assert not (np.diff(setup.asks.values[stopped[0] + 1 :]) > 0).any()
    in_time = sum(cycle <= stopped[0] + 1 for cycle in setup.beats.cycles)
    assert len(setup.o.items) * INSTRUCTION_BYTES <= in_time * axi_bytes
    beats = FETCH_BYTES // axi_bytes
    assert len(setup.beats.cycles) == len(setup.requests.items) * beats
    assert not setup.beats.items
    quiet = max([*setup.beats.cycles[-1:], *setup.requests.cycles[-1:], stopped[0]]) + 3
    assert not any(setup.busy.values[quiet:])
    assert all(setup.busy.values[1 : setup.beats.cycles[-1]])


@pytest.mark.parametrize("axi_bytes", WIDTHS)
def test_faults_go_with_their_instruction(axi_bytes: int) -> None:
    """An error on any beat of an instruction marks it, and all that share the beat."""
    faulty = range(12, 13)
    setup = Setup(axi_bytes, "random", faulty=faulty)
    setup.bench.run(lambda: len(setup.o.items) == 40)
    marked = [index for index, item in enumerate(setup.o.items) if item["fault"]]
    low = faulty[0] * axi_bytes // INSTRUCTION_BYTES
    high = -(-(faulty[0] + 1) * axi_bytes // INSTRUCTION_BYTES)
    assert marked == list(range(low, high))
