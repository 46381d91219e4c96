"""QGen's tables 1 to 6 for the user's data, the true-integer table, and the correlations."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from ..nets.corruptions.tables import KINDS, SEVERITIES
from ..runtime.files import atomic_write
from ..study.rtl import RtlSample
from .evaluate import CORRELATED, CORRUPTED, WITHIN
from .measures import MEASURES
from .pool import precision
from .published import GAPS, MEASURED, NORMS, corrupted
from .request import GeneralizeRequest
from .rows import POOL, Row, Rows

__all__ = ["Cell", "Table", "tables", "write_table"]

_PRINTED = "published"
_NAMES = {"jpeg_compression": "JPEG", "elastic_transform": "elastic"}


@dataclass(frozen=True)
class Cell:
    """A figure, with its interval if it has one.

    Parameters
    ----------
    value, low, high : float
    better : bool, optional
        Whether the gap is smaller than FP32's; None where that is not asked.
    digits : int, optional
        Significant digits; three decimals by default.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    better: bool | None = None
    digits: int | None = None

    @property
    def text(self) -> str:
        """The figure with three decimals, or four digits if it is large."""
        return _text(self.value) if self.digits is None else f"{self.value:.{self.digits}g}"

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


def tables(
    request: GeneralizeRequest, rows: Rows, rtl: list[RtlSample], printed: str = ""
) -> list[Table]:
    """Return all tables for which there are figures.

    Parameters
    ----------
    request : GeneralizeRequest
    rows : Rows
    rtl : list of RtlSample
    printed : str
        Data of the paper whose figures stand beside these, as of `published.printed`.
    """
    names = [precision(bits) for bits in request.bits]
    setting = request.shown[0].setting
    found = [
        _gaps(request, rows, names, printed),
        _norms(rows, names, printed),
        _measures(rows, names, printed),
        _by_severity(rows, names, setting, printed),
        _over_severities(rows, names, setting, printed),
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


def _gaps(request: GeneralizeRequest, rows: Rows, names: list[str], printed: str) -> Table:
    metrics = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "gap", "gap-fp32")
    lines = [
        (bits, tuple(_cell(rows.get(POOL, bits, "clean", metric)) for metric in metrics))
        for bits in names
    ]
    for network, by in GAPS.get(printed, {}).items():
        for bits in names:
            shares = tuple(Cell(value / 100) for value in by[bits][:2])
            cells = (*shares, *map(Cell, by[bits][2:]), Cell(round(by[bits][4] - by["FP32"][4], 3)))
            lines.append((f"{bits}, {network}, {_PRINTED}", cells))
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


def _norms(rows: Rows, names: list[str], printed: str) -> Table:
    by = {bits: _sizes(rows, bits, "l2") for bits in names}
    lines = [
        (f"NiN ({size})", tuple(_mean(by[bits].get(size, [])) for bits in names))
        for size in by[names[0]]
    ]
    for network, norms in NORMS.get(printed, {}).items():
        cells = tuple(Cell(norms[bits]) for bits in names)
        lines.append((f"{network}, {_PRINTED}", cells))
    title = "L2 norm of the weights, batch norm folded, mean over settings"
    return Table("2", title, ("network", *names), tuple(lines))


def _measures(rows: Rows, names: list[str], printed: str) -> Table:
    lines = [
        (bits, tuple(_cell(rows.get(POOL, bits, "clean", name)) for name in MEASURES))
        for bits in names
        if rows.get(POOL, bits, "clean", MEASURES[0])
    ]
    for network, by in MEASURED.get(printed, {}).items():
        lines += [(f"{bits}, {network}, {_PRINTED}", tuple(map(Cell, by[bits]))) for bits in names]
    title = "Measures of flatness as sqrt(x / m), mean over the pool; smaller is flatter"
    return Table("3", title, ("precision", *MEASURES), tuple(lines))


def _named(kind: str) -> str:
    return _NAMES.get(kind, kind.replace("_", " "))


def _by_severity(rows: Rows, names: list[str], setting: str, printed: str) -> Table:
    """Tables 4 and 6, of which the first is a part of the second."""
    heads = tuple(f"{severity}: {bits}" for severity in SEVERITIES for bits in names)
    given = corrupted(printed)
    lines = []
    for kind in KINDS:
        cells = []
        for severity in SEVERITIES:
            found = [rows.get(setting, bits, f"{kind}:{severity}", "float_gap") for bits in names]
            cells += [_cell(row, found[0] if place else None) for place, row in enumerate(found)]
        if not any(cells):
            continue
        lines.append((_named(kind), tuple(cells)))
        for network in dict.fromkeys(key[1] for key in given if key[0] == kind and key[2]):
            by = [_paper(given[kind, network, severity], names) for severity in SEVERITIES]
            lines.append((f"{_named(kind)}, {network}, {_PRINTED}", tuple(chain(*by))))
    title = f"Gap on corrupted images by severity, {setting}"
    return Table("4 and 6", title, ("corruption", *heads), tuple(lines))


def _over_severities(rows: Rows, names: list[str], setting: str, printed: str) -> Table:
    """Table 5: the mean over severities; the paper's are of one that it does not name."""
    given = corrupted(printed)
    lines = []
    for kind in KINDS:
        cells = [_mean(_values(rows, setting, bits, kind)) for bits in names]
        if not any(cells):
            continue
        lines.append((_named(kind), tuple(_judged(cells))))
        lines += [
            (f"{_named(kind)}, {network}, {_PRINTED}", tuple(_paper(by, names)))
            for (other, network, severity), by in given.items()
            if other == kind and not severity
        ]
    title = f"Gap on corrupted images, mean over severities, {setting}"
    return Table("5", title, ("corruption", *names), tuple(lines))


def _values(rows: Rows, setting: str, bits: str, kind: str) -> list[float]:
    found = [rows.get(setting, bits, f"{kind}:{severity}", "float_gap") for severity in SEVERITIES]
    return [row.value for row in found if row]


def _judged(cells: Sequence[Cell | None]) -> list[Cell | None]:
    """Compare gaps with the first one, FP32's."""
    first = cells[0]
    if first is None:
        return list(cells)
    lower = [cell and replace(cell, better=cell.value < first.value) for cell in cells[1:]]
    return [first, *lower]


def _paper(by: Mapping[str, float], names: list[str]) -> list[Cell | None]:
    return _judged([Cell(by[bits]) for bits in names])


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
    groups = [*names, "all", WITHIN]
    lines = []
    for method in ("kendall", "spearman"):
        for name in CORRELATED:
            cells = tuple(
                _cell(rows.get(POOL, group, "clean", f"{method}:{name}")) for group in groups
            )
            if any(cells):
                lines.append((f"{name}, {method.title()}", cells))
    title = "Rank correlation with the gap over the pool; 1 means that it predicts"
    return Table("C", title, ("measure", *groups[:-1], "within a setting"), tuple(lines))


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
