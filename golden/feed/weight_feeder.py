"""Golden model of the weight feeder: weight scratchpad rows that a COMPUTE reads, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...spec.isa import PARAMETER_ROWS, Instruction
from ...spec.parameters import Parameters
from ...spec.weight_widths import packed_rows

__all__ = ["WeightRow", "weight_feeder"]


class WeightRow(NamedTuple):
    """A row: its index, whether it is a tile's first, and whether it holds parameters."""

    row: int
    capture: int
    param: int


def weight_feeder(
    compute: Instruction, parameters: Parameters, bits: int = 8
) -> Iterator[WeightRow]:
    """Yield the rows of a COMPUTE: parameters if it has `first`, then one tile per pass.

    Rows wrap at the end of the scratchpad. A tile has fewer rows if its weights of `bits` bits are
    packed.
    """
    row = compute["weight"]
    for _ in range(PARAMETER_ROWS if compute["first"] and not compute.fields.get("kept") else 0):
        yield WeightRow(row % parameters.weight_rows, 0, 1)
        row += 1
    for _ in range(compute["passes"]):
        for index in range(packed_rows(parameters.rows, bits)):
            yield WeightRow(row % parameters.weight_rows, int(index == 0), 0)
            row += 1
