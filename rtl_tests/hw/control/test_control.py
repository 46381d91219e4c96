"""The control port: AXI4-Lite in any order, strobes, start, status, interrupt, counters."""

from __future__ import annotations

import itertools
from collections.abc import Generator

import numpy as np
import pytest
from control_host import Host, Read, Script, Wait, Write
from stream_bench import RHYTHMS, Bench

from maccord.hw.control.control import Control
from maccord.spec.parameters import Parameters
from maccord.spec.registers import (
    COUNTERS,
    IDENTIFICATION,
    RECORDED,
    VERSION,
    WRITABLE,
    ErrorCode,
    Register,
    Status,
)

PARAMETERS = Parameters(rows=12, cols=20, lanes=5, axi_bytes=32, accumulators=64, line_cells=128)
CONSTANTS = {
    Register.ID: IDENTIFICATION,
    Register.VERSION: VERSION,
    Register.ROWS: 12,
    Register.COLS: 20,
    Register.LANES: 5,
    Register.AXI_BYTES: 32,
    Register.ACTIVATION_BYTES: 1 << 17,
    Register.WEIGHT_BYTES: 1 << 16,
    Register.OUTPUT_BYTES: 1 << 16,
    Register.ACCUMULATORS: 64,
    Register.LINE_CELLS: 128,
    Register.FEATURES: 0b11101,  # with fewer lanes than columns, no depthwise layers
}
ABSENT = [0x050, 0x07C, 0x0C8, 0x800, 0xFFC]


class Setup:
    """A control block, its host, and what it shows to the core."""

    def __init__(self, rate: str = "always") -> None:
        self.block = block = Control(PARAMETERS)
        self.bench = Bench(block, seed=1)
        self.host = Host(self.bench, block, rate)
        names = ("start", "busy", "interrupt", "program", "base", "counters")
        self.seen = {name: self.bench.watch(getattr(block, name)) for name in names}

    def finish(self, error: int = ErrorCode.NONE) -> Script:
        """The core ends, in one cycle."""
        self.bench.drive(self.block.finish, 1)
        self.bench.drive(self.block.error, error)
        yield Wait()
        self.bench.drive(self.block.finish, 0)
        self.bench.drive(self.block.error, 0x55)
        yield Wait()

    def record(self) -> Script:
        """A RECORD asks for the interrupt, in one cycle."""
        self.bench.drive(self.block.recorded, 1)
        yield Wait()
        self.bench.drive(self.block.recorded, 0)
        yield Wait()

    def starts(self) -> int:
        return sum(self.seen["start"].values)


def stored(old: int, step: Write, mask: int) -> int:
    """A register after a write."""
    lanes = sum(0xFF << 8 * byte for byte in range(4) if step.strobe >> byte & 1) & mask
    return old & ~lanes | step.value & lanes


@pytest.mark.parametrize("rate", RHYTHMS)
def test_registers(rate: str) -> None:
    """Writes in any order of address and data, with any strobes, to any register; then reads."""
    setup = Setup(rate)
    rng = np.random.default_rng(1)

    def script() -> Script:
        due = {int(register): 0 for register in WRITABLE}
        everywhere = [*WRITABLE, *WRITABLE, *CONSTANTS, *ABSENT]
        for _ in range(60):
            address = int(rng.choice(everywhere))
            value, strobe = int(rng.integers(1 << 32)), int(rng.integers(16))
            step = Write(address | int(rng.integers(4)), value, strobe, int(rng.integers(-5, 6)))
            yield step
            if address in due:
                due[address] = stored(due[address], step, WRITABLE[Register(address)])
            register = int(rng.choice(list(due)))
            assert (yield Read(register)) == due[register]
        for register, value in (due | CONSTANTS).items():
            assert (yield Read(int(register))) == value
        for address in [*ABSENT, Register.CONTROL, Register.CYCLES, Register.STATUS]:
            assert (yield Read(int(address))) == 0
        assert setup.seen["program"].value == due[Register.PROGRAM]
        low, high = due[Register.BASE_LOW], due[Register.BASE_HIGH]
        assert setup.seen["base"].value == low | high << 32

    setup.host.run(script())
    assert setup.starts() == 0


