"""What a campaign found: failures, functional coverage, holes; its JSON and its tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from .campaign import Record
from .configurations import CONFIGURATIONS
from .coverpoints import POINTS
from .functional import Hits, excluded, holes, wrongly_excluded

__all__ = ["SCHEMA", "Failure", "Point", "Summary", "print_summary", "summarize"]

SCHEMA = "maccord.regress/1"


@dataclass(frozen=True)
class Failure:
    """A run that failed.

    Parameters
    ----------
    seed : int
    configuration : str
    faults : tuple of str
    command : str
        Reproduces it.
    smallest : str
        File with the smallest run found that still fails; empty if not shrunk.
    """

    seed: int
    configuration: str
    faults: tuple[str, ...]
    command: str
    smallest: str = ""


@dataclass(frozen=True)
class Point:
    """A coverpoint or cross.

    Parameters
    ----------
    name : str
    reachable, hit : int
        Bins.
    holes : tuple of str
        Reachable bins that no run hit.
    excluded : dict of str to str
        Bins that no run on these accelerators can hit, each with the reason.
    """

    name: str
    reachable: int
    hit: int
    holes: tuple[str, ...]
    excluded: dict[str, str]


@dataclass(frozen=True)
class Summary:
    """The result of a campaign.

    Parameters
    ----------
    first_seed, runs : int
    refused : int
        Runs whose operations no program can be made for, e.g. too large for the scratchpads.
    starts, cycles : int
    kinds : dict of str to int
        Starts by their kind.
    failures : tuple of Failure
    points : tuple of Point
    reachable, hit : int
        Bins of functional coverage, over all points.
    wrongly_excluded : tuple of str
        Bins called unreachable that a run hit.
    """

    first_seed: int
    runs: int
    refused: int
    starts: int
    cycles: int
    kinds: dict[str, int]
    failures: tuple[Failure, ...]
    points: tuple[Point, ...]
    reachable: int
    hit: int
    wrongly_excluded: tuple[str, ...]

    @property
    def percent(self) -> float:
        """Functional coverage."""
        return 100 * self.hit / self.reachable


def summarize(
    records: Sequence[Record], failures: Sequence[Failure], configurations: Sequence[str] = ()
) -> Summary:
    """Sum up the records of a campaign, on some of the accelerators or on all.

    Bins that need another accelerator are then out of reach.
    """
    accelerators = configurations or tuple(CONFIGURATIONS)
    hits: Hits = Counter()
    kinds: Counter[str] = Counter()
    for record in records:
        hits.update(record.bins)
        if not record.refused:
            kinds.update(record.kinds)
    missed = holes(POINTS, hits, accelerators)
    beyond = excluded(POINTS, accelerators)
    points: list[Point] = []
    for point in POINTS:
        reasons = {n: beyond[point.name, n] for n in point.bins if (point.name, n) in beyond}
        reachable, left = len(point.bins) - len(reasons), missed.get(point.name, [])
        points.append(Point(point.name, reachable, reachable - len(left), tuple(left), reasons))
    return Summary(
        min((record.seed for record in records), default=0),
        len(records),
        sum(bool(record.refused) for record in records),
        sum(kinds.values()),
        sum(record.cycles for record in records),
        dict(sorted(kinds.items())),
        tuple(failures),
        tuple(points),
        sum(point.reachable for point in points),
        sum(point.hit for point in points),
        tuple(wrongly_excluded(POINTS, hits, accelerators)),
    )


def print_summary(summary: Summary, out: Console) -> None:
    """Print the table of functional coverage, and the failures."""
    table = Table("coverpoint", "hit", "reachable", "holes", box=None, header_style="bold")
    for point in summary.points:
        shown = ", ".join(point.holes[:4]) + (" ..." if len(point.holes) > 4 else "")
        table.add_row(point.name, str(point.hit), str(point.reachable), shown)
    out.print(table)
    out.print(
        f"functional coverage {summary.percent:.1f} % ({summary.hit} of {summary.reachable} bins)"
    )
    for name in summary.wrongly_excluded:
        out.print(f"called unreachable, but hit: {name}", markup=False)
    for failure in summary.failures:
        out.print(f"seed {failure.seed}, {failure.configuration}: {failure.faults[0]}",
                  markup=False)  # fmt: skip
        out.print(f"  reproduce: {failure.command}", markup=False)
        if failure.smallest:
            out.print(f"  smallest:  maccord regress --case {failure.smallest}", markup=False)
    kinds = ", ".join(f"{number} {kind}s" for kind, number in summary.kinds.items())
    out.print(
        f"{summary.runs} runs from seed {summary.first_seed} ({summary.refused} too large): "
        f"{summary.starts} starts ({kinds}), {summary.cycles:,} cycles, "
        f"{len(summary.failures)} failed"
    )
