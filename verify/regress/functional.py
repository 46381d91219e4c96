"""Functional coverage: coverpoints with named bins, and crosses of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

__all__ = ["Coverpoint", "Cross", "Facts", "Hits", "holes", "sample"]

Facts = Mapping[str, Any]
#: Number of samples by coverpoint or cross, and bin.
Hits = Counter[tuple[str, str]]


@dataclass(frozen=True)
class Coverpoint:
    """A property of a start, with a bin for each value or range of interest.

    Parameters
    ----------
    name : str
    of : callable
        Returns the bins that a start's facts hit; none if the property does not apply.
    bins : tuple of str
    unreachable : dict of str to str
        Bins that no run can hit, each with the reason; one that is hit is an error.
    """

    name: str
    of: Callable[[Facts], Iterable[str]]
    bins: tuple[str, ...]
    unreachable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cross:
    """All combinations of the bins of two coverpoints, hit by one start.

    Parameters
    ----------
    first, second : Coverpoint
    unreachable : callable
        Returns the reason why a combination cannot be hit, or nothing.
    """

    first: Coverpoint
    second: Coverpoint
    unreachable: Callable[[str, str], str] = lambda first, second: ""

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.first.name} x {self.second.name}"

    @property
    def bins(self) -> tuple[str, ...]:
        """The combinations that can be hit."""
        pairs = product(self.first.bins, self.second.bins)
        return tuple(
            f"{a} x {b}"
            for a, b in pairs
            if not ({a} & {*self.first.unreachable} or {b} & {*self.second.unreachable})
            and not self.unreachable(a, b)
        )


def sample(points: Sequence[Coverpoint | Cross], facts: Facts) -> Hits:
    """Return the bins that a start hits.

    Raises
    ------
    AssertionError
        If a coverpoint returns a bin that it does not have.
    """
    hits: Hits = Counter()
    for point in points:
        if isinstance(point, Coverpoint):
            for name in {*point.of(facts)}:
                assert name in point.bins, f"{point.name} has no bin {name}"
                hits[point.name, name] += 1
        else:
            found = product({*point.first.of(facts)}, {*point.second.of(facts)})
            for a, b in found:
                hits[point.name, f"{a} x {b}"] += 1
    return hits


def holes(points: Sequence[Coverpoint | Cross], hits: Hits) -> dict[str, list[str]]:
    """Return the reachable bins without a hit, by coverpoint or cross."""
    found: dict[str, list[str]] = {}
    for point in points:
        unreachable = point.unreachable if isinstance(point, Coverpoint) else {}
        missed = [b for b in point.bins if b not in unreachable and not hits[point.name, b]]
        if missed:
            found[point.name] = missed
    return found


def wrongly_excluded(points: Sequence[Coverpoint | Cross], hits: Hits) -> list[str]:
    """Return bins that are called unreachable and were hit."""
    found: list[str] = []
    for point in points:
        if isinstance(point, Coverpoint):
            found += [f"{point.name}: {b}" for b in point.unreachable if hits[point.name, b]]
        else:
            names = {b for name, b in hits if name == point.name} - {*point.bins}
            found += [f"{point.name}: {b}" for b in sorted(names)]
    return found
