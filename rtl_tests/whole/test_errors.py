"""Errors, hangs and aborts in RTL: every program ends, and what follows it is exact."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from error_programs import Outcome, legal_program, run_cases

from maccord.spec.isa import MAX_TOKENS, QUEUED, Instruction, Mode, Opcode, Unit, encode_program
from maccord.spec.registers import ErrorCode, Status
from maccord.verify.regress.programs import END, KINDS
from maccord.verify.regress.verdicts import Verdict

pytestmark = pytest.mark.usefixtures("quick_builds")
RANDOM = 30  # programs of each kind
#: Cycles from an error to the interrupt, beside memory's latency and the bursts outstanding.
SLACK = 64
FAR = 1 << 24
MOST = {"rows": 65535, "row_bytes": FAR - 1}
SETUP = Instruction(
    Opcode.SETUP,
    {"run": 9, "taps": 1, "lines": 1, "step_x": 1, "step_y": 1, "low": -128, "high": 127},
)
MAX = Instruction(
    Opcode.SETUP,
    SETUP.fields
    | {"mode": Mode.MAX, "window_height": 1, "window_width": 1, "stride_x": 1, "stride_y": 1},
)
ADD = Instruction(Opcode.SETUP_ADD, {"shift": 20})
MUL = Instruction(Opcode.SETUP_MUL, {"multiplier": 0x3F800000})
BROADCAST = Instruction(Opcode.SETUP_MUL, {"multiplier": 0x3F800000, "broadcast": 1})
TILE = {"passes": 1, "columns": 3, "width": 1, "height": 1, "first": 1, "last": 1}
TILE |= {"output_pitch": 3}


def step(opcode: Opcode, wait: int = 0, signal: int = 0, **fields: int) -> Instruction:
    return Instruction(opcode, fields, wait, signal)


def tile(wait: int = 0, signal: int = 0, **fields: int) -> Instruction:
    return Instruction(Opcode.COMPUTE, TILE | fields, wait, signal)


FILLED = step(Opcode.FILL, 0, 1 << Unit.COMPUTE, rows=1, row_bytes=4096, value=1)
WEIGHTS = step(Opcode.WEIGHT, 0, 1 << Unit.COMPUTE, rows=1, row_bytes=2048)
READY = (FILLED, WEIGHTS, SETUP)
BOTH = 1 << Unit.LOAD | 1 << Unit.WEIGHT
ILLEGAL, RANGE, DEADLOCK = (
    ErrorCode.ILLEGAL_INSTRUCTION,
    ErrorCode.SCRATCHPAD_RANGE,
    ErrorCode.DEADLOCK,
)
TINY = step(Opcode.FILL, 0, 1 << Unit.COMPUTE, rows=1, row_bytes=1, buffer=4000)


def token_rush(most: int) -> tuple[Instruction, ...]:
    """Up to `most` tokens in program order; in time, the fills run ahead of the queued tiles."""
    waits = 1 << Unit.LOAD
    long = {"width": 32, "height": 32, "output_pitch": 0}
    turns = (each for _ in range(QUEUED + 2) for each in (tile(waits), TINY))
    return (FILLED, MAX, tile(waits, **long), tile(**long), *[TINY] * most, *turns)


WRONG: dict[str, tuple[tuple[Instruction, ...], ErrorCode]] = {
    **{
        f"compute waits for {unit.name}": ((SETUP, tile(1 << unit)), DEADLOCK)
        for unit in Unit
        if unit != Unit.WEIGHT
    },
    "a second compute waits": (
        (FILLED, MAX, tile(1 << Unit.LOAD), tile(1 << Unit.STORE), SETUP),
        DEADLOCK,
    ),
    "store waits": ((step(Opcode.STORE, 1 << Unit.COMPUTE, rows=1, row_bytes=8),), DEADLOCK),
    "continues no walk, setup": ((SETUP, tile(first=0), SETUP), ILLEGAL),
    "continues no walk, setup_add": ((SETUP, tile(first=0), ADD), ILLEGAL),
    "continues no walk, setup_mul": ((SETUP, tile(first=0), MUL), ILLEGAL),
    "continues with fewer columns": (
        (
            FILLED,
            WEIGHTS,
            step(Opcode.SETUP, **(SETUP.fields | {"taps": 2})),
            tile(BOTH, last=0),
            tile(first=0, columns=2),
        ),
        ILLEGAL,
    ),
    "a token for outputs that do not come": (
        (
            FILLED,
            WEIGHTS,
            step(Opcode.SETUP, **(SETUP.fields | {"taps": 2})),
            tile(BOTH, 1 << Unit.STORE, last=0),
            step(Opcode.STORE, 1 << Unit.COMPUTE, rows=1, row_bytes=8),
        ),
        DEADLOCK,
    ),
    "more passes than the walk": ((SETUP, tile(passes=3)), ILLEGAL),
    "no setup": ((tile(),), ILLEGAL),
    "two passes of an addition": ((ADD, tile(passes=2)), ILLEGAL),
    "two passes of a product": ((MUL, tile(passes=2)), ILLEGAL),
    "one token too many": (token_rush(MAX_TOKENS + 1), DEADLOCK),
    "load for ever": ((step(Opcode.LOAD, **MOST),), RANGE),
    "fill for ever": ((step(Opcode.FILL, **MOST),), RANGE),
    "store for ever": ((step(Opcode.STORE, **MOST, buffer=4096),), RANGE),
    "compute for ever": (
        (*READY, tile(passes=65535, width=65535, height=65535)),
        RANGE,
    ),
    "max for ever": ((FILLED, MAX, tile(width=65535, height=65535)), RANGE),
    "add for ever": ((FILLED, ADD, tile(width=65535, height=65535)), RANGE),
    "multiply for ever": ((FILLED, MUL, tile(width=65535, height=65535)), RANGE),
    "multiply by one for ever": ((FILLED, BROADCAST, tile(width=65535, height=65535)), RANGE),
    "load from nowhere for ever": (
        (step(Opcode.LOAD, memory=FAR, memory_pitch=8, rows=65535, row_bytes=4096),),
        ErrorCode.READ_ERROR,
    ),
    "store to nowhere": (
        (step(Opcode.STORE, memory=FAR, rows=1, row_bytes=8),),
        ErrorCode.WRITE_ERROR,
    ),
    "weights from nowhere": (
        (step(Opcode.WEIGHT, memory=FAR, rows=1, row_bytes=2048),),
        ErrorCode.READ_ERROR,
    ),
}
LATENCY = 60
BURST = 68  # cycles of an outstanding burst, of 64 beats at most
OUTSTANDING = 64  # bursts, at most, in this memory
REACHED = 600  # cycles from the start until a wrong instruction shows, if not for what follows
#: Cycles more: without progress, over a scratchpad's end by beats of 8 bytes, by pixels.
MORE = {"load for ever": 512, "max for ever": 1024, "add for ever": 2048}
MORE |= {"multiply for ever": 2048, "multiply by one for ever": 1024}
MORE |= {name: 1024 for name, (_, code) in WRONG.items() if code == DEADLOCK}
MORE["one token too many"] = 6144  # among them those of the long tile
# An error while another unit goes on for a long time
LONG = {
    "fill": step(Opcode.FILL, rows=65535, row_bytes=4096),
    "load": step(Opcode.LOAD, rows=65535, row_bytes=4096),
    "store": step(Opcode.STORE, memory=0, rows=65535, row_bytes=1024),
    "max": tile(width=32, height=32, output_pitch=0),
}


@cache
def wrong(stall: int) -> dict[str, Outcome]:
    """All wrong programs, in one simulation with a slow memory, stalling or not."""
    codes = [encode_program(program) + END for program, _ in WRONG.values()]
    outcomes = run_cases(codes, latency=LATENCY, stall=stall)
    return dict(zip(WRONG, outcomes, strict=False))


@pytest.mark.parametrize("name", WRONG)
def test_wrong_program_ends(name: str) -> None:
    """With the code of the instruction-level machine, nothing written, the next one exact."""
    outcome, code = wrong(40)[name], WRONG[name][1]
    outcome.check()
    assert outcome.found["ended"]
    assert outcome.found["status"] == Status.DONE | Status.ERROR
    assert (outcome.found["code"], outcome.code) == (code, code)
    np.testing.assert_array_equal(outcome.memory, outcome.image)


@pytest.mark.parametrize("name", WRONG)
def test_wrong_program_ends_soon(name: str) -> None:
    """Within memory's latency and the bursts outstanding of the error, without stalls."""
    found = wrong(0)[name].found
    print(name, found["cycles"], found["bursts"])
    left = LATENCY + BURST * min(found["bursts"], OUTSTANDING) + SLACK
    assert found["cycles"] < REACHED + MORE.get(name, 0) + left


