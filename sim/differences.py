"""Compares the JSON results of two runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["compared"]

_SETTINGS = (
    "rows", "cols", "weights", "seed", "image", "latency", "stalls", "stall_seed", "netlist",
    "configuration", "batch", "verilator",
)  # fmt: skip
_MISMATCHES = ("mismatches_golden", "mismatches_torch")
Runs = dict[str, dict[str, Any]]


def compared(before: Path, after: Path) -> tuple[list[str], bool]:
    """Compare the runs of two files by layer and perturbation.

    Parameters
    ----------
    before, after : Path
        As written by `maccord sim --json`: one result, or a list.

    Returns
    -------
    list of str, bool
        Lines to print; whether a run has more mismatches than before.

    Raises
    ------
    ValueError
        If a file does not contain results, or the two have no run in common.
    """
    one, two = _runs(before), _runs(after)
    common = [name for name in one if name in two]
    if not common:
        raise ValueError(f"{before} and {after} must have a run in common, got none")
    lines, worse = [], False
    for name in common:
        a, b = one[name], two[name]
        change = 100 * (b["cycles"] - a["cycles"]) / max(a["cycles"], 1)
        lines.append(f"{name}: {a['cycles']:,} > {b['cycles']:,} cycles, {change:+.2f} %")
        lines.extend(
            f"  {field}: {a.get(field)} > {b.get(field)}"
            for field in _SETTINGS
            if a.get(field) != b.get(field)
        )
        for field in _MISMATCHES:
            worse = worse or (b[field] or 0) > (a[field] or 0)
            if a[field] or b[field] or a[field] != b[field]:
                lines.append(f"  {field}: {_counted(a[field])} > {_counted(b[field])}")
    for path, runs, others in ((before, one, two), (after, two, one)):
        lines += [f"{name}: only in {path}" for name in runs if name not in others]
    return lines, worse


def _counted(mismatches: int | None) -> str:
    return "not asked" if mismatches is None else f"{mismatches:,}"


def _runs(path: Path) -> Runs:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not JSON"
        raise ValueError(f"results must be a readable file, got {path}: {reason}") from None
    runs = content if isinstance(content, list) else [content]
    needed = {"layer", "perturbation", "cycles", *_MISMATCHES}
    if not runs or not all(isinstance(run, dict) and needed <= run.keys() for run in runs):
        raise ValueError(f"results must be as maccord sim writes them, got {path}")
    return {f"{run['layer']} @ {run['perturbation']}": run for run in runs}
