"""The Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["front"]


def front(costs: Sequence[float], gains: Sequence[float]) -> list[bool]:
    """Whether each point lies on the Pareto front, i.e. is not dominated by another.

    Parameters
    ----------
    costs : sequence of float
        Lower is better.
    gains : sequence of float
        Higher is better.

    Returns
    -------
    list of bool
        Points equal in both are either all on the front or all not.

    Raises
    ------
    ValueError
        If the lengths differ.

    Examples
    --------
    >>> front([1, 2, 2, 3], [5, 5, 7, 7])
    [True, False, True, False]
    """
    if len(costs) != len(gains):
        raise ValueError(f"gains must be as many as costs ({len(costs)}), got {len(gains)}")
    order = sorted(range(len(costs)), key=lambda i: (costs[i], -gains[i]))
    found = [False] * len(costs)
    best: tuple[float, float] | None = None  # cost and gain of the last point on the front
    for index in order:
        point = costs[index], gains[index]
        if best is None or gains[index] > best[1] or point == best:
            found[index], best = True, point
    return found
