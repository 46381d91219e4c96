"""Golden model of the cell walker: reads of a pass, and which complete a window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...spec.isa import WIDE_WINDOW, Instruction, Mode, Opcode
from ...spec.parameters import Parameters
from .reduction import Pass

__all__ = ["Read", "cell_walker", "mode_of", "scan", "window_of"]


class Read(NamedTuple):
    """Byte i comes from `a` + i below `split`, else `b` + i; `cell` is the index in the line."""

    a: int
    b: int
    split: int
    cell: int
    emit: int


def mode_of(setup: Instruction) -> Mode:
    """Return the mode that a SETUP, SETUP_ADD or SETUP_MUL selects."""
    pairs = {Opcode.SETUP_ADD: Mode.ADD, Opcode.SETUP_MUL: Mode.MUL}
    return pairs[setup.opcode] if setup.opcode in pairs else Mode(setup["mode"])


def window_of(setup: Instruction) -> tuple[int, int]:
    """Return the height and width of the window that a SETUP selects, cells.

    Examples
    --------
    >>> window_of(Instruction(Opcode.SETUP, {"window_height": 2, "window_width": 0}))
    (2, 5)
    """
    return setup["window_height"], setup["window_width"] or WIDE_WINDOW


def scan(setup: Instruction, compute: Instruction) -> tuple[int, int]:
    """Return how many lines a pass reads, and cells per line; pixels in mode DENSE.

    Examples
    --------
    >>> window = {"window_height": 3, "window_width": 2, "stride_y": 1, "stride_x": 2}
    >>> setup = Instruction(Opcode.SETUP, {"mode": Mode.MAX, **window})
    >>> scan(setup, Instruction(Opcode.COMPUTE, {"height": 4, "width": 4}))
    (6, 8)
    """
    height, width = compute["height"], compute["width"]
    if mode_of(setup) not in (Mode.DEPTHWISE, Mode.MAX):
        return height, width
    lines, cells = window_of(setup)
    return (height - 1) * setup["stride_y"] + lines, (width - 1) * setup["stride_x"] + cells


def cell_walker(
    setup: Instruction, compute: Instruction, step: Pass, parameters: Parameters
) -> Iterator[Read]:
    """Yield the reads of a pass, left to right and top to bottom.

    Parameters
    ----------
    setup, compute : Instruction
        The active geometry, and the tile.
    step : Pass
        Pass of the reduction; for a sum or a product, one with addresses 0.
    parameters : Parameters
        Addresses wrap at `activation_bytes`.
    """
    mode, size, count = mode_of(setup), parameters.activation_bytes, parameters.vector_bytes
    lines, cells = scan(setup, compute)
    if mode == Mode.MUL and setup["broadcast"]:
        yield from _broadcast(setup, compute, parameters)
        return
    window = (1, 2) if mode in (Mode.ADD, Mode.MUL) else window_of(setup)
    for line in range(lines):
        for cell in range(cells):
            origin = compute["activation"] + line * setup["step_y"] + cell * setup["step_x"]
            a, b = (origin + step.a) % size, (origin + step.b) % size
            if mode in (Mode.ADD, Mode.MUL):
                b = (a + setup["operand_pitch"]) % size
                yield Read(a, b, count, 2 * cell % parameters.line_cells, 0)
                yield Read(a, b, 0, (2 * cell + 1) % parameters.line_cells, 1)
                continue
            emit, split = 1, step.split
            if mode != Mode.DENSE:
                y, x = line - window[0] + 1, cell - window[1] + 1
                emit = min(x, y) >= 0 and y % setup["stride_y"] == x % setup["stride_x"] == 0
                split = count
            yield Read(a, b, split, cell % parameters.line_cells, int(emit))


def _broadcast(setup: Instruction, compute: Instruction, parameters: Parameters) -> Iterator[Read]:
    """Yield the reads of a product with one vector: in each line that vector, then the pixels."""
    size, count = parameters.activation_bytes, parameters.vector_bytes
    b = (compute["activation"] + setup["operand_pitch"]) % size
    for line in range(compute["height"]):
        start = compute["activation"] + line * setup["step_y"]
        yield Read(b, b, 0, 0, 0)
        for pixel in range(compute["width"]):
            a = (start + pixel * setup["step_x"]) % size
            yield Read(a, b, count, (pixel + 1) % parameters.line_cells, 1)
