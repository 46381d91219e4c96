"""Tables 4.1 to 4.18 of Langille 2024, for the user's own data."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..runtime.files import atomic_write
from .published import TABLES, THESIS_NETWORKS, published
from .rows import ALL, CLEAN, Row, level_text

__all__ = ["Column", "Entry", "Results", "Table", "display_name", "tables", "write_table"]

NAMES = {
    "clean": "clean",
    "awgn": "AWGN",
    "brownian": "Brownian noise",
    "brownian-literal": "Brownian noise, literal reading",
    "vertical": "vertical occlusion",
    "horizontal": "horizontal occlusion",
}
_HEADS = {"awgn": "sigma", "brownian": "sigma", "vertical": "streaks", "horizontal": "streaks"}
_TITLES = {"top1": "Top-1 accuracy", "top5": "Top-5 accuracy", "f1": "F1 score",
           "kl": "KL(FP32 || model) in nats"}  # fmt: skip
_MODELS = {"fp32": "FP32", "int8": "INT8", "live": "live"}
_AVERAGES = ("weighted", "macro")


@dataclass(frozen=True)
class Entry:
    """A figure with its interval; published figures have none."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Column:
    """Heading of a column, and the model that it shows.

    Parameters
    ----------
    network, model : str
    title : str
        Subheading under the network's name.
    average : str
        Averaging of F1; empty for other metrics.
    printed : bool
        Whether the entries are the thesis's published values.
    """

    network: str
    model: str
    title: str
    average: str = ""
    printed: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the thesis; entries without a figure are None.

    Parameters
    ----------
    number, title, head : str
        `head` is the heading of the first column.
    columns : tuple of Column
    rows : tuple of (str, tuple of Entry or None)
    """

    number: str
    title: str
    head: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[Entry | None, ...]], ...]


class Results:
    """Indexed rows.

    Parameters
    ----------
    rows : iterable of Row
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)
        self._found = {
            (row.network, row.model, row.perturbation, row.level, row.metric): row
            for row in self.rows
        }

    def row(
        self, network: str, model: str, perturbation: str, level: float, metric: str
    ) -> Row | None:
        """Return the matching row, or None."""
        return self._found.get((network, model, perturbation, level, metric))

    @property
    def networks(self) -> list[str]:
        """The thesis's networks in its order, then others in row order."""
        found = dict.fromkeys(row.network for row in self.rows)
        return [name for name in THESIS_NETWORKS if name in found] + [
            name for name in found if name not in THESIS_NETWORKS
        ]

    @property
    def models(self) -> set[str]:
        """All models that occur."""
        return {row.model for row in self.rows}

    @property
    def places(self) -> list[tuple[str, float]]:
        """All perturbations with levels: clean, the thesis's in its order, then others."""
        order = list(NAMES)
        found = {(row.perturbation, row.level) for row in self.rows} - {(ALL, 0.0)}

        def place(key: tuple[str, float]) -> tuple[int, str, float]:
            return (order.index(key[0]) if key[0] in order else len(order), *key)

        return sorted(found, key=place)

    def levels(self, perturbation: str) -> list[float]:
        """Levels of a perturbation, ascending."""
        return [level for name, level in self.places if name == perturbation]

    def called(self, perturbation: str) -> str:
        """Return the name used for one of the thesis's perturbations; Brownian may be literal."""
        literal = f"{perturbation}-literal"
        return literal if not self.levels(perturbation) and self.levels(literal) else perturbation


def display_name(network: str) -> str:
    """Network name as in the thesis; unchanged for others."""
    return THESIS_NETWORKS.get(network, network)


def tables(rows: Iterable[Row], *, compare: bool = False) -> list[Table]:
    """Return all tables for which there are results, with the thesis's order and numbers.

    INT8 is true INT8; ``live``, the thesis's own procedure, is shown next to it.

    Parameters
    ----------
    rows : iterable of Row
    compare : bool
        Whether to show the published values alongside; only for the same data.
    """
    figures = Results(rows)
    found = [_baseline(figures, compare), _baseline_kl(figures, compare)]
    found += [_perturbed(figures, number, compare) for number in TABLES]
    return [table for table in found if table.rows and table.columns]