def test_as_many_tokens_as_there_may_be() -> None:
    """Counters hold `QUEUED` tokens more, given to instructions that are still queued."""
    (outcome,) = run_cases([encode_program(token_rush(MAX_TOKENS)) + END], latency=LATENCY)
    assert outcome.check() == Verdict.ACCEPTED
    assert outcome.found["code"] == ErrorCode.NONE


@pytest.mark.parametrize("name", LONG)
def test_abort_ends_what_runs_long(name: str) -> None:
    """Within memory's latency and the bursts outstanding, at any cycle; the next one is exact."""
    program = (FILLED, MAX, LONG[name])
    code = encode_program(program) + END
    aborts: list[int | None] = [0, 3, 20, 90, 200, 201, 400, 700]
    for outcome in run_cases([code] * len(aborts), aborts, latency=40):
        assert not outcome.found["hung"]
        assert outcome.found["code"] == ErrorCode.ABORTED
        assert outcome.next_exact
        bursts = min(outcome.found["bursts"], OUTSTANDING)
        assert outcome.found["abort_cycles"] < SLACK + 40 + BURST * bursts


@pytest.mark.parametrize("kind", KINDS)
def test_random_programs_end(kind: str) -> None:
    """Each ends by itself or by an abort, as `verdicts` allows; `maccord regress` runs more."""
    seed = 5
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    codes = [KINDS[kind](rng, legal_program()) for _ in range(RANDOM)]
    outcomes = run_cases(codes, latency=20, stall=20)
    assert len(outcomes) == RANDOM
    for how, number in Counter(outcome.check() for outcome in outcomes).most_common():
        print(f"{number} of {RANDOM}: {how}")
