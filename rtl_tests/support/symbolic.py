"""Python predicates on integers as SMT-LIB terms: they run once for each way they can take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from transition import literal

__all__ = ["WIDTH", "Number", "Paths", "both", "either", "predicate"]

WIDTH = 40  # bits in which numbers are compared


@dataclass
class Paths:
    """Decisions of a run, and those that remain to be tried."""

    decided: list[bool]
    conditions: list[str] = field(default_factory=list)

    def decide(self, term: str) -> bool:
        """Take a side of a condition: first true, in a later run false."""
        if len(self.conditions) == len(self.decided):
            self.decided.append(True)
        side = self.decided[len(self.conditions)]
        self.conditions.append(term if side else f"(not {term})")
        return side


@dataclass(frozen=True)
class Truth:
    """A condition on arbitrary numbers; a program that asks for it takes both sides in turn."""

    term: str
    paths: Paths

    def __bool__(self) -> bool:
        return self.paths.decide(self.term)


@dataclass(frozen=True, eq=False)
class Number:
    """An arbitrary integer, a bit vector of `WIDTH` bits in two's complement."""

    term: str
    paths: Paths

    def _compared(self, operator: str, other: int) -> Truth:
        return Truth(f"({operator} {self.term} {literal(other, WIDTH)})", self.paths)

    def __eq__(self, other: object) -> Truth:  # pyright: ignore[reportIncompatibleMethodOverride]
        assert isinstance(other, int)
        return self._compared("=", other)

    def __ne__(self, other: object) -> Truth:  # pyright: ignore[reportIncompatibleMethodOverride]
        assert isinstance(other, int)
        return self._compared("distinct", other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __lt__(self, other: int) -> Truth:
        return self._compared("bvslt", other)

    def __le__(self, other: int) -> Truth:
        return self._compared("bvsle", other)

    def __gt__(self, other: int) -> Truth:
        return self._compared("bvsgt", other)

    def __ge__(self, other: int) -> Truth:
        return self._compared("bvsge", other)

    def __mod__(self, other: int) -> Number:
        if other & (other - 1):
            raise ValueError(f"the modulus must be a power of two, got {other}")
        return Number(f"(bvand {self.term} {literal(other - 1, WIDTH)})", self.paths)


def both(terms: Iterable[str]) -> str:
    """Return the conjunction of any number of terms."""
    return f"(and true true {' '.join(terms)})"


def either(terms: Iterable[str]) -> str:
    """Return the disjunction of any number of terms."""
    return f"(or false false {' '.join(terms)})"


def predicate(function: Callable[[Paths], object]) -> str:
    """Return the Bool term of a predicate.

    Parameters
    ----------
    function : callable
        Makes its `Number` objects of the paths that it gets, and returns a bool or a `Truth`.
    """
    alternatives: list[str] = []
    decided: list[bool] = []
    while True:
        paths = Paths(decided)
        result = function(paths)
        if result:  # a Truth is decided here, too
            alternatives.append(both(paths.conditions))
        decided = paths.decided[: len(paths.conditions)]
        while decided and not decided[-1]:
            decided.pop()
        if not decided:
            return either(alternatives)
        decided[-1] = False
