"""Which points no other one beats."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["front"]


def front(costs: Sequence[float], gains: Sequence[float]) -> list[bool]:
    """Whether each point lies on the Pareto front: nothing is as cheap and as good, and better.

    Parameters
    ----------
    costs : sequence of float
        Less is better.
    gains : sequence of float
        More is better.

    Returns
    -------
    list of bool
        Points that are equal in both are on the front together, or not at all.

    Raises
    ------
    ValueError
        If there are not as many gains as costs.

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