@pytest.mark.parametrize("rate", RHYTHMS)
def test_writes_in_a_row(rate: str) -> None:
    """Writes that wait on the bus are all done, in order, with one answer each."""
    setup = Setup(rate)
    rng = np.random.default_rng(2)
    steps = [Write(Register.PROGRAM, *map(int, rng.integers(1 << 32, size=1))) for _ in range(30)]

    def script() -> Script:
        for step in steps:
            setup.host.write(step)
        while len(setup.host.b.items) < len(steps):
            yield Wait()
        yield Wait(20)

    setup.host.run(script())
    program = setup.seen["program"].values
    seen = [program[0]] + [new for old, new in itertools.pairwise(program) if new != old]
    assert seen == [0] + [step.value & WRITABLE[Register.PROGRAM] for step in steps]
    assert len(setup.host.b.items) == len(steps)
    last = max(setup.host.aw.cycles[-1], setup.host.w.cycles[-1])
    assert setup.host.b.cycles[-1] > last


@pytest.mark.parametrize("rate", RHYTHMS)
def test_reads_in_a_row(rate: str) -> None:
    """Reads that wait on the bus are all answered, in order, each with its own register."""
    setup = Setup(rate)
    registers = list(CONSTANTS) * 3

    def script() -> Script:
        setup.host.ar.items.extend(int(register) for register in registers)
        while len(setup.host.r.items) < len(registers):
            yield Wait()
        yield Wait(20)

    setup.host.run(script())
    assert setup.host.r.items == [CONSTANTS[register] for register in registers]


def test_start_and_status() -> None:
    """Start is one cycle, only from idle and only by bit 0; status follows, start clears it."""
    setup = Setup()

    def script() -> Script:
        for value, strobe in ((0, 15), (2, 15), (1, 14), (0xFFFF_FFFE, 15)):
            yield Write(Register.CONTROL, value, strobe)
        yield Write(Register.CONTROL + 0x100, 1)
        assert setup.starts() == 0
        assert (yield Read(Register.STATUS)) == 0
        yield Write(Register.CONTROL, 0xFFFF_FFFF, strobe=1)
        assert setup.starts() == 1
        assert (yield Read(Register.STATUS)) == Status.BUSY
        yield Write(Register.CONTROL, 1)
        assert setup.starts() == 1
        yield from setup.finish(ErrorCode.WRITE_ERROR)
        ended = Status.DONE | Status.ERROR | ErrorCode.WRITE_ERROR << 8
        assert (yield Read(Register.STATUS)) == ended
        yield Write(Register.CONTROL, 1)
        assert setup.starts() == 2
        assert (yield Read(Register.STATUS)) == Status.BUSY
        yield from setup.finish()
        assert (yield Read(Register.STATUS)) == Status.DONE

    setup.host.run(script())


def test_a_running_program_keeps_its_addresses() -> None:
    """What addresses on the bus are made of changes only while nothing runs."""
    setup = Setup()
    fixed = (Register.PROGRAM, Register.BASE_LOW, Register.BASE_HIGH)

    def script() -> Script:
        for register in fixed:
            yield Write(register, 0x1234_5678)
        yield Write(Register.CONTROL, 1)
        for register in (*fixed, Register.IRQ_ENABLE):
            yield Write(register, 0xFFFF_FFFF)
        for register in fixed:
            assert (yield Read(register)) == 0x1234_5678 & WRITABLE[register]
        assert (yield Read(Register.IRQ_ENABLE)) == 1
        yield from setup.finish()
        yield Write(Register.BASE_LOW, 0xFFFF_FFFF)
        assert (yield Read(Register.BASE_LOW)) == WRITABLE[Register.BASE_LOW]

    setup.host.run(script())


