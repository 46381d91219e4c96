"""Tables as images."""

from __future__ import annotations

from itertools import groupby

from matplotlib.figure import Figure

from .figures_style import png, style
from .tables import Entry, Table, display_name

__all__ = ["number", "table_picture"]

_LINE = 0.36  # inches
_CELL = 1.08


def number(value: float) -> str:
    """Format with four decimals as in the thesis, or in scientific notation if too small.

    Examples
    --------
    >>> [number(value) for value in (0.62683, 2.5758e-05, 0)]
    ['0.6268', '2.58e-05', '0.0000']
    """
    return f"{value:.2e}" if 0 < abs(value) < 0.001 else f"{value:.4f}"


def _text(entry: Entry | None) -> str:
    if entry is None:
        return ""
    if entry.low is None or entry.high is None:
        return number(entry.value)
    return f"{number(entry.value)}\n{number(entry.low)} to {number(entry.high)}"


def table_picture(table: Table) -> bytes:
    """Render a table with its intervals; return PNG."""
    lines = len(table.rows) + 2
    label = max(len(text) for text in (table.head, *(text for text, _ in table.rows)))
    first = 0.4 + 0.075 * label
    title = f"Table {table.number}: {table.title}"
    width = max(first + _CELL * len(table.columns), 0.2 + 0.087 * len(title))
    with style():
        figure = Figure(figsize=(width + 0.2, _LINE * (lines + 1)))
        axes = figure.add_axes((0.1 / (width + 0.2), 0, width / (width + 0.2), 1))
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(lines, -1)
        axes.text(0, -0.5, title, weight="bold", va="center")
        start = first
        for network, own in groupby(column.network for column in table.columns):
            share = len(list(own)) * _CELL
            name = display_name(network)
            axes.text(start + share / 2, 0.5, name, ha="center", va="center", weight="bold")
            start += share
        heads = [column.title for column in table.columns]
        axes.text(0, 1.5, table.head, va="center")
        for index, head in enumerate(heads):
            axes.text(first + (index + 0.5) * _CELL, 1.5, head, ha="center", va="center")
        for line, (text, entries) in enumerate(table.rows, 2):
            axes.plot([0, width], [line, line], color="#cccccc", linewidth=0.6)
            axes.text(0, line + 0.5, text, va="center")
            for index, entry in enumerate(entries):
                x = first + (index + 0.5) * _CELL
                axes.text(x, line + 0.5, _text(entry), ha="center", va="center", fontsize=7.5)
        return png(figure)
