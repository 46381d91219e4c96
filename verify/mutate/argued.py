"""Survivors that are neither killed nor proved equal, each with a reviewed argument."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .mutants import Mutant
from .score import Judged, Tag

__all__ = ["Argument", "argument_of", "arguments", "stale"]


@dataclass(frozen=True)
class Argument:
    """Why no program tells some mutants from the design.

    Attributes
    ----------
    module : str
        Expression for all of the module's name, without that of the top.
    wire : str
        Expression for all of the name of the wire, else of the port.
    argument : str
    source : str
        Expression for the start of one of the lines; any if empty.
    least, most : int
        Of the bit.
    kind : str
        Expression for all of the kind; any if empty.
    configuration : str
        Name of the only configuration for which it holds; any if empty.
    """

    module: str
    wire: str
    argument: str
    source: str = ""
    least: int = 0
    most: int = 1 << 16
    kind: str = ""
    configuration: str = ""

    def fits(self, mutant: Mutant) -> bool:
        """Tell whether it speaks of a mutant."""
        name, _, bit = mutant.wire.rpartition("[")
        name, number = (name, int(bit[:-1])) if name else (mutant.port, mutant.bit)
        return (
            self.least <= number <= self.most
            and (not self.kind or bool(re.fullmatch(self.kind, mutant.kind)))
            and bool(re.fullmatch(self.module, mutant.module.partition(".")[2]))
            and bool(re.fullmatch(self.wire, name))
            and (not self.source or any(re.match(self.source, line) for line in mutant.sources))
        )


@cache
def arguments() -> tuple[Argument, ...]:
    """Return the reviewed arguments, of `argued.toml`.

    Raises
    ------
    ValueError
        If one lacks its text.
    """
    text = Path(__file__).with_name("argued.toml").read_text()
    found = tuple(Argument(**fields) for fields in tomllib.loads(text).get("survivor", []))
    for each in found:
        if not each.argument.strip():
            raise ValueError(f"survivor {each.module} {each.wire} must have an argument")
    return found


def argument_of(mutant: Mutant, among: Sequence[Argument]) -> str:
    """Return the argument about a mutant; empty if there is none."""
    return next((each.argument for each in among if each.fits(mutant)), "")


def stale(judged: Sequence[Judged], among: Sequence[Argument], *, all_used: bool) -> list[str]:
    """Sentences about arguments that are wrong, as of a mutant that a script kills.

    Parameters
    ----------
    judged : sequence of Judged
    among : sequence of Argument
    all_used : bool
        Whether one that no survivor needs is wrong, too.
    """
    found = []
    for each in among:
        fitting = [one for one in judged if each.fits(one.mutant)]
        killed = next((one for one in fitting if one.tag == Tag.COVERED), None)
        title = f"survivor {each.module} {each.wire}"
        if killed:
            found.append(f"{title}: {killed.mutant.name} is killed by {killed.script}")
        elif all_used and not any(one.tag == Tag.UNCOVERED for one in fitting):
            found.append(f"{title}: no survivor needs it")
    return found