@pytest.mark.parametrize("code", [code for code in ErrorCode if code])
def test_clearing_status(code: ErrorCode) -> None:
    """Done and error are cleared one by one, by ones, in byte 0."""
    setup = Setup()
    error = Status.ERROR | code << 8

    def script() -> Script:
        for clear, strobe, left in (
            (0, 15, Status.DONE | error),
            (0xFF, 14, Status.DONE | error),
            (Status.BUSY, 15, Status.DONE | error),
            (Status.DONE, 15, error),
            (Status.ERROR, 1, Status.DONE),
            (Status.DONE | Status.ERROR, 15, 0),
        ):
            yield Write(Register.CONTROL, 1)
            yield from setup.finish(code)
            yield Write(Register.STATUS, clear, strobe)
            assert (yield Read(Register.STATUS)) == left

    setup.host.run(script())


def test_records_interrupt() -> None:
    """Recorded stays until its bit or a start clears it, beside done and error."""
    setup = Setup()
    interrupt = setup.seen["interrupt"]

    def script() -> Script:
        yield Write(Register.IRQ_ENABLE, 1)
        yield Write(Register.CONTROL, 1)
        for clear, strobe, left in (
            (0, 15, Status.RECORDED),
            (0xFF, 14, Status.RECORDED),
            (0xFF ^ Status.RECORDED, 15, Status.RECORDED),
            (Status.RECORDED, 1, 0),
        ):
            yield from setup.record()
            assert interrupt.value
            yield Write(Register.STATUS, clear, strobe)
            assert (yield Read(Register.STATUS)) == Status.BUSY | left
            assert interrupt.value == bool(left)
        yield from setup.record()
        yield Write(Register.IRQ_ENABLE, 0)
        assert not interrupt.value
        yield Write(Register.IRQ_ENABLE, 1)
        yield from setup.finish()
        assert (yield Read(Register.STATUS)) == Status.DONE | Status.RECORDED
        yield Write(Register.STATUS, Status.RECORDED)
        assert (yield Read(Register.STATUS)) == Status.DONE
        assert interrupt.value
        yield from setup.record()
        yield Write(Register.CONTROL, 1)
        assert (yield Read(Register.STATUS)) == Status.BUSY

    setup.host.run(script())


def test_a_record_is_not_lost_to_a_clear() -> None:
    """A RECORD comes in the very cycle in which software clears the one before: it stays."""
    lead: list[int] = []  # cycles from the clear to the record
    for delay in range(8):
        setup = Setup()
        setup.seen["recorded"] = setup.bench.watch(setup.block.recorded)

        def script(setup: Setup = setup, delay: int = delay) -> Script:
            if delay:
                setup.host.write(Write(Register.STATUS, Status.RECORDED))
                yield Wait(delay)
            yield from setup.record()
            if not delay:
                setup.host.write(Write(Register.STATUS, Status.RECORDED))
            yield Wait(20)
            status = yield Read(Register.STATUS)
            cleared = setup.host.b.cycles[-1] - Control.ANSWER
            lead.append(setup.seen["recorded"].values.index(1) - cleared)
            assert status == (0 if lead[-1] < 0 else Status.RECORDED)

        setup.host.run(script())
    assert min(lead) < 0 < max(lead)
    assert 0 in lead


def test_an_end_is_not_lost_to_a_clear() -> None:
    """The program ends in the very cycle in which software clears the status: done stays."""
    lead: list[int] = []  # cycles from the clear to the end
    for delay in range(8):
        setup = Setup()

        def script(setup: Setup = setup, delay: int = delay) -> Script:
            yield Write(Register.CONTROL, 1)
            if delay:
                setup.host.write(Write(Register.STATUS, 6))
                yield Wait(delay)
            yield from setup.finish(ErrorCode.DEADLOCK)
            if not delay:
                setup.host.write(Write(Register.STATUS, 6))
            yield Wait(20)
            status = yield Read(Register.STATUS)
            answered = setup.host.b.cycles[-1]
            finished = next(c for c, busy in enumerate(setup.seen["busy"].values) if busy)
            finished = setup.seen["busy"].values.index(0, finished) - 1
            ended = Status.DONE | Status.ERROR | ErrorCode.DEADLOCK << 8
            lead.append(finished - (answered - Control.ANSWER))
            assert status == (0 if lead[-1] < 0 else ended)

        setup.host.run(script())
    assert min(lead) < 0 < max(lead)
    assert 0 in lead


