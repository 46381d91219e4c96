"""Programs that are wrong, or may be: what the tests of errors run, and how their ends compare."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from accelerator_bench import netlist
from golden_layers import random_conv2d

from maccord.compiler import Schedule, schedule
from maccord.golden.machine.machine import Machine, ProgramError
from maccord.golden.network import compute
from maccord.sim.build import build
from maccord.sim.process import cocotb_environment, job_folder, run_program
from maccord.sim.simulate import Job
from maccord.spec.isa import INSTRUCTION_BYTES, Instruction, Opcode, decode
from maccord.spec.parameters import Parameters
from maccord.spec.registers import ErrorCode
from maccord.verify.regress.programs import targets
from maccord.verify.regress.verdicts import Verdict, verdict

__all__ = ["SMALL", "Outcome", "legal", "legal_program", "run_cases"]

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
    allowed: np.ndarray  # bytes that its STOREs and RECORDs may write
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
        assert not (changed & ~self.allowed).any()
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


def legal_program() -> list[Instruction]:
    """The legal layer's program, without its END."""
    plan, memory, *_ = legal()
    code = memory[plan.memory.program :][: plan.memory.program_bytes].tobytes()
    steps = [decode(code[i : i + INSTRUCTION_BYTES]) for i in range(0, len(code), 32)]
    return steps[: [step.opcode for step in steps].index(Opcode.END)]


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
        allowed = targets(code, image.size)
        outcomes.append(Outcome(result, own, before, golden, code, refusal, allowed, exact))
    return outcomes
