"""Programs that are wrong, or may be: what the tests of errors run, and how their ends compare."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from accelerator_bench import netlist
from error_verdicts import Verdict, steps, verdict
from golden_layers import random_conv2d

from maccord.compiler import Schedule, schedule
from maccord.golden.machine.machine import Machine, ProgramError
from maccord.golden.network import compute
from maccord.sim.build import build
from maccord.sim.process import cocotb_environment, job_folder, run_program
from maccord.sim.simulate import Job
from maccord.spec.isa import (
    FIELDS,
    INSTRUCTION_BYTES,
    UNIT_OF,
    Instruction,
    Opcode,
    Unit,
    decode,
    encode,
    encode_program,
)
from maccord.spec.parameters import Parameters
from maccord.spec.registers import ErrorCode

__all__ = ["SMALL", "Outcome", "legal", "mutated", "random_bytes", "random_fields", "run_cases"]

SMALL = Parameters(
    rows=9,
    cols=3,
    axi_bytes=8,
    activation_bytes=1 << 12,
    weight_bytes=1 << 11,
    output_bytes=1 << 10,
    accumulators=64,
    product=True,
)
END = encode(Instruction(Opcode.END, {}))
LIMIT = 400_000  # cycles of a program that the machine accepts


@dataclass(frozen=True)
class Outcome:
    """How a program ended in RTL, and in the instruction-level machine."""

    found: dict[str, Any]
    memory: np.ndarray  # after it
    image: np.ndarray  # before it
    golden: np.ndarray
    program: bytes
    refusal: ProgramError | None  # of the machine
    targets: np.ndarray  # bytes that its STOREs and RECORDs may write
    next_exact: bool

    @property
    def code(self) -> ErrorCode:
        """The machine's."""
        return self.refusal.code if self.refusal else ErrorCode.NONE

    def check(self) -> Verdict:
        """It ended, wrote nothing outside, the next one is exact, and the machine agrees."""
        assert not self.found["hung"]
        assert self.next_exact
        changed = self.memory != self.image
        assert not (changed & ~self.targets).any()
        assert self.found["ended"] != (self.found["code"] == ErrorCode.ABORTED)
        how = verdict(self.program, self.refusal, ErrorCode(self.found["code"]), SMALL)
        if how == Verdict.ACCEPTED:
            np.testing.assert_array_equal(self.memory, self.golden)
        return how