def test_interrupt() -> None:
    """High while enabled and done or error is set; none of the three is remembered elsewhere."""
    setup = Setup()
    interrupt = setup.seen["interrupt"]

    def script() -> Script:
        yield Write(Register.CONTROL, 1)
        yield from setup.finish()
        assert not interrupt.value
        yield Write(Register.IRQ_ENABLE, 1)
        assert interrupt.value
        yield Write(Register.IRQ_ENABLE, 0)
        assert not interrupt.value
        yield Write(Register.IRQ_ENABLE, 1)
        yield Write(Register.STATUS, Status.DONE)
        assert not interrupt.value
        yield Write(Register.CONTROL, 1)
        assert not interrupt.value
        yield from setup.finish(ErrorCode.READ_ERROR)
        assert interrupt.value
        yield Write(Register.STATUS, Status.DONE)
        assert interrupt.value
        yield Write(Register.STATUS, Status.ERROR)
        assert not interrupt.value
        yield Write(Register.CONTROL, 1)
        yield from setup.finish()
        assert interrupt.value
        yield Write(Register.CONTROL, 1)
        assert not interrupt.value

    setup.host.run(script())


def test_counters() -> None:
    """Count from start to finish, one cause a cycle, all of them; from 0 at the next start."""
    setup = Setup("random")
    bench, block = setup.bench, setup.block
    rng = np.random.default_rng(3)
    cause, work = bench.watch(block.cause), bench.watch(block.work)
    most = PARAMETERS.rows * PARAMETERS.cols

    def core() -> None:
        bench.drive(block.cause, 1 << int(rng.integers(len(COUNTERS))))
        bench.drive(block.work, int(rng.choice([0, most, rng.integers(most + 1)])))

    bench.each_cycle(core)

    def counters() -> Generator[Read, int, list[int]]:
        values = []
        for index in range(len(RECORDED)):
            low = yield Read(Register.CYCLES + 8 * index)
            assert (yield Read(Register.CYCLES + 8 * index + 4)) == 0
            values.append(low)
        return values

    def script() -> Script:
        for cycles in (1, 50, 333):
            yield Write(Register.CONTROL, 1)
            yield Wait(cycles // 2)
            yield Write(Register.CONTROL, 1)  # ignored
            yield Wait(cycles)
            yield from setup.finish()
            yield Wait(10)
            values = yield from counters()
            busy = np.flatnonzero(setup.seen["busy"].values)
            busy = busy[busy > np.flatnonzero(setup.seen["start"].values)[-1]]
            counted = [cause.values[cycle] for cycle in busy]
            due = [len(busy)] + [counted.count(1 << index) for index in range(len(COUNTERS))]
            assert values == [*due, sum(work.values[cycle] for cycle in busy)]
            assert sum(values[1:-1]) == values[0] >= cycles
            words = setup.seen["counters"].value
            assert [words >> 64 * index & (1 << 64) - 1 for index in range(len(RECORDED))] == values

    setup.host.run(script())


def test_what_the_core_shows() -> None:
    """Units and instructions are read as they are."""
    setup = Setup()

    def script() -> Script:
        for units, instructions in ((0, 0), (0x3_2101, 7), (0xF_FFFF, 0xFFFF_FFFF)):
            setup.bench.drive(setup.block.units, units)
            setup.bench.drive(setup.block.instructions, instructions)
            yield Wait()
            assert (yield Read(Register.UNITS)) == units
            assert (yield Read(Register.INSTRUCTION)) == instructions

    setup.host.run(script())
