"""QGen's tables 1 to 6 for the user's data, the true-integer table, and the correlations."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..nets.corruptions.tables import KINDS, SEVERITIES
from ..runtime.files import atomic_write
from ..study.rtl import RtlSample
from .evaluate import CORRELATED, CORRUPTED
from .measures import MEASURES
from .pool import precision
from .published import GAPS, MEASURED, NORMS
from .request import GeneralizeRequest
from .rows import POOL, Row, Rows

__all__ = ["Cell", "Table", "tables", "write_table"]

_NAMES = {"jpeg_compression": "JPEG", "elastic_transform": "elastic"}


@dataclass(frozen=True)
class Cell:
    """A figure, with its interval if it has one.

    Parameters
    ----------
    value, low, high : float
    better : bool, optional
        Whether the gap is smaller than FP32's; None where that is not asked.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    better: bool | None = None

    @property
    def text(self) -> str:
        """The figure with three decimals, or four digits if it is large."""
        return _text(self.value)

    @property
    def interval(self) -> str:
        """The interval; empty if there is none."""
        return "" if math.isnan(self.low) else f"{_text(self.low)} to {_text(self.high)}"


def _text(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.4g}"


@dataclass(frozen=True)
class Table:
    """A table; cells without a figure are None.

    Parameters
    ----------
    number, title : str
    heads : tuple of str
        The first is of the labels.
    rows : tuple of (str, tuple of Cell or None)
    """

    number: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]


def tables(request: GeneralizeRequest, rows: Rows, rtl: list[RtlSample]) -> list[Table]:
    """Return all tables for which there are figures."""
    names = [precision(bits) for bits in request.bits]
    setting = request.shown[0].setting
    found = [
        _gaps(request, rows, names),
        _norms(request, rows, names),
        _measures(request, rows, names),
        *_corruptions(rows, names, setting),
        _integer(rows, names, setting),
        _correlations(rows, names),
    ]
    if rtl:
        found.append(_rtl(rtl))
    return [table for table in found if table.rows]


def _cell(row: Row | None, base: Row | None = None) -> Cell | None:
    if row is None:
        return None
    better = None if base is None else row.value < base.value
    return Cell(row.value, row.low, row.high, better)


def _kind(request: GeneralizeRequest) -> str:
    return request.data.partition(":")[0]


def _gaps(request: GeneralizeRequest, rows: Rows, names: list[str]) -> Table:
    metrics = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "gap", "gap-fp32")
    lines = [
        (bits, tuple(_cell(rows.get(POOL, bits, "clean", metric)) for metric in metrics))
        for bits in names
    ]
    for bits, printed in GAPS.get(_kind(request), {}).items():
        shares = tuple(Cell(value / 100) for value in printed[:2])
        cells = (*shares, *map(Cell, printed[2:]), None)
        lines.append((f"{bits}, published", cells))
    count = len(dict.fromkeys(member.setting for member in request.members))
    heads = ("precision", "training accuracy", "test accuracy", "training loss", "test loss")
    title = f"Generalization gap, mean over {count} settings of NiN"
    return Table("1", title, (*heads, "gap", "gap minus FP32's"), tuple(lines))


