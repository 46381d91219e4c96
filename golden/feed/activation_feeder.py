"""Golden model of the activation feeder: reads of a COMPUTE, and vector control."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from ...spec.isa import Instruction, Mode
from ...spec.parameters import Parameters
from .cell_walker import Read, cell_walker, mode_of, window_of
from .reduction import Pass

__all__ = ["Vector", "activation_feeder"]


class Vector(NamedTuple):
    """The control of a vector; `rows` rows of `columns` columns multiply by weights."""

    address: int
    swap: int
    first: int
    last: int
    load_bias: int
    load_multiplier: int
    rows: int
    columns: int


def activation_feeder(
    setup: Instruction, compute: Instruction, walk: Iterator[Pass], parameters: Parameters
) -> Iterator[tuple[Read, Vector | None]]:
    """Yield the reads of a tile, pass by pass; some start a vector.

    Parameters
    ----------
    setup, compute : Instruction
        The active geometry, and the tile.
    walk : iterator of Pass
        The reduction, advanced by the tile's passes; a tile with `first` starts a new one. For
        MAX, ADD and MUL, which have no vectors, a pass of zeros.
    parameters : Parameters
        Addresses wrap at `activation_bytes`, accumulators at `accumulators`.
    """
    mode = mode_of(setup)
    for number in range(compute["passes"]):
        step = next(walk)
        first = compute["first"] and number == 0
        last = compute["last"] and number == compute["passes"] - 1
        rows = step.used
        if mode == Mode.DEPTHWISE:
            rows = prod(window_of(setup))
        vectors = 0
        for read in cell_walker(setup, compute, step, parameters):
            if mode in (Mode.MAX, Mode.ADD, Mode.MUL) or not read.emit:
                yield read, None
                continue
            yield (
                read,
                Vector(
                    address=(compute["accumulator"] + vectors) % parameters.accumulators,
                    swap=int(vectors == 0),
                    first=int(first),
                    last=int(last),
                    load_bias=int(first and vectors == 0),
                    load_multiplier=int(last and vectors == 0),
                    rows=rows,
                    columns=compute["columns"],
                ),
            )
            vectors += 1