def _columns(figures: Results, metric: str, compare: bool) -> Iterator[Column]:
    models = {m: title for m, title in _MODELS.items() if metric != "kl" or m != "fp32"}
    for network in figures.networks:
        for average in _AVERAGES if metric == "f1" else ("",):
            for model, title in models.items():
                if model in figures.models:
                    yield Column(network, model, f"{title} {average}".strip(), average)
        for model, title in models.items():
            if compare and network in THESIS_NETWORKS and model != "live":
                yield Column(network, model, f"{title} printed", printed=True)


def _entry(
    figures: Results, column: Column, perturbation: str, level: float, metric: str
) -> Entry | None:
    if column.printed:
        value = published(perturbation, level, metric, column.network, column.model)
        return None if value is None else Entry(value)
    name = f"{metric}_{column.average}" if column.average else metric
    row = figures.row(column.network, column.model, perturbation, level, name)
    return _of(row)


def _of(row: Row | None) -> Entry | None:
    return None if row is None else Entry(row.value, row.low, row.high)


def _perturbed(figures: Results, number: str, compare: bool) -> Table:
    perturbation, metric = TABLES[number]
    name = figures.called(perturbation)
    columns = tuple(_columns(figures, metric, compare))
    rows = [
        (level_text(level), tuple(_entry(figures, c, name, level, metric) for c in columns))
        for level in figures.levels(name)
    ]
    title = f"{_TITLES[metric]}, {NAMES[name]}"
    return _table(number, title, _HEADS[perturbation], columns, rows)


def _baseline(figures: Results, compare: bool) -> Table:
    columns = tuple(_columns(figures, "top1", compare))
    rows = []
    for metric in ("top1", "top5", "f1_weighted", "f1_macro"):
        entries = []
        for column in columns:
            # The published F1's averaging is not stated: show it next to the more likely one
            wanted = "f1" if column.printed and metric == "f1_weighted" else metric
            entries.append(_entry(figures, column, CLEAN, 0.0, wanted))
        title = _TITLES.get(metric) or f"F1 score, {metric.removeprefix('f1_')}"
        rows.append((title, tuple(entries)))
    return _table("4.1", "Clean images", "figure", columns, rows)


def _baseline_kl(figures: Results, compare: bool) -> Table:
    columns = [Column("", model, _MODELS[model]) for model in ("int8", "live")]
    columns = [column for column in columns if column.model in figures.models]
    columns += [Column("", "int8", "INT8 printed", printed=True)] * compare
    rows = []
    for network in figures.networks:
        own = (Column(network, c.model, c.title, printed=c.printed) for c in columns)
        entries = tuple(_entry(figures, column, CLEAN, 0.0, "kl") for column in own)
        rows.append((display_name(network), entries))
    return _table("4.2", f"{_TITLES['kl']}, clean images", "network", tuple(columns), rows)


def _table(
    number: str,
    title: str,
    head: str,
    columns: tuple[Column, ...],
    rows: Sequence[tuple[str, tuple[Entry | None, ...]]],
) -> Table:
    """Return a table without empty rows and columns."""
    measured = [i for i, column in enumerate(columns) if not column.printed]
    rows = [row for row in rows if any(row[1][i] for i in measured)]
    kept = [i for i in range(len(columns)) if any(entries[i] for _, entries in rows)]
    return Table(
        number,
        title,
        head,
        tuple(columns[i] for i in kept),
        tuple((label, tuple(entries[i] for i in kept)) for label, entries in rows),
    )


def write_table(folder: Path, table: Table) -> Path:
    """Write ``folder/table_4.N.csv`` with value, low and high of each measured column."""
    path = folder / f"table_{table.number}.csv"
    header = [table.head]
    for column in table.columns:
        name = f"{display_name(column.network)} {column.title}".strip()
        header += [name] if column.printed else [name, f"{name} low", f"{name} high"]
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for label, entries in table.rows:
            line: list[str] = [label]
            for column, entry in zip(table.columns, entries, strict=True):
                numbers = (entry.value, entry.low, entry.high) if entry else (None,) * 3
                wanted = numbers[:1] if column.printed else numbers
                line += ["" if number is None else repr(number) for number in wanted]
            writer.writerow(line)
    return path
