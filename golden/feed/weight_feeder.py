"""Which rows of the weight scratchpad a COMPUTE takes, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...spec.isa import PARAMETER_ROWS, Instruction
from ...spec.parameters import Parameters

__all__ = ["WeightRow", "weight_feeder"]


class WeightRow(NamedTuple):
    """A row: its number, whether it is the first of a tile, and whether one of parameters."""

    row: int
    capture: int
    param: int


def weight_feeder(compute: Instruction, parameters: Parameters) -> Iterator[WeightRow]:
    """Yield the rows of a COMPUTE: parameters if it has `first`, then one tile for each pass.

    Rows wrap at the end of the scratchpad.
    """
    row = compute["weight"]
    for _ in range(PARAMETER_ROWS if compute["first"] else 0):
        yield WeightRow(row % parameters.weight_rows, 0, 1)
        row += 1
    for _ in range(compute["passes"]):
        for index in range(parameters.rows):
            yield WeightRow(row % parameters.weight_rows, int(index == 0), 0)
            row += 1
