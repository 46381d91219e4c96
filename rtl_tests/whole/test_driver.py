"""The C driver: compiled strictly, against registers made up, and on the accelerator in RTL."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from accelerator_bench import CONFIGURATIONS, netlist
from driver_library import DRIVER, FLAGS, PARAMETERS, Driver, compiler, headers, library
from driver_runs import simulate_driver
from golden_layers import random_conv2d

from maccord.compiler import Schedule, schedule
from maccord.golden.control.recorder import read_record
from maccord.golden.network import compute
from maccord.hw.package.description import describe
from maccord.hw.package.instructions import HEADER, layout
from maccord.sim.simulate import Job
from maccord.spec.isa import (
    FIELDS,
    RECORD_BYTES,
    Instruction,
    Opcode,
    encode,
    encode_program,
)
from maccord.spec.isa_features import Feature
from maccord.spec.parameters import Parameters
from maccord.spec.registers import (
    IDENTIFICATION,
    RECORDED,
    VERSION,
    Command,
    ErrorCode,
    Register,
    Status,
    UnitState,
)

pytestmark = pytest.mark.usefixtures("quick_builds")

SIZE = CONFIGURATIONS["4x4 bus 8"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return library(tmp_path_factory.mktemp("driver"))


def test_the_driver_needs_no_library(shared: Path) -> None:
    """Neither libc nor the compiler's own routines."""
    undefined = subprocess.run(["nm", "-uD", str(shared)], capture_output=True, text=True)
    needed = [line.split()[-1] for line in undefined.stdout.splitlines() if " U " in line]
    assert needed == []
    sources = [path.read_text() for path in sorted(DRIVER.glob("maccord_driver.*"))]
    included = {line for text in sources for line in text.splitlines() if "#include" in line}
    assert included == {
        '#include "maccord.h"',
        '#include "maccord_driver.h"',
        "#include <stdint.h>",
    }


