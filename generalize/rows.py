"""Results as tidy rows: one figure with its interval per row."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from ..runtime.files import atomic_write

__all__ = ["POOL", "Row", "Rows", "write_rows"]

POOL = "pool"  # the setting of figures over the whole pool


@dataclass(frozen=True)
class Row:
    """One figure.

    Parameters
    ----------
    setting : str
        Hyperparameters of a network, or `POOL`.
    precision : str
        ``FP32``, ``W8``, ``W4``, ``W2``; ``all`` for correlations over all of them,
        ``within`` for those of networks of the same setting.
    data : str
        Level of the test images: ``clean``, ``fog:3``; ``corrupted`` for the mean over all levels
        of corruptions.
    metric : str
    value, low, high : float
        The figure and its 95 % interval, with NaN ends if there is none.
    """

    setting: str
    precision: str
    data: str
    metric: str
    value: float
    low: float = math.nan
    high: float = math.nan


class Rows:
    """Rows, found by what they are of.

    Parameters
    ----------
    rows : iterable of Row
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)
        self._by = {(r.setting, r.precision, r.data, r.metric): r for r in self.rows}

    def get(self, setting: str, precision: str, data: str, metric: str) -> Row | None:
        """Return a row; None if there is none."""
        return self._by.get((setting, precision, data, metric))

    def values(self, precision: str, metric: str) -> dict[str, float]:
        """Return a metric of the clean data by setting, without the pool's mean."""
        return {
            r.setting: r.value
            for r in self.rows
            if (r.precision, r.data, r.metric) == (precision, "clean", metric) and r.setting != POOL
        }


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as CSV atomically, with all digits of every float.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(Row)])
        for row in rows:
            *names, value, low, high = astuple(row)
            numbers = ["" if math.isnan(x) else repr(float(x)) for x in (value, low, high)]
            writer.writerow([*names, *numbers])
