"""Rewrites legal programs so that they do the same with other values in their fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...spec.isa import FIELDS, Instruction, Opcode

__all__ = ["scrambled", "shifted"]

_OFFSETS = 1 << 32  # bytes that 32-bit offsets reach
_PITCHES = ("memory_pitch", "buffer_pitch")  # do not matter to a single row
_UNUSED = {
    Opcode.LOAD: ("value",),
    Opcode.WEIGHT: ("value",),
    Opcode.STORE: ("value",),
    Opcode.FILL: ("memory", "memory_pitch"),
}


def shifted(program: Sequence[Instruction], shift: int) -> list[Instruction]:
    """Return a program whose offsets in memory are greater, for a base that is as much lower."""
    return [
        replace(
            step, fields=step.fields | {"memory": (step.fields.get("memory", 0) + shift) % _OFFSETS}
        )
        if "memory" in FIELDS[step.opcode]
        else step
        for step in program
    ]


def scrambled(program: Sequence[Instruction], rng: np.random.Generator) -> list[Instruction]:
    """Return a program with random values in fields that do not matter."""
    found: list[Instruction] = []
    for step in program:
        shapes = FIELDS[step.opcode]
        names = [*_UNUSED.get(step.opcode, ())]
        if step.fields.get("rows") == 1:
            names += _PITCHES
        drawn = {name: _drawn(rng, *shapes[name]) for name in names}
        found.append(replace(step, fields=step.fields | drawn))
    return found


def _drawn(rng: np.random.Generator, bits: int, signed: bool) -> int:
    value = int(rng.integers(1 << bits))
    return value - (1 << bits - 1) if signed else value
