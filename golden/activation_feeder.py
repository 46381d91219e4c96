"""The vectors of a COMPUTE: what each lane reads, and what happens to its sums."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .isa import Instruction
from .parameters import Parameters
from .reduction import Pass

__all__ = ["Vector", "activation_feeder"]


class Vector(NamedTuple):
    """A vector: addresses as in `maccord.golden.reduction.Pass`, accumulator, control bits."""

    a: int
    b: int
    split: int
    address: int
    swap: int
    first: int
    last: int
    load_bias: int
    load_multiplier: int


def activation_feeder(
    setup: Instruction, compute: Instruction, walk: Iterator[Pass], parameters: Parameters
) -> Iterator[Vector]:
    """Yield the vectors of a tile: pass by pass, its pixels left to right and top to bottom.

    Parameters
    ----------
    setup, compute : Instruction
        The geometry in force, and the tile.
    walk : iterator of Pass
        The reduction; advanced by the tile's passes. A tile with `first` starts a new one.
    parameters : Parameters
        Addresses wrap at `activation_bytes`.
    """
    size, accumulators = parameters.activation_bytes, parameters.accumulators
    for number in range(compute["passes"]):
        step = next(walk)
        first = compute["first"] and number == 0
        last = compute["last"] and number == compute["passes"] - 1
        for pixel in range(compute["width"] * compute["height"]):
            y, x = divmod(pixel, compute["width"])
            origin = compute["activation"] + y * setup["step_y"] + x * setup["step_x"]
            yield Vector(
                a=(origin + step.a) % size,
                b=(origin + step.b) % size,
                split=step.split,
                address=(compute["accumulator"] + pixel) % accumulators,
                swap=int(pixel == 0),
                first=int(first),
                last=int(last),
                load_bias=int(first and pixel == 0),
                load_multiplier=int(last and pixel == 0),
            )
