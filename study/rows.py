"""A study's results as tidy rows: one figure with its interval per row."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from ..runtime.files import atomic_write

__all__ = ["ALL", "CLEAN", "MODELS", "Row", "level_text", "read_rows", "write_rows"]

CLEAN = "clean"  # with level 0
ALL = "all"  # for rows over all levels of a network; with level 0
MODELS = ("fp32", "fp32-clamped", "live", "frozen", "frozen-clamped", "int8")


@dataclass(frozen=True)
class Row:
    """One figure.

    Parameters
    ----------
    network, model : str
        `model` is one of `MODELS`.
    perturbation : str
        E.g. ``awgn``; ``clean``; or ``all``, for all levels of the network.
    level : float
        0 if the perturbation is ``clean`` or ``all``.
    metric : str
        As in `maccord.study.measure`.
    value, low, high : float
        The figure and its 95 % interval, with NaN ends if there is none.
    """

    network: str
    model: str
    perturbation: str
    level: float
    metric: str
    value: float
    low: float
    high: float


_NAMES = [field.name for field in fields(Row)]


def level_text(level: float) -> str:
    """Format a level with all significant digits.

    Examples
    --------
    >>> [level_text(level) for level in (0.1, 10.0, 0)]
    ['0.1', '10', '0']
    """
    return repr(float(level)).removesuffix(".0")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write ``results.csv`` atomically, with all digits of every float.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_NAMES)
        for row in rows:
            numbers = [_number(value) for value in (row.value, row.low, row.high)]
            level = level_text(row.level)
            names = [row.network, row.model, row.perturbation, level, row.metric]
            writer.writerow(names + numbers)


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def read_rows(path: Path) -> list[Row]:
    """Read a file written by `write_rows`.

    Raises
    ------
    ValueError
        If a line is not a row.
    """
    with path.open(newline="") as file:
        reader = csv.reader(file)
        header = next(reader, None)
        if header != _NAMES:
            raise ValueError(f"{path} must begin with {','.join(_NAMES)}, got {header}")
        return [_row(path, reader.line_num, entries) for entries in reader]


def _row(path: Path, line: int, entries: list[str]) -> Row:
    try:
        network, model, perturbation, level, metric, *numbers = entries
        value, low, high = (float(text) if text else math.nan for text in numbers)
        return Row(network, model, perturbation, float(level), metric, value, low, high)
    except ValueError:
        raise ValueError(f"{path}, line {line}, must be a row of results, got {entries}") from None
