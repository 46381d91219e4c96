"""The whole accelerator in Verilator: random layers, wrong programs, a bus that answers badly."""

from __future__ import annotations

import numpy as np
import pytest
from accelerator_bench import CONFIGURATIONS, netlist, run_layer
from schedule_layers import random_layer

from maccord.golden.network import compute
from maccord.sim.simulate import Job, Result, simulate
from maccord.spec.isa import Instruction, Opcode, Unit, encode_program
from maccord.spec.registers import ErrorCode, Status

pytestmark = pytest.mark.usefixtures("quick_builds")
SEEDS = range(8)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_random_layers_equal_golden(name: str, seed: int) -> None:
    rng = np.random.default_rng([seed, list(CONFIGURATIONS).index(name)])
    layer, shape = random_layer(rng)
    x_q = rng.integers(0, 256, shape, dtype=np.uint8)
    stalls = {} if seed % 2 else {"stall_probability": 0.3, "stall_seed": seed, "jitter": 40}
    y_q, result, plan = run_layer(layer, x_q, CONFIGURATIONS[name], **stalls)

    assert result.status == Status.DONE
    assert (result.protocol_error, result.stray_bytes, result.unwritten) == ("", 0, [0])
    np.testing.assert_array_equal(y_q, compute(layer, [x_q]))
    counters = dict(result.counters)
    assert counters.pop("cycles") == sum(counters.values())
    assert result.counters["compute"] >= plan.macs // (
        CONFIGURATIONS[name].rows * CONFIGURATIONS[name].cols
    )


SMALLEST = CONFIGURATIONS["4x4 bus 8"]
_LOAD = {"memory": 0, "memory_pitch": 64, "buffer": 0, "buffer_pitch": 64, "rows": 2}
_LOAD |= {"row_bytes": 40}
_COMPUTE = {"passes": 1, "columns": 4, "width": 1, "height": 1, "first": 1, "last": 1}
OUTSIDE = 1 << 20


def _run(*program: Instruction, raw: bytes = b"", **changes: object) -> Result:
    end = Instruction(Opcode.END, {})
    code = np.frombuffer(encode_program(program) + raw + encode_program([end]), np.uint8)
    memory = np.zeros(16384, np.uint8)
    memory[8192 : 8192 + code.size] = code
    job = Job(netlist(SMALLEST), 8, memory, 8192, [], [(4096, 4096)], cycle_limit=20_000, **changes)
    return simulate(job)


WRONG = {
    "blank": ((), bytes(32), ErrorCode.ILLEGAL_INSTRUCTION),
    "unknown opcode": ((), bytes([0x0F]) + bytes(31), ErrorCode.ILLEGAL_INSTRUCTION),
    "no rows": (
        (Instruction(Opcode.LOAD, _LOAD | {"rows": 0}),),
        b"",
        ErrorCode.ILLEGAL_INSTRUCTION,
    ),
    "too many columns": (
        (Instruction(Opcode.COMPUTE, _COMPUTE | {"columns": 5}),),
        b"",
        ErrorCode.ILLEGAL_INSTRUCTION,
    ),
    "load from nowhere": (
        (Instruction(Opcode.LOAD, _LOAD | {"memory": OUTSIDE}),),
        b"",
        ErrorCode.READ_ERROR,
    ),
    "weights from nowhere": (
        (Instruction(Opcode.WEIGHT, _LOAD | {"memory": OUTSIDE, "rows": 1}),),
        b"",
        ErrorCode.READ_ERROR,
    ),
    "store to nowhere": (
        (Instruction(Opcode.STORE, _LOAD | {"memory": OUTSIDE}),),
        b"",
        ErrorCode.WRITE_ERROR,
    ),
    "load beyond the scratchpad": (
        (Instruction(Opcode.LOAD, _LOAD | {"buffer": 4096 - 64}),),
        b"",
        ErrorCode.SCRATCHPAD_RANGE,
    ),
    "store from beyond the scratchpad": (
        (Instruction(Opcode.STORE, _LOAD | {"memory": 4096, "buffer": 1024 - 20}),),
        b"",
        ErrorCode.SCRATCHPAD_RANGE,
    ),
    "compute beyond the scratchpad": (
        (Instruction(Opcode.COMPUTE, _COMPUTE | {"activation": 4096}),),
        b"",
        ErrorCode.SCRATCHPAD_RANGE,
    ),
    "a token that never comes": (
        (Instruction(Opcode.LOAD, _LOAD, wait=1 << Unit.COMPUTE),),
        b"",
        ErrorCode.DEADLOCK,
    ),
    "weights that never come": (
        (Instruction(Opcode.COMPUTE, _COMPUTE, wait=1 << Unit.WEIGHT),),
        b"",
        ErrorCode.DEADLOCK,
    ),
    "more of them than a queue holds": (
        tuple(Instruction(Opcode.LOAD, _LOAD, wait=1 << Unit.STORE) for _ in range(20)),
        b"",
        ErrorCode.DEADLOCK,
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_program_ends_with_its_error(name: str) -> None:
    program, raw, code = WRONG[name]
    result = _run(*program, raw=raw)
    assert result.status & ~0xFF00 == Status.ERROR | Status.DONE
    assert result.error_code == code
    assert result.protocol_error == ""


def test_empty_program_ends() -> None:
    result = _run()
    assert (result.status, result.error_code) == (Status.DONE, ErrorCode.NONE)


def test_program_outside_memory_is_a_read_error() -> None:
    memory = np.zeros(4096, np.uint8)
    result = simulate(Job(netlist(SMALLEST), 8, memory, 1 << 20, [], cycle_limit=20_000))
    assert result.error_code == ErrorCode.READ_ERROR