@cache
def legal() -> tuple[Schedule, np.ndarray, np.ndarray, int]:
    """A layer's schedule, its memory with room for a program behind, golden codes, that place."""
    rng = np.random.default_rng(11)
    layer = random_conv2d(rng, 6, 3, (3, 3), padding=(1, 1))
    x_q = rng.integers(0, 256, (1, 7, 6, 3), dtype=np.uint8)
    plan = schedule(layer, x_q.shape, SMALL)
    place = -(-plan.memory.size // 256) * 256
    memory = np.zeros(-(-(place + plan.memory.program_bytes + 512) // 4096) * 4096, np.uint8)
    memory[: plan.memory.size] = plan.image(x_q)
    return plan, memory, compute(layer, [x_q]), place


def _program() -> list[Instruction]:
    plan, memory, *_ = legal()
    code = memory[plan.memory.program :][: plan.memory.program_bytes].tobytes()
    steps = [decode(code[i : i + INSTRUCTION_BYTES]) for i in range(0, len(code), 32)]
    return steps[: [step.opcode for step in steps].index(Opcode.END)]


def _value(rng: np.random.Generator, bits: int, signed: bool) -> int:
    """A value of a field: small, large or any."""
    kinds = [0, 1, (1 << bits - signed) - 1, int(rng.integers(0, 1 << bits - signed))]
    return int(rng.choice([*kinds, int(rng.integers(0, min(64, 1 << bits - signed)))]))


def mutated(rng: np.random.Generator) -> bytes:
    """The legal program with one to three fields, masks or places changed."""
    program = _program()
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(program)))
        old = program[at]
        kind = rng.integers(5)
        if kind == 0:
            del program[at]
        elif kind == 1:
            program.insert(int(rng.integers(len(program))), old)
        elif kind == 2:
            wait, signal = (int(rng.integers(16)) for _ in range(2))
            program[at] = Instruction(old.opcode, old.fields, wait, signal)
        else:
            name = str(rng.choice(list(FIELDS[old.opcode])))
            value = _value(rng, *FIELDS[old.opcode][name])
            program[at] = Instruction(old.opcode, old.fields | {name: value}, old.wait, old.signal)
    return encode_program(program) + END


def random_fields(rng: np.random.Generator) -> bytes:
    """Instructions with random fields, half of them small, and few tokens."""
    program = []
    for _ in range(int(rng.integers(1, 12))):
        opcode = Opcode(int(rng.choice([int(o) for o in Opcode if o != Opcode.END])))
        fields = {name: _value(rng, *shape) for name, shape in FIELDS[opcode].items()}
        masks = [int(rng.integers(16)) if rng.random() < 0.2 else 0 for _ in range(2)]
        program.append(Instruction(opcode, fields, *masks))
    return encode_program(program) + END


def random_bytes(rng: np.random.Generator) -> bytes:
    """Any bytes, but for opcodes that exist in half of them."""
    words = [bytearray(rng.bytes(INSTRUCTION_BYTES)) for _ in range(int(rng.integers(1, 8)))]
    for word in words:
        if rng.random() < 0.7:
            word[0] = word[0] & 0xF0 | int(rng.integers(2, 10))
            word[0] &= 0x0F if rng.random() < 0.5 else 0xFF
    return b"".join(words) + END


def _targets(code: bytes, size: int) -> np.ndarray:
    """Bytes of memory that a program's STOREs and RECORDs name."""
    allowed = np.zeros(size, bool)
    for step in steps(code)[0]:
        if UNIT_OF.get(step.opcode) != Unit.STORE:
            continue
        starts = (step["memory"] + np.arange(step["rows"]) * step["memory_pitch"]) % (1 << 32)
        for start in starts[(starts < size) | (starts + step["row_bytes"] > 1 << 32)].tolist():
            allowed[start : start + step["row_bytes"]] = True
            if (over := start + step["row_bytes"] - (1 << 32)) > 0:
                allowed[:over] = True
    return allowed


def _golden(image: np.ndarray, place: int) -> tuple[np.ndarray, ProgramError | None]:
    memory = image.copy()
    try:
        Machine(SMALL, memory).run(place)
    except ProgramError as error:
        return memory, error
    return memory, None


def run_cases(
    codes: list[bytes], aborts: list[int | None] | None = None, **memory: int
) -> list[Outcome]:
    """Run programs in one simulation, each followed by the legal one.

    `aborts` gives the cycles after which each is aborted, `memory` is for `Testbench.reset`.
    """
    plan, image, due, place = legal()
    base = 0x12_3456_7000
    cases = [
        {"code": code.hex(), "limit": LIMIT} | ({} if abort is None else {"abort": abort})
        for code, abort in zip(codes, aborts or [None] * len(codes), strict=True)
    ]
    job = Job(netlist(SMALL), SMALL.axi_bytes, image, plan.memory.program, [], base=base)
    model = build(job.verilog, job.axi_bytes)
    settings = {"base": base, "program": plan.memory.program, "place": place, "memory": memory}
    with job_folder(job) as folder:
        (folder / "job.json").write_text(json.dumps(settings | {"cases": cases}))
        run_program([str(model.path)], folder, cocotb_environment(folder, "errors_bench"))
        assert (folder / "result.json").exists(), (folder / "log").read_text()
        found, seen = json.loads((folder / "result.json").read_text())
        after = np.fromfile(folder / "memories.bin", np.uint8).reshape(-1, 2, image.size)
    assert seen["protocol_errors"] == 0, seen
    outputs = slice(plan.memory.output, plan.memory.output + due.size)
    outcomes = []
    for code, result, (own, following) in zip(codes, found, after, strict=False):
        before = image.copy()
        before[place : place + len(code)] = np.frombuffer(code, np.uint8)
        # The machine takes long for what is to be aborted
        golden, refusal = (before, None) if aborts else _golden(before, place)
        exact = result.get("next", {}).get("code") == ErrorCode.NONE and np.array_equal(
            following[outputs] ^ 0x80, due.reshape(-1)
        )
        targets = _targets(code, image.size)
        outcomes.append(Outcome(result, own, before, golden, code, refusal, targets, exact))
    return outcomes