@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_headers_stand_alone(language: str, tmp_path: Path) -> None:
    """The driver's, and a configuration's, as the only one in a file; twice is once."""
    headers(SIZE, tmp_path)
    flags = [flag for flag in FLAGS if language == "c" or "prototypes" not in flag]
    flags = [flag.replace("c99", "c99" if language == "c" else "c++11") for flag in flags]
    name = f"maccord_{SIZE.name}.h"
    text = "".join(f'#include "{n}"\n#include "{n}"\n' for n in ("maccord_driver.h", name))
    text += "int rows = MACCORD_ROWS;\n"
    done = subprocess.run(
        [compiler(), *flags, f"-I{tmp_path}", f"-I{DRIVER}", "-fsyntax-only", "-x", language, "-"],
        input=text,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


class Registers:
    """Registers that answer with what they hold, or by turns; they keep no rules."""

    def __init__(self, shared: Path) -> None:
        self.values: dict[int, int | list[int]] = {
            Register.ID: IDENTIFICATION,
            Register.VERSION: VERSION,
            **{Register[name.upper()]: getattr(SIZE, name) for name in PARAMETERS},
        }
        self.log: list[tuple[str, int]] = []
        self.driver = Driver(shared, self.read, self.write, lambda: self.log.append(("order", 0)))

    def read(self, offset: int) -> int:
        value = self.values.get(offset, 0)
        return value.pop(0) if isinstance(value, list) else value

    def write(self, offset: int, value: int) -> None:
        self.log.append((Register(offset).name, value))


@pytest.fixture
def made_up(shared: Path) -> Registers:
    return Registers(shared)


def test_open(made_up: Registers) -> None:
    assert made_up.driver.open() == "OK"
    assert made_up.driver.parameters() == {name: getattr(SIZE, name) for name in PARAMETERS}
    made_up.values[Register.FEATURES] = int(Feature.DENSE | Feature.ADD)
    assert made_up.driver.open() == "OK"
    assert made_up.driver.has(Feature.DENSE) and made_up.driver.has(Feature.DENSE | Feature.ADD)
    assert not made_up.driver.has(Feature.DENSE | Feature.DEPTHWISE)
    for register, value, result in (
        (Register.VERSION, VERSION + 1, "OK"),
        (Register.VERSION, VERSION + (1 << 16), "BAD_VERSION"),
        (Register.ID, 0xFFFF_FFFF, "NOT_FOUND"),
    ):
        made_up.values[register] = value
        assert made_up.driver.open() == result
    assert made_up.log == []


@pytest.mark.parametrize(
    ("base", "offset", "size", "result"),
    [
        (0xFF_FFFF_F000, 0xFFFF_FF00, 32, "OK"),
        (0x1000, 0, 0, "OK"),
        (0x1800, 0, 32, "BAD_ARGUMENT"),
        (1 << 40, 0, 32, "BAD_ARGUMENT"),
        (0x1000, 0x80, 32, "BAD_ARGUMENT"),
        (0x1000, 0, 48, "BAD_ARGUMENT"),
    ],
)
def test_load(base: int, offset: int, size: int, result: str, made_up: Registers) -> None:
    """What the hardware would drop is refused before anything is written."""
    made_up.driver.open()
    assert made_up.driver.load(0, base, offset, bytes(size)) == result
    due = [("BASE_LOW", base & 0xFFFF_FFFF), ("BASE_HIGH", base >> 32), ("PROGRAM", offset)]
    assert made_up.log == (due if result == "OK" else [])


def test_load_copies(made_up: Registers) -> None:
    made_up.driver.open()
    memory = np.zeros(1024, np.uint8)
    program = bytes(range(1, 65))
    assert made_up.driver.load(memory.ctypes.data, 0, 256, program) == "OK"
    assert memory[256:320].tobytes() == program
    assert memory.sum() == sum(program)


def test_a_busy_accelerator_is_left_alone(made_up: Registers) -> None:
    made_up.driver.open()
    made_up.values[Register.STATUS] = Status.BUSY
    assert made_up.driver.load(0, 0, 0, b"") == "BUSY"
    assert made_up.driver.start(True) == "BUSY"
    assert made_up.driver.wait(5) == "TIMEOUT"
    assert made_up.log == []


def test_abort_writes_nothing_else(made_up: Registers) -> None:
    made_up.driver.open()
    made_up.driver.abort()
    assert made_up.log == [("CONTROL", Command.ABORT)]


def test_wait_counts_its_polls(made_up: Registers) -> None:
    made_up.driver.open()
    for polls, result in ((3, "TIMEOUT"), (4, "OK"), (0, "OK")):
        made_up.values[Register.STATUS] = [Status.BUSY] * 3 + [Status.DONE]
        assert made_up.driver.wait(polls) == result
    made_up.driver.check()


def test_wait_for_an_interrupt_counts_its_sleeps(made_up: Registers) -> None:
    """The end may come in the last of them; a wait that ran out can be taken up again."""
    made_up.driver.open()
    made_up.values[Register.STATUS] = Status.DONE
    for sleeps, end, result in ((3, 4, "TIMEOUT"), (3, 3, "OK"), (0, 9, "OK")):
        calls: list[int] = []

        def sleep(calls: list[int] = calls, end: int = end) -> None:
            calls.append(1)
            if len(calls) == end:
                made_up.driver.interrupt()

        made_up.driver.device.status = 0
        assert made_up.driver.wait_interrupt(sleep, sleeps) == result
        assert len(calls) == min(end, sleeps or end)
    made_up.driver.device.status = 0
    made_up.driver.interrupt()
    assert made_up.driver.wait_interrupt(lambda: None, 1) == "OK"
    made_up.driver.check()


def test_memory_and_registers_are_ordered(made_up: Registers) -> None:
    """The barrier comes before the start, and after the end was seen."""
    made_up.driver.open()
    assert made_up.driver.start(True) == "OK"
    assert made_up.log[-3:] == [("IRQ_ENABLE", 1), ("order", 0), ("CONTROL", 1)]
    made_up.values[Register.STATUS] = Status.DONE
    assert made_up.driver.wait(0) == "OK"
    assert made_up.log[-1] == ("order", 0)


def test_the_handler_clears_what_it_saw(made_up: Registers) -> None:
    """Not more: an end that comes between its read and its write must raise the interrupt again."""
    made_up.driver.open()
    failed = Status.DONE | Status.ERROR | ErrorCode.DEADLOCK << 8
    for status, cleared in (
        (Status.BUSY | Status.RECORDED, Status.RECORDED),
        (failed, Status.DONE | Status.ERROR),
    ):
        made_up.values[Register.STATUS] = status
        assert made_up.driver.interrupt() == status
        assert made_up.log[-1] == ("STATUS", cleared)
    assert made_up.driver.device.records == 1
    assert made_up.driver.wait_interrupt(lambda: None) == "FAILED"
    assert made_up.driver.error() == ErrorCode.DEADLOCK


def test_counters_lose_no_carry(made_up: Registers) -> None:
    """The low word wraps between two reads."""
    made_up.driver.open()
    made_up.values[Register.CYCLES + 4] = [7, 8, 8]
    made_up.values[Register.CYCLES] = [0xFFFF_FFFF, 2]
    made_up.values[Register.CYCLES + 8] = 5
    assert made_up.driver.counters()[:2] == [8 << 32 | 2, 5]


@pytest.mark.parametrize("opcode", Opcode)
def test_fields_by_the_header_are_the_encoding(opcode: Opcode, shared: Path) -> None:
    """Random fields put in with the places that header and description give, and read back."""
    driver = Driver(shared, lambda offset: 0, lambda offset, value: None)
    rng = np.random.default_rng(int(opcode))
    fields = {
        name: int.from_bytes(rng.bytes(8), "little") % (1 << bits) - (signed << bits - 1)
        for name, (bits, signed) in FIELDS[opcode].items()
    }
    header = {"opcode": int(opcode), "wait": 5, "signal": 10}
    values = header | fields
    raw = bytearray(rng.bytes(32))
    for field in (*HEADER, *layout(opcode)):
        driver.put(raw, field.low, field.bits, values[field.name])
    for field in (*HEADER, *layout(opcode)):
        found = driver.get(bytes(raw), field.low, field.bits)
        assert found == values[field.name] & (1 << field.bits) - 1
    due = encode(Instruction(opcode, fields, wait=5, signal=10))
    used = np.zeros(256, bool)
    for field in (*HEADER, *layout(opcode)):
        assert not used[field.low : field.low + field.bits].any()
        used[field.low : field.low + field.bits] = True
    bits = np.unpackbits(np.frombuffer(bytes(raw), np.uint8), bitorder="little")
    wanted = np.unpackbits(np.frombuffer(due, np.uint8), bitorder="little")
    np.testing.assert_array_equal(bits[used], wanted[used])
    assert not wanted[~used].any()


@cache
def convolution() -> tuple[Schedule, np.ndarray, np.ndarray]:
    """A layer's schedule, its memory with room but without a program, and golden outputs."""
    rng = np.random.default_rng(11)
    layer = random_conv2d(rng, 6, 3, (3, 3), padding=(1, 1))
    x_q = rng.integers(0, 256, (1, 7, 6, 3), dtype=np.uint8)
    plan = schedule(layer, x_q.shape, SIZE)
    memory = np.zeros(plan.memory.size + 8192, np.uint8)
    memory[: plan.memory.size] = plan.image(x_q)
    memory[plan.memory.program :][: plan.memory.program_bytes] = 0
    return plan, memory, compute(layer, [x_q])


@pytest.mark.parametrize("interrupt", [False, True], ids=["polling", "interrupt"])
def test_a_layer(interrupt: bool, shared: Path) -> None:
    """Loaded, started and waited for in C: the golden model's bytes, and its own counters."""
    plan, memory, y_q = convolution()
    record, program = plan.memory.size, plan.memory.size + 4096
    fields = {"memory": record, "rows": 1, "row_bytes": RECORD_BYTES, "value": 1}
    instructions = [Instruction(Opcode.RECORD, fields), *plan.program]
    area = (plan.memory.output, plan.memory.output_bytes)
    job = Job(netlist(SIZE), SIZE.axi_bytes, memory, program, [area], records=[record])
    code = encode_program(instructions)
    settings = {"scenario": "layer", "code": code.hex(), "interrupt": interrupt, "meddle": True}
    found, after = simulate_driver(job, shared, **settings)
    np.testing.assert_array_equal(plan.output(after), y_q)
    assert after[program:][: len(code)].tobytes() == code
    assert (found["ended"], found["error"]) == ("OK", 0)
    assert found["refused"] == ["BUSY", "BUSY", "TIMEOUT"]
    assert {UnitState(state) for state in found["units"]} - {UnitState.IDLE}
    assert found["parameters"] == {name: getattr(SIZE, name) for name in PARAMETERS}
    assert found["instructions"] == len(instructions) - 1  # END is not handed out
    counters = dict(zip(RECORDED, found["counters"], strict=True))
    assert counters.pop("macs") == plan.macs
    assert counters.pop("cycles") == sum(counters.values())
    written = read_record(after[record:][:RECORD_BYTES])
    assert 0 < written["cycles"] < found["counters"][0]
    assert found["observed"]["protocol_errors"] == 0
    events = ["barrier", "start", "barrier"]
    if interrupt:
        handled = (Status.BUSY | Status.RECORDED, Status.DONE)
        events[2:2] = [f"interrupt {status:#x}" for status in handled]
    assert found["events"] == events
    left = 0 if interrupt else Status.DONE | Status.RECORDED
    assert (found["records"], found["status"]) == (int(interrupt), left)


@pytest.mark.parametrize("interrupt", [False, True], ids=["polling", "interrupt"])
def test_programs_in_a_row(interrupt: bool, shared: Path) -> None:
    """The second is exact, the third runs out of its wait and is aborted, the next one is exact."""
    plan, memory, y_q = convolution()
    program = plan.memory.size + 4096
    output = (plan.memory.output, plan.memory.output_bytes)
    long = Instruction(Opcode.FILL, {"rows": 65535, "row_bytes": 1024})
    job = Job(netlist(SIZE), SIZE.axi_bytes, memory, program, [output])
    found, _ = simulate_driver(
        job,
        shared,
        scenario="programs",
        interrupt=interrupt,
        output=output,
        code=encode_program(plan.program).hex(),
        long=(encode_program([long]) + encode(Instruction(Opcode.END, {}))).hex(),
    )
    for place, one in enumerate(found["programs"]):
        aborted = place == 2
        due = ["TIMEOUT", "FAILED"] if aborted else ["OK"]
        code = ErrorCode.ABORTED if aborted else ErrorCode.NONE
        assert (one["ends"], one["error"]) == (due, code), place
        after = memory.copy()
        after[output[0] : sum(output)] = np.frombuffer(bytes.fromhex(one["output"]), np.uint8)
        if not aborted:
            np.testing.assert_array_equal(plan.output(after), y_q, str(place))
    assert found["observed"]["protocol_errors"] == 0


def test_a_program_that_fails(shared: Path) -> None:
    """Blank memory is no program: its code comes up in C."""
    job = Job(netlist(SIZE), SIZE.axi_bytes, np.zeros(8192, np.uint8), 4096, [])
    for interrupt in (False, True):
        settings = {"scenario": "layer", "code": bytes(32).hex(), "interrupt": interrupt}
        found, _ = simulate_driver(job, shared, **settings, meddle=False)
        assert (found["ended"], found["error"]) == ("FAILED", ErrorCode.ILLEGAL_INSTRUCTION)


def test_registers_are_as_described(shared: Path) -> None:
    """Reset values, writable bits, and nothing elsewhere: the description against the RTL."""
    described = {entry["name"]: entry for entry in describe(SIZE)["registers"]}
    addresses = {name: entry["address"] for name, entry in described.items()}
    holes = [at for at in range(0, 0x100, 4) if at not in addresses.values()]
    job = Job(netlist(SIZE), SIZE.axi_bytes, np.zeros(4096, np.uint8), 0, [])
    found, _ = simulate_driver(
        job, shared, scenario="registers", registers=addresses, holes=[*holes, 0x100, 0xFFC]
    )
    assert found["reset"] == {name: entry["reset"] for name, entry in described.items()}
    assert set(found["holes"]) == {0}
    for name, left in found["ones"].items():
        kept = sum(
            (1 << field["bits"]) - 1 << field["low"]
            for field in described[name]["fields"]
            if field["access"] == "read-write"
        )
        assert left == (kept or described[name]["reset"]), name


def test_the_common_header_is_of_no_configuration(tmp_path: Path) -> None:
    one = headers(SIZE, tmp_path) / "maccord.h"
    text = one.read_text()
    headers(Parameters(), tmp_path)
    assert one.read_text() == text
