"""Tables and files of a campaign."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from ...runtime.files import atomic_write
from ...runtime.provenance import Provenance
from ...runtime.tables import Column, fitting, table_width
from .junit import Case, write_junit
from .score import BlockScore, Judged, Tag, score

__all__ = ["SCHEMA", "Report", "Survivor", "print_report", "report", "write_report"]

SCHEMA = "maccord.mutate/1"


@dataclass(frozen=True)
class Survivor:
    """A mutant that no script tells from the design and that is not proved equal.

    Attributes
    ----------
    number : int
    block, name, wire : str
    sources : tuple of str
        Files and lines of the hardware description.
    argument : str
        Of `argued.toml`; empty if there is none.
    """

    number: int
    block: str
    name: str
    wire: str
    sources: tuple[str, ...]
    argument: str


@dataclass(frozen=True)
class Report:
    """The result of a campaign, as its JSON has it.

    Attributes
    ----------
    configuration, share : str
    seed, mutants : int
    score : float
        COVERED / (COVERED + UNCOVERED).
    score_argued : float
        The same without the survivors that have an argument.
    argued : int
        How many these are.
    stale : list of str
        Sentences about arguments that are wrong.
    tags, killed_by : dict of str to int
    blocks : list of BlockScore
    block_scores : dict of str to float
    survivors : list of Survivor
    cycles : int
        Simulated.
    cpu_seconds : float
        Of this run; what an earlier one judged is not in it.
    provenance : Provenance
    """

    configuration: str
    share: str
    seed: int
    mutants: int
    score: float
    score_argued: float
    argued: int
    stale: tuple[str, ...]
    tags: dict[str, int]
    killed_by: dict[str, int]
    blocks: tuple[BlockScore, ...]
    block_scores: dict[str, float]
    survivors: tuple[Survivor, ...]
    cycles: int
    cpu_seconds: float
    provenance: Provenance


def report(
    found: Sequence[Judged], blocks: Sequence[BlockScore], configuration: str, share: str,
    seed: int, cpu_seconds: float, provenance: Provenance, stale: Sequence[str] = (),
) -> Report:  # fmt: skip
    """Sum a campaign up."""
    tags = Counter(each.tag.value for each in found)
    covered, uncovered = tags[Tag.COVERED.value], tags[Tag.UNCOVERED.value]
    argued = sum(bool(each.argument) for each in found)
    return Report(
        *(configuration, share, seed, len(found), score(covered, uncovered)),
        *(score(covered, uncovered - argued), argued, tuple(stale)),
        {tag.value: tags[tag.value] for tag in Tag},
        dict(Counter(each.by for each in found if each.by).most_common()),
        tuple(blocks),
        {block.block: round(block.score, 4) for block in blocks},
        tuple(
            Survivor(m.number, m.block, m.name, m.wire, m.sources, argument)
            for m, argument in (
                (each.mutant, each.argument) for each in found if each.tag == Tag.UNCOVERED
            )
        ),
        sum(each.cycles for each in found),
        round(cpu_seconds, 1),
        provenance,
    )


def write_report(folder: Path, found: Report, mutants: Sequence[Judged]) -> None:
    """Write `mutate.json`, and each mutant to `mutants.csv` and `mutate.xml` (JUnit)."""
    with atomic_write(folder / "mutate.json") as temporary:
        temporary.write_text(json.dumps({"schema": SCHEMA, **asdict(found)}, indent=2) + "\n")
    with atomic_write(folder / "mutants.csv") as temporary, temporary.open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["number", "block", "tag", "by", "script", "cycles", "mutant", "sources",
                       "proved", "argument"])  # fmt: skip
        for each in mutants:
            m = each.mutant
            rows.writerow(
                [m.number, m.block, each.tag, each.by, each.script, each.cycles, m.name,
                 " ".join(m.sources), each.proved, each.argument]
            )  # fmt: skip
    write_junit(folder / "mutate.xml", [_case(each) for each in mutants])


def _case(found: Judged) -> Case:
    m, where = found.mutant, f"{' '.join(found.mutant.sources)} {found.mutant.wire}"
    if found.argument:
        return Case(m.block, m.name, skipped=found.argument)
    if found.tag == Tag.NOCHANGE:
        return Case(m.block, m.name, skipped=f"proved equal in {found.proved}")
    if found.tag == Tag.COVERED:
        return Case(m.block, m.name)
    return Case(m.block, m.name, failure=f"{found.tag}: {where}")


def print_report(out: Console, found: Report) -> None:
    """Print scores by block, and the survivors."""
    blocks = [block for block in found.blocks if block.mutants]
    table, _ = fitting(
        out,
        [
            Column("block", [block.block for block in blocks], left=True, footer="all"),
            Column(
                "score", [f"{block.score:.1%}" for block in blocks], footer=f"{found.score:.1%}"
            ),
            *(
                Column(
                    tag.value.lower(),
                    [str(getattr(block, tag.value.lower())) for block in blocks],
                    rank,
                    str(found.tags[tag.value]),
                )
                for rank, tag in enumerate(Tag)
            ),
            Column("mutants", [str(block.mutants) for block in blocks], 0, str(found.mutants)),
            Column("possible", [str(block.possible) for block in blocks], 5),
        ],
        table_width(),
    )
    out.print(table)
    for each in found.survivors:
        source = each.sources[0] if each.sources else "no line"
        text = f"{each.number}: {source}: {each.name} {each.wire}"
        text += f": {each.argument}" if each.argument else ""
        out.print(text, markup=False, soft_wrap=True)
    if found.argued:
        said = f"Without the {found.argued} survivors that have an argument: "
        out.print(f"{said}{found.score_argued:.1%}", soft_wrap=True)
    for sentence in found.stale:
        out.print(f"argued.toml: {sentence}", markup=False, soft_wrap=True)
    reasons = ", ".join(f"{count} by {name}" for name, count in found.killed_by.items())
    out.print(f"Killed: {reasons or 'none'}. {found.cpu_seconds:.0f} CPU seconds.", soft_wrap=True)
