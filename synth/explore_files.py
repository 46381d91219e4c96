"""Files of a sweep: CSV with one row per point, and JSON with everything."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..runtime.files import atomic_write
from .explore_grid import AXES
from .explore_pareto import front
from .explore_point import OK, Row
from .explore_widths import gains
from .targets import RESOURCES

__all__ = ["COLUMNS", "SCHEMA", "ranked", "save"]

SCHEMA = "maccord.explore/1"

#: Columns of the CSV, in order; unknown values are empty.
COLUMNS = (
    "network", "target", "label", "configuration", *AXES,
    "status", "reason",
    *RESOURCES, *(f"{name}_percent" for name in ("dsp", "bram", "lut", "ff")),
    "fmax_mhz", "fmax_best_mhz", "seeds", "clock_mhz",
    "batch", "cycles", "cycles_from", "model_cycles",
    "frames_per_second", "utilization", "bound", "bound_share",
    "area", "pareto",
)  # fmt: skip


def ranked(rows: Sequence[Row], area: str) -> list[Row]:
    """Sort rows by descending frames per second, those without last; mark the Pareto front.

    Parameters
    ----------
    rows : sequence of Row
    area : str
        The resource on the front's area axis.

    Returns
    -------
    list of Row
    """
    whole = [row for row in rows if row.status == OK]
    whole.sort(key=lambda row: (-row.frames_per_second, row.resources.get(area, 0)))
    marks = front(
        [row.resources.get(area, 0) for row in whole], [row.frames_per_second for row in whole]
    )
    best = [replace(row, pareto=mark) for row, mark in zip(whole, marks, strict=True)]
    return best + [row for row in rows if row.status != OK]


def save(stem: Path, sweep: dict[str, Any], rows: Sequence[Row]) -> tuple[Path, Path]:
    """Write ``STEM.csv`` and ``STEM.json``.

    Parameters
    ----------
    stem : Path
    sweep : dict
        Fields common to all points: `network`, `target`, `area`, `seeds`, `batch`,
        `cycles_from`, `provenance` and more.
    rows : sequence of Row
        As `ranked`.

    Returns
    -------
    tuple of Path
    """
    csv_path, json_path = (stem.with_name(stem.name + ending) for ending in (".csv", ".json"))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_columns(sweep, row) for row in rows)
    with atomic_write(csv_path) as temporary:
        temporary.write_text(text.getvalue())
    with atomic_write(json_path) as temporary:
        found = [asdict(gain) for gain in gains(rows, sweep["area"])]
        content = {"schema": SCHEMA} | sweep | {"points": [asdict(row) for row in rows]}
        content |= {"narrow_gains": found}
        temporary.write_text(json.dumps(content, indent=2) + "\n")
    return csv_path, json_path


def _columns(sweep: dict[str, Any], row: Row) -> dict[str, Any]:
    """One line of the CSV."""
    common = {name: sweep[name] for name in ("network", "target", "area", "batch", "cycles_from")}
    line = common | row.chosen | {"seeds": " ".join(map(str, sweep["seeds"]))}
    line |= {name: getattr(row, name) for name in ("label", "configuration", "status", "reason")}
    line |= {name: f"{amount:g}" for name, amount in row.resources.items()}
    line |= {f"{name}_percent": f"{part:.1f}" for name, part in row.percent.items()}
    if row.fmax_mhz:
        line |= {"fmax_mhz": f"{min(row.fmax_mhz):.2f}"}
        line |= {"fmax_best_mhz": f"{max(row.fmax_mhz):.2f}"}
    if row.model_cycles:
        line |= {"model_cycles": row.model_cycles}
        line |= {"bound": row.bound, "bound_share": f"{row.share:.3f}"}
    if row.clock_mhz:
        line |= {"clock_mhz": f"{row.clock_mhz:.2f}"}
    if row.status == OK:
        line |= {"cycles": row.cycles, "frames_per_second": f"{row.frames_per_second:.4f}"}
        line |= {"utilization": f"{row.utilization:.4f}", "pareto": int(row.pareto)}
    return line
