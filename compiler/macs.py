"""Counts the multiplications of a program."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from ..golden.feed.cell_walker import window_of
from ..golden.feed.reduction import Reduction, reduction
from ..spec.isa import Instruction, Mode, Opcode

__all__ = ["count_macs"]


def count_macs(program: Iterable[Instruction], rows: int) -> int:
    """Count the multiplications with weights that a program performs.

    For a grouped convolution in dense mode, this counts the dense block over the groups of a
    column tile; in depthwise mode, the cells that each pass scans per output.

    Parameters
    ----------
    program : iterable of Instruction
        Each ``COMPUTE`` after a ``SETUP``.
    rows : int
        Rows of the array that the program was compiled for, 4 to 64.

    Returns
    -------
    int
    """
    total, used, walk, mode, window = 0, [], 0, Mode.DENSE, 0
    for instruction in program:
        if instruction.opcode == Opcode.SETUP_ADD:
            mode = Mode.ADD
        elif instruction.opcode == Opcode.SETUP_MUL:
            mode = Mode.MUL
        elif instruction.opcode == Opcode.SETUP:
            mode = Mode(instruction["mode"])
            window = prod(window_of(instruction))
            geometry = Reduction(
                *(instruction[name] for name in ("run", "taps", "tap_pitch", "lines")),
                line_pitch=instruction["line_pitch"],
                pack_taps=bool(instruction["pack_taps"]),
                pack_lines=bool(instruction["pack_lines"]),
            )
            used = [p.used for p in reduction(geometry, rows)]
        elif instruction.opcode == Opcode.COMPUTE and mode == Mode.DEPTHWISE:
            pixels = instruction["width"] * instruction["height"]
            total += window * instruction["passes"] * pixels * instruction["columns"]
        elif instruction.opcode == Opcode.COMPUTE and mode == Mode.DENSE:
            walk = 0 if instruction["first"] else walk
            entries = sum(used[walk : walk + instruction["passes"]])
            walk += instruction["passes"]
            total += entries * instruction["width"] * instruction["height"] * instruction["columns"]
    return total
