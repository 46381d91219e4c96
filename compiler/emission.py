"""Emits the steps of a group: a single one, a product with its softmax, or a chain in parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .builder import Builder, View
from .groups import Part, parts_of, slice_of, staggered
from .plan import Plan
from .rows import RowPlan, RowTail
from .tensor_product import TensorProductPlan

__all__ = ["Placed", "Planned", "emit_group", "planned_chain"]


@dataclass(frozen=True, eq=False)
class Planned:
    """A step with its plans: one, or one for each part of a chain.

    Parameters
    ----------
    plans : tuple of Plan
    parts : tuple of Part
        Empty for the whole tensor.
    """

    plans: tuple[Plan, ...]
    parts: tuple[Part, ...] = ()

    @property
    def stream(self) -> npt.NDArray[np.uint8]:
        """Weights and parameters of all parts."""
        return np.ascontiguousarray(self.plans[0].stream).reshape(-1)

    @property
    def estimate(self) -> int:
        """Estimated cycles."""
        return sum(plan.estimate for plan in self.plans)


@dataclass(frozen=True, eq=False)
class Placed:
    """A step's places in memory.

    Parameters
    ----------
    sources : tuple of View
    weights : int
        Byte offset of its stream.
    target : View
    table : int, optional
        Byte offset of the table behind it.
    """

    sources: tuple[View, ...]
    weights: int
    target: View
    table: int | None


def planned_chain(tokens: int, plan: Sequence[Callable[[int], Plan]]) -> list[Planned] | None:
    """Plan a chain's steps in parts.

    Parameters
    ----------
    tokens : int
    plan : sequence of callable
        Plans a step for a number of tokens.

    Returns
    -------
    list of Planned, or None if a step's weights do not have one order for all parts.
    """
    parts = tuple(parts_of(tokens))
    found: list[Planned] = []
    for step in plan:
        by_count = {count: step(count) for count in {part.count for part in parts}}
        first, *others = (np.ascontiguousarray(way.stream) for way in by_count.values())
        if not all(np.array_equal(first, other) for other in others):
            return None
        found.append(Planned(tuple(by_count[part.count] for part in parts), parts))
    return found


def emit_group(builder: Builder, steps: Sequence[tuple[Planned, Placed]]) -> None:
    """Append the drafts of a group's steps."""
    ways = [planned for planned, _ in steps]
    if ways[0].parts:
        for step, number in staggered(len(steps), len(ways[0].parts)):
            planned, placed = steps[step]
            part = planned.parts[number]
            sources = tuple(slice_of(view, part) for view in placed.sources)
            builder.table = placed.table
            target = slice_of(placed.target, part)
            planned.plans[number].emit(builder, sources, placed.weights, target)
        return
    first, placed = ways[0].plans[0], steps[0][1]
    builder.table = placed.table
    if len(steps) == 1:
        first.emit(builder, placed.sources, placed.weights, placed.target)
        return
    behind = steps[1][1]
    (rows,) = ways[1].plans
    assert isinstance(first, TensorProductPlan)
    assert isinstance(rows, RowPlan)
    tail = RowTail(rows, behind.weights, behind.target)
    first.emit(builder, placed.sources, placed.weights, placed.target, tail)
