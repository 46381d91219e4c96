"""Writes the rows, the tables, the figures and the report."""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, StrictUndefined

from ..nets.corruptions.frost import source as frost_source
from ..nets.corruptions.published import source as corrupted_source
from ..runtime.files import atomic_write
from ..study.rtl import RtlSample
from .claim import Claim, claim
from .figures import bins, contours, corruptions, gaps, scatter, surfaces
from .landscape import axis
from .pool import Member, precision
from .request import GeneralizeRequest
from .rows import Row, Rows, write_rows
from .tables import Table, tables, write_table

__all__ = ["SCHEMA", "Outcome", "Summary", "write_outputs"]

SCHEMA = "maccord.generalize/1"
_TEMPLATE = Path(__file__).parent / "report.html"


@dataclass(frozen=True)
class Summary:
    """The JSON result.

    Parameters
    ----------
    command : str
        Reproduces the results.
    claim : str
        The answer in words.
    evidence, against : tuple of str
        Its figures, and what contradicts it.
    networks, settings, test_images, training_images : int
    frost, corrupted : str
        ``stand-in``, or a hash of the photographs; ``made``, or a hash of the published files.
    rtl_equal : bool
        Whether all simulated images agreed; true without any.
    rtl_images : int
    """

    command: str
    claim: str
    evidence: tuple[str, ...]
    against: tuple[str, ...]
    networks: int
    settings: int
    test_images: int
    training_images: int
    frost: str
    corrupted: str
    rtl_equal: bool
    rtl_images: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """All results of a run.

    Parameters
    ----------
    request : GeneralizeRequest
    rows : list of Row
    surfaces : mapping of Member to ndarray
        Loss around each shown network.
    rtl : list of RtlSample
    test_images : int
        Of the data set.
    printed : str
        Data of the paper whose figures stand beside these, as of `published.printed`.
    agreements : sequence of Table
        How corruptions and attacks agree with other libraries.
    """

    request: GeneralizeRequest
    rows: list[Row]
    surfaces: Mapping[Member, npt.NDArray[np.float64]]
    rtl: list[RtlSample]
    test_images: int
    printed: str = ""
    agreements: Sequence[Table] = ()

    @cached_property
    def claim(self) -> Claim:
        """The answer in words."""
        return claim(self.request, Rows(self.rows))

    @property
    def summary(self) -> Summary:
        """The JSON result."""
        asked = self.request
        return Summary(
            command=asked.command,
            claim=self.claim.text,
            evidence=self.claim.evidence,
            against=self.claim.against,
            networks=len(asked.members),
            settings=len({member.setting for member in asked.members}),
            test_images=min(asked.test_images or self.test_images, self.test_images),
            training_images=asked.training_images,
            frost=frost_source(),
            corrupted=corrupted_source(),
            rtl_equal=all(sample.equal for sample in self.rtl),
            rtl_images=sum(sample.images for sample in self.rtl),
        )


def write_outputs(outcome: Outcome) -> Path:
    """Write all files, each atomically; return the report's path."""
    out = outcome.request.out
    rows = Rows(outcome.rows)
    write_rows(out / "results.csv", outcome.rows)
    _write_landscape(out / "landscape.csv", outcome.surfaces)
    made = tables(outcome.request, rows, outcome.rtl, outcome.printed)
    made += outcome.agreements
    for table in made:
        write_table(out / "tables", table)
    drawn = _figures(outcome, rows)
    for name, (_, content) in drawn.items():
        _write(out / "figures" / f"{name}.png", content)
    text = json.dumps({"schema": SCHEMA} | asdict(outcome.summary), indent=2) + "\n"
    _write(out / "summary.json", text.encode())
    return _write(out / "report.html", _page(outcome, made, drawn).encode())


def _figures(outcome: Outcome, rows: Rows) -> dict[str, tuple[str, bytes]]:
    """Title and PNG of each figure, by the name of its file."""
    asked = outcome.request
    found: dict[str, tuple[str, bytes | None]] = {
        "gaps": ("Gap by precision: each network, and the mean", gaps(asked, rows))
    }
    named = {precision(member.bits): loss for member, loss in outcome.surfaces.items()}
    if named:
        found["landscape"] = (
            "Figure 2: loss around the minimum, cut at one height for all",
            surfaces(named),
        )
        found["contours"] = (
            "Figure 2: its contours, in nats, from 0.1 upwards in equal ratios",
            contours(named),
        )
    found["bins"] = (
        "Figure 1: width of the weights' bins by layer; the first and the last have 8 bits",
        bins(asked, rows),
    )
    found["corruptions"] = ("Gap on corrupted images, against FP32's", corruptions(asked, rows))
    found["measures"] = (
        "Measures of flatness against the gap; Kendall's tau over all, and within a setting",
        scatter(asked, rows),
    )
    return {name: (title, png) for name, (title, png) in found.items() if png is not None}


def _write_landscape(path: Path, found: Mapping[Member, npt.NDArray[np.float64]]) -> None:
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["precision", "first", "second", "loss"])
        for member, loss in found.items():
            places = axis(len(loss))
            for row, first in enumerate(places):
                for column, second in enumerate(places):
                    numbers = map(repr, map(float, (first, second, loss[row, column])))
                    writer.writerow([precision(member.bits), *numbers])


def _page(outcome: Outcome, made: list[Table], drawn: Mapping[str, tuple[str, bytes]]) -> str:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["inline"] = lambda content: (
        "data:image/png;base64," + base64.b64encode(content).decode()
    )
    return environment.from_string(_TEMPLATE.read_text()).render(
        claim=outcome.claim,
        summary=outcome.summary,
        request=outcome.request,
        setting=outcome.request.shown[0].setting,
        tables=made,
        figures=drawn,
        printed=outcome.printed,
    )


def _write(path: Path, content: bytes) -> Path:
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return path
