"""Terminal report of a sweep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .explore_point import OK, Row
from .explore_widths import Gain, gains
from .targets import RESOURCES

__all__ = ["print_sweep", "said"]

_SHOWN = 20  # maximum points without a result to list individually


def print_sweep(out: Console, sweep: dict[str, Any], rows: Sequence[Row]) -> None:
    """Print points by descending frames per second, then the reasons for missing results.

    Parameters
    ----------
    out : Console
    sweep : dict
        As in `explore_files.save`.
    rows : sequence of Row
        From `explore_files.ranked`.
    """
    whole = [row for row in rows if row.status == OK]
    if whole:
        out.print(_table(whole))
    compared = gains(whole, sweep["area"])
    if compared:
        out.print()
        out.print(_gains(compared, sweep["area"]))
    others = [row for row in rows if row.status != OK]
    for row in others[:_SHOWN]:
        out.print(f"{row.label}: {row.status}: {escape(row.reason)}", soft_wrap=True)
    if len(others) > _SHOWN:
        kinds = Counter(row.status for row in others[_SHOWN:])
        rest = ", ".join(f"{count} {status}" for status, count in kinds.items())
        out.print(f"and {rest}")
    for note in _notes(sweep, whole):
        out.print(note, soft_wrap=True, style="dim")


def _table(rows: Sequence[Row]) -> Table:
    placed = any(row.fmax_mhz for row in rows)
    resources = [name for name in RESOURCES if any(row.resources.get(name) for row in rows)]
    device = any(row.percent for row in rows)
    heads = ["", "configuration", *(name.upper() for name in resources)]
    heads += ["fullest"] * device + ["fmax MHz"] * placed
    heads += ["cycles", "frames/s", "utilisation", "bound"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        left = head in ("", "configuration", "bound")
        table.add_column(head, justify="left" if left else "right", no_wrap=True)
    for row in rows:
        entries = ["*" if row.pareto else "", escape(row.label)]
        entries += [f"{row.resources.get(name, 0):,.10g}" for name in resources]
        if device:
            name = max(row.percent, key=lambda each: row.percent[each])
            entries.append(f"{name.upper()} {row.percent[name]:.0f} %")
        entries += [_clock(row)] * placed
        entries += [f"{row.cycles:,}", f"{row.frames_per_second:.2f}", f"{row.utilization:.1%}"]
        entries.append(f"{row.bound} {row.share:.0%}")
        table.add_row(*entries, style="bold" if row.pareto else "")
    return table


def _gains(compared: Sequence[Gain], area: str) -> Table:
    """Narrow weights beside 8 bits, as shares of these."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("narrow weights", "beside", "at equal"):
        table.add_column(head, no_wrap=True)
    for head in (area.upper(), "frames/s", f"frames/s per {area.upper()}"):
        table.add_column(head, justify="right", no_wrap=True)
    for gain in compared:
        figures = (gain.area, gain.frames_per_second, gain.frames_per_area)
        table.add_row(
            escape(gain.label),
            escape(gain.base),
            gain.at,
            *(f"x {figure:.2f}" for figure in figures),
        )
    return table


def _clock(row: Row) -> str:
    if not row.fmax_mhz:
        return ""
    low, high = min(row.fmax_mhz), max(row.fmax_mhz)
    return f"{low:.1f}" if len(row.fmax_mhz) == 1 else f"{low:.1f} to {high:.1f}"


def _notes(sweep: dict[str, Any], rows: Sequence[Row]) -> list[str]:
    seeds = ", ".join(map(str, sweep["seeds"]))
    if any(row.fmax_mhz for row in rows):
        clock = f"frames/s at the worst fmax over seeds {seeds}, after routing, by nextpnr"
    else:
        clock = f"frames/s at an assumed {sweep['mhz']:g} MHz: nothing was placed and routed"
    measured = sweep["cycles_from"] == "rtl"
    cycles = "cycles of the RTL, every tensor equal" if measured else "cycles by the timing model"
    return [
        f"* on the Pareto front of frames/s against {sweep['area'].upper()}; {clock}",
        f"{cycles}; bound: what sets the least cycles of operations, and their share of all",
    ]


def said(row: Row) -> str:
    """Return one line about a completed point.

    Parameters
    ----------
    row : Row

    Returns
    -------
    str
    """
    if row.status != OK:
        return f"{row.label}: {row.status}: {row.reason}"
    clock = f"{row.clock_mhz:.1f} MHz, {row.cycles:,} cycles"
    return f"{row.label}: {clock}, {row.frames_per_second:.2f} frames/s"
