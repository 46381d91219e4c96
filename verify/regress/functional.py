"""Functional coverage: coverpoints with named bins, and crosses of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

__all__ = ["Coverpoint", "Cross", "Facts", "Hits", "excluded", "holes", "sample"]
__all__ += ["wrongly_excluded"]

Facts = Mapping[str, Any]
#: Number of samples by coverpoint or cross, and bin.
Hits = Counter[tuple[str, str]]
#: The reason why no run on an accelerator, given by its name, hits a bin, or nothing.
Lacks = Callable[[str, str], str]


def _nothing(first: str, second: str) -> str:
    return ""


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
    lacks : callable
        Returns the reason why runs on an accelerator, the second argument, cannot hit a bin.
    """

    name: str
    of: Callable[[Facts], Iterable[str]]
    bins: tuple[str, ...]
    unreachable: Mapping[str, str] = field(default_factory=dict)
    lacks: Lacks = _nothing

    def reason(self, name: str, accelerators: Sequence[str]) -> str:
        """Return why no run on these accelerators can hit a bin, or nothing."""
        return self.unreachable.get(name, "") or _all([self.lacks(name, a) for a in accelerators])


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
    unreachable: Callable[[str, str], str] = _nothing

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.first.name} x {self.second.name}"

    @property
    def pairs(self) -> dict[str, tuple[str, str]]:
        """The bins: all combinations."""
        return {f"{a} x {b}": (a, b) for a, b in product(self.first.bins, self.second.bins)}

    @property
    def bins(self) -> tuple[str, ...]:
        """Names of the combinations."""
        return tuple(self.pairs)

    def reason(self, name: str, accelerators: Sequence[str]) -> str:
        """Return why no run on these accelerators can hit a combination, or nothing."""
        a, b = self.pairs[name]
        always = self.first.unreachable.get(a, "") or self.second.unreachable.get(b, "")
        return (
            always
            or self.unreachable(a, b)
            or _all([self.first.lacks(a, n) or self.second.lacks(b, n) for n in accelerators])
        )


def _all(reasons: Sequence[str]) -> str:
    """Join reasons, if there is one for each accelerator."""
    return "; ".join(dict.fromkeys(reasons)) if all(reasons) else ""


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


def excluded(
    points: Sequence[Coverpoint | Cross], accelerators: Sequence[str] = ()
) -> dict[tuple[str, str], str]:
    """Return the bins that no run on these accelerators can hit, each with the reason."""
    bins = ((point, name) for point in points for name in point.bins)
    reasons = {(p.name, name): p.reason(name, accelerators) for p, name in bins}
    return {bin_: reason for bin_, reason in reasons.items() if reason}


def holes(
    points: Sequence[Coverpoint | Cross], hits: Hits, accelerators: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Return the reachable bins without a hit, by coverpoint or cross."""
    found: dict[str, list[str]] = {}
    out_of_reach = excluded(points, accelerators)
    for point in points:
        left = [n for n in point.bins if not hits[point.name, n]]
        if missed := [n for n in left if (point.name, n) not in out_of_reach]:
            found[point.name] = missed
    return found


def wrongly_excluded(
    points: Sequence[Coverpoint | Cross], hits: Hits, accelerators: Sequence[str] = ()
) -> list[str]:
    """Return bins that are called unreachable and were hit."""
    out_of_reach = excluded(points, accelerators)
    return sorted(f"{point}: {name}" for point, name in out_of_reach if hits[point, name])
