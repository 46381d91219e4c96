"""Tags and scores of mutants, by the definitions of MCY (YosysHQ)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .mutants import Mutant
from .player import Outcome

__all__ = ["BlockScore", "Judged", "Tag", "by_block", "check_numbers", "judged", "score"]


def check_numbers(mutants: int, least: float, seed: int, jobs: int) -> None:
    """Refuse numbers of a campaign that are out of range.

    Raises
    ------
    ValueError
        Naming the option; `least` is the option ``score``.
    """
    for name, value, smallest in (("mutants", mutants, 1), ("seed", seed, 0), ("jobs", jobs, 0)):
        if value < smallest:
            raise ValueError(f"{name} must be at least {smallest}, got {value}")
    if not 0 <= least <= 1:
        raise ValueError(f"score must be between 0 and 1, got {least:g}")


class Tag(StrEnum):
    """What became of a mutant."""

    COVERED = "COVERED"  # a script fails
    UNCOVERED = "UNCOVERED"  # none does, and it is not proved equal
    NOCHANGE = "NOCHANGE"  # proved equal to the design
    EQGAP = "EQGAP"  # a script fails although it is proved equal: the proof is wrong


@dataclass(frozen=True)
class Judged:
    """A mutant and its tag.

    `by` and `script` say what tells it from the design, `proved` in which module it is proved equal
    to it, `argument` why it is no survivor all the same.
    """

    mutant: Mutant
    tag: Tag
    by: str
    script: str
    cycles: int
    proved: str = ""
    argument: str = ""


@dataclass(frozen=True)
class BlockScore:
    """Counts of a block's mutants.

    Attributes
    ----------
    block : str
    possible : int
        Mutations that it has.
    mutants, covered, uncovered, nochange, eqgap : int
        Of the sample.
    """

    block: str
    possible: int
    mutants: int
    covered: int
    uncovered: int
    nochange: int
    eqgap: int

    @property
    def score(self) -> float:
        """COVERED / (COVERED + UNCOVERED), 1 if there are none."""
        return score(self.covered, self.uncovered)


def score(covered: int, uncovered: int) -> float:
    """MCY's score, 0 to 1.

    Examples
    --------
    >>> score(3, 1)
    0.75
    >>> score(0, 0)
    1.0
    """
    return covered / (covered + uncovered) if covered + uncovered else 1.0


def judged(
    mutants: Sequence[Mutant], outcomes: Mapping[int, Outcome], equal: Mapping[int, str]
) -> list[Judged]:
    """Tag the mutants that have an outcome; `equal` has the numbers of those proved equal."""
    found = []
    for mutant in mutants:
        if mutant.number not in outcomes:
            continue
        outcome = outcomes[mutant.number]
        killed, same = outcome.kill is not None, mutant.number in equal
        tag = (
            (Tag.EQGAP if same else Tag.COVERED)
            if killed
            else (Tag.NOCHANGE if same else Tag.UNCOVERED)
        )
        by, script = (outcome.kill.by, outcome.kill.script) if outcome.kill else ("", "")
        proved = equal.get(mutant.number, "")
        found.append(Judged(mutant, tag, by, script, outcome.cycles, proved))
    return found


def by_block(mutants: Sequence[Judged], sizes: Mapping[str, int]) -> list[BlockScore]:
    """Count tags by block, in the order of `sizes`."""
    found = []
    for block, possible in sizes.items():
        tags = [each.tag for each in mutants if each.mutant.block == block]
        counts = (tags.count(tag) for tag in (Tag.COVERED, Tag.UNCOVERED, Tag.NOCHANGE, Tag.EQGAP))
        found.append(BlockScore(block, possible, len(tags), *counts))
    return found
