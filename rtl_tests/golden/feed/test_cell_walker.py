"""Reads of a pass against the tile written down: addresses, and which complete a window."""

from __future__ import annotations

import pytest

from maccord.golden.feed.cell_walker import cell_walker
from maccord.golden.feed.reduction import Pass
from maccord.spec.isa import Instruction, Mode, Opcode
from maccord.spec.parameters import Parameters

HARDWARE = Parameters(rows=4, cols=4)
SIZE, COUNT, CELLS = HARDWARE.activation_bytes, HARDWARE.vector_bytes, HARDWARE.line_cells
TILE = Instruction(Opcode.COMPUTE, {"activation": SIZE - 700, "width": 5, "height": 3})
STEPS = {"step_x": 7, "step_y": 301}


def origin(line: int, cell: int) -> int:
    return SIZE - 700 + 301 * line + 7 * cell


def test_dense() -> None:
    window = {"window_height": 1, "window_width": 1}
    setup = Instruction(Opcode.SETUP, {"mode": Mode.DENSE, **window, **STEPS})
    step = Pass(a=11, b=25, split=2, start=0, used=4)
    found = list(cell_walker(setup, TILE, step, HARDWARE))
    assert found == [
        ((origin(y, x) + 11) % SIZE, (origin(y, x) + 25) % SIZE, 2, x % CELLS, 1)
        for y in range(3)
        for x in range(5)
    ]


@pytest.mark.parametrize("stride", [(1, 1), (2, 3), (3, 1)])
def test_windows(stride: tuple[int, int]) -> None:
    """The last cell of each window of 2 x 3 emits, none before."""
    window = {"window_height": 2, "window_width": 3, "stride_y": stride[0], "stride_x": stride[1]}
    setup = Instruction(Opcode.SETUP, {"mode": Mode.MAX, **window, **STEPS})
    found = list(cell_walker(setup, TILE, Pass(a=0, b=0, split=1, start=0, used=4), HARDWARE))
    lines, cells = 2 * stride[0] + 2, 4 * stride[1] + 3
    ends = {(y * stride[0] + 1, x * stride[1] + 2) for y in range(3) for x in range(5)}
    assert found == [
        (origin(y, x) % SIZE, origin(y, x) % SIZE, COUNT, x % CELLS, int((y, x) in ends))
        for y in range(lines)
        for x in range(cells)
    ]


def test_pairs() -> None:
    setup = Instruction(Opcode.SETUP_ADD, {"operand_pitch": 1000, **STEPS})
    found = list(cell_walker(setup, TILE, Pass(a=0, b=0, split=COUNT, start=0, used=4), HARDWARE))
    expected = []
    for y in range(3):
        for x in range(5):
            a, b = origin(y, x) % SIZE, (origin(y, x) + 1000) % SIZE
            expected += [(a, b, COUNT, 2 * x % CELLS, 0), (a, b, 0, (2 * x + 1) % CELLS, 1)]
    assert found == expected


def test_a_product_with_one_vector() -> None:
    setup = Instruction(Opcode.SETUP_MUL, {"operand_pitch": 900, "broadcast": 1, **STEPS})
    found = list(cell_walker(setup, TILE, Pass(a=0, b=0, split=COUNT, start=0, used=4), HARDWARE))
    vector = (SIZE - 700 + 900) % SIZE
    expected = []
    for y in range(3):
        expected.append((vector, vector, 0, 0, 0))
        expected += [(origin(y, x) % SIZE, vector, COUNT, (x + 1) % CELLS, 1) for x in range(5)]
    assert found == expected
