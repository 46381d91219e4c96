"""TABLE on the instruction-level machine: how long a table applies, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lookup_networks import PARAMETERS
from unit_bench import instruction

from maccord.golden.machine.machine import Machine, ProgramError
from maccord.spec.isa import TABLE_BYTES, Instruction, Mode, Opcode, Unit, encode_program
from maccord.spec.parameters import Parameters
from maccord.spec.registers import ErrorCode

LOAD, COMPUTE, STORE = (1 << unit for unit in (Unit.LOAD, Unit.COMPUTE, Unit.STORE))
CELLS = 32
_TABLE, _OUTPUT, _PROGRAM, _SIZE = 256, 1024, 2048, 4096  # in memory; the cells are at 0
END = Instruction(Opcode.END, {})
SETUP = instruction(
    Opcode.SETUP,
    run=PARAMETERS.rows,
    taps=1,
    lines=1,
    mode=Mode.MAX,
    step_x=1,
    window_height=1,
    window_width=1,
    stride_y=1,
    stride_x=1,
    low=-128,
    high=127,
)


def load(memory: int, buffer: int, size: int, signal: int = 0) -> Instruction:
    fields = {"memory": memory, "buffer": buffer, "rows": 1, "row_bytes": size}
    return instruction(Opcode.LOAD, 0, signal, **fields)


def copy(part: int) -> list[Instruction]:
    """A copy of half a line of cells, and its way to memory."""
    fields = {"passes": 1, "columns": 1, "width": CELLS // 2, "height": 1, "first": 1, "last": 1}
    at = part * CELLS // 2
    return [
        instruction(
            *(Opcode.COMPUTE, 0, STORE), activation=at, output=at, output_pitch=1, **fields
        ),
        instruction(
            Opcode.STORE,
            COMPUTE,
            memory=_OUTPUT + at,
            buffer=at,
            rows=1,
            row_bytes=CELLS // 2,
        ),
    ]


def run(program: list[Instruction], parameters: Parameters = PARAMETERS) -> np.ndarray:
    """What a program copies of the cells 0, 1, 2 and so on; the table gives 255 minus them."""
    memory = np.zeros(_SIZE, np.uint8)
    memory[:CELLS] = np.arange(CELLS)
    memory[_TABLE : _TABLE + TABLE_BYTES] = np.arange(TABLE_BYTES)[::-1]
    code = np.frombuffer(encode_program([*program, END]), np.uint8)
    memory[_PROGRAM : _PROGRAM + code.size] = code
    Machine(parameters, memory).run(_PROGRAM)
    return memory[_OUTPUT : _OUTPUT + CELLS]


BEGIN = [load(_TABLE, CELLS, TABLE_BYTES), load(0, 0, CELLS, COMPUTE), SETUP]
TABLE = instruction(Opcode.TABLE, LOAD, 0, activation=CELLS)
PLAIN, LOOKED_UP = np.arange(CELLS), 255 - np.arange(CELLS)


def test_a_table_applies_to_every_result() -> None:
    np.testing.assert_array_equal(run([*BEGIN, TABLE, *copy(0), *copy(1)]), LOOKED_UP)


def test_a_table_ends_with_the_next_setup() -> None:
    found = run([*BEGIN, TABLE, *copy(0), SETUP, *copy(1)])
    half = CELLS // 2
    np.testing.assert_array_equal(found, [*LOOKED_UP[:half], *PLAIN[half:]])


def test_a_table_begins_in_the_middle() -> None:
    begin = [*BEGIN[:2], instruction(Opcode.TABLE, LOAD), SETUP]  # takes the token of the loads
    found = run([*begin, *copy(0), replace(TABLE, wait=0), *copy(1)])
    half = CELLS // 2
    np.testing.assert_array_equal(found, [*PLAIN[:half], *LOOKED_UP[half:]])


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ([SETUP, replace(TABLE, wait=0)], "reads a table that nobody loaded"),
        (
            [*BEGIN, replace(TABLE, fields={"activation": PARAMETERS.activation_bytes - 255})],
            f"table address {PARAMETERS.activation_bytes} is beyond",
        ),
        ([*BEGIN, replace(TABLE, wait=0)], "no token"),
    ],
    ids=["not loaded", "beyond", "no token"],
)
def test_static_rules(program: list[Instruction], text: str) -> None:
    with pytest.raises(ProgramError, match=text) as caught:
        run(program)
    assert caught.value.unchecked


def test_hardware_without_tables_refuses_at_dispatch() -> None:
    with pytest.raises(ProgramError, match="this hardware has no TABLE") as caught:
        run([*BEGIN, TABLE, *copy(0)], replace(PARAMETERS, lookup=False))
    assert caught.value.at_dispatch
    assert caught.value.code == ErrorCode.ILLEGAL_INSTRUCTION
