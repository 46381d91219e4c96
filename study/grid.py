"""The levels of a study: the clean images, and each perturbation at each of its levels."""

from __future__ import annotations

from dataclasses import dataclass

from ..nets.perturb import Perturbation, parse
from .rows import CLEAN

__all__ = ["GRID", "Level", "levels"]

# Langille 2024, section 3.3
GRID = ",".join(
    f"{kind}:{level:g}"
    for kind, steps in {
        "awgn": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0),
        "brownian": range(10, 90, 10),
        "vertical": range(2, 7),
        "horizontal": range(2, 7),
    }.items()
    for level in steps
)


@dataclass(frozen=True)
class Level:
    """The perturbation applied to every image of a test set.

    Parameters
    ----------
    perturbation : Perturbation, optional
        None for the clean images.
    """

    perturbation: Perturbation | None = None

    @property
    def name(self) -> str:
        """E.g. ``awgn``; ``awgn+vertical:4`` for a composition, whose level is the first's."""
        if self.perturbation is None:
            return CLEAN
        first, *rest = self.perturbation.parts
        return "+".join([first.kind, *map(str, rest)])

    @property
    def level(self) -> float:
        """Standard deviation, or number of streaks; 0 for the clean images."""
        return 0.0 if self.perturbation is None else float(self.perturbation.parts[0].level)

    def __str__(self) -> str:
        return str(self.perturbation or CLEAN)


def levels(text: str = GRID) -> list[Level]:
    """Return the clean level, then the levels that `nets.perturb.parse` parses from a text.

    Raises
    ------
    ValueError
        If the text is malformed, or names a level twice.
    """
    found = [Level(), *(Level(perturbation) for perturbation in parse(text))] if text else [Level()]
    for index, level in enumerate(found):
        if level in found[:index]:
            raise ValueError(f"perturb must have each level once, got {level} twice")
    return found