def _sizes(rows: Rows, bits: str, metric: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for setting, value in rows.values(bits, metric).items():
        found.setdefault(setting.split("-")[1], []).append(value)
    return found


def _mean(values: list[float]) -> Cell | None:
    return Cell(sum(values) / len(values)) if values else None


def _norms(request: GeneralizeRequest, rows: Rows, names: list[str]) -> Table:
    by = {bits: _sizes(rows, bits, "l2") for bits in names}
    lines = [
        (f"NiN ({size})", tuple(_mean(by[bits].get(size, [])) for bits in names))
        for size in by[names[0]]
    ]
    for size, printed in NORMS.get(_kind(request), {}).items():
        cells = tuple(Cell(printed[bits]) for bits in names)
        lines.append((f"NiN ({size}), published", cells))
    title = "L2 norm of the weights, batch norm folded, mean over settings"
    return Table("2", title, ("network", *names), tuple(lines))


def _measures(request: GeneralizeRequest, rows: Rows, names: list[str]) -> Table:
    lines = [
        (bits, tuple(_cell(rows.get(POOL, bits, "clean", name)) for name in MEASURES))
        for bits in names
        if rows.get(POOL, bits, "clean", MEASURES[0])
    ]
    for size, printed in MEASURED.get(_kind(request), {}).items():
        lines += [
            (f"{bits}, NiN ({size}), published", tuple(map(Cell, printed[bits]))) for bits in names
        ]
    title = "Measures of flatness as sqrt(x / m), mean over the pool; smaller is flatter"
    return Table("3", title, ("precision", *MEASURES), tuple(lines))


def _corruptions(rows: Rows, names: list[str], setting: str) -> Iterator[Table]:
    """Table 4, and 6 in full, by severity; table 5, the mean over severities."""
    heads = tuple(f"{severity}: {bits}" for severity in SEVERITIES for bits in names)
    lines = []
    for kind in KINDS:
        cells = []
        for severity in SEVERITIES:
            found = [rows.get(setting, bits, f"{kind}:{severity}", "float_gap") for bits in names]
            cells += [_cell(row, found[0] if place else None) for place, row in enumerate(found)]
        if any(cells):
            lines.append((_NAMES.get(kind, kind.replace("_", " ")), tuple(cells)))
    title = f"Gap on corrupted images by severity, {setting}"
    yield Table("4 and 6", title, ("corruption", *heads), tuple(lines))
    means = []
    for kind in KINDS:
        cells = []
        for bits in names:
            found = [
                rows.get(setting, bits, f"{kind}:{severity}", "float_gap")
                for severity in SEVERITIES
            ]
            values = [row.value for row in found if row]
            cells.append(_mean(values))
        if any(cells):
            means.append((_NAMES.get(kind, kind.replace("_", " ")), tuple(cells)))
    title = f"Gap on corrupted images, mean over severities, {setting}"
    yield Table("5", title, ("corruption", *names), tuple(means))


def _integer(rows: Rows, names: list[str], setting: str) -> Table:
    levels = dict.fromkeys(row.data for row in rows.rows if row.metric == "integer_gap")
    first = [level for level in ("clean", CORRUPTED) if level in levels]
    rest = [level for level in levels if level not in first]
    heads = [f"{bits}, {what}" for bits in names for what in ("integer", "minus float")]
    lines = [
        (
            level,
            tuple(
                _cell(rows.get(setting, bits, level, metric))
                for bits in names
                for metric in ("integer_gap", "integer_gap-float")
            ),
        )
        for level in [*first, *rest]
    ]
    title = f"Gap of the integer network, and what it adds to the float network's, {setting}"
    return Table("I", title, ("images", *heads), tuple(lines))


def _correlations(rows: Rows, names: list[str]) -> Table:
    groups = [*names, "all"]
    lines = []
    for method in ("kendall", "spearman"):
        for name in CORRELATED:
            cells = tuple(
                _cell(rows.get(POOL, group, "clean", f"{method}:{name}")) for group in groups
            )
            if any(cells):
                lines.append((f"{name}, {method.title()}", cells))
    title = "Rank correlation with the gap over the pool; 1 means that it predicts"
    return Table("C", title, ("measure", *groups), tuple(lines))


def _rtl(rtl: list[RtlSample]) -> Table:
    lines = [
        (
            f"{sample.network}, {sample.level}",
            (
                Cell(sample.images),
                Cell(sample.compared),
                Cell(sample.cycles),
                Cell(int(sample.equal)),
            ),
        )
        for sample in rtl
    ]
    heads = ("network, level", "images", "bytes compared", "cycles", "equal")
    return Table("R", "RTL against the integer network, byte for byte", heads, tuple(lines))


def write_table(folder: Path, table: Table) -> Path:
    """Write a table as CSV, figures and ends of intervals in columns of their own."""
    path = folder / f"table_{table.number.replace(' and ', '_')}.csv"
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        heads = [name for head in table.heads[1:] for name in (head, f"{head} low", f"{head} high")]
        writer.writerow([table.heads[0], *heads])
        for label, cells in table.rows:
            numbers = [
                "" if math.isnan(number) else repr(float(number))
                for cell in cells
                for number in ((cell.value, cell.low, cell.high) if cell else (math.nan,) * 3)
            ]
            writer.writerow([label, *numbers])
    return path
