"""Tables that drop less important columns on narrow terminals."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

__all__ = ["Column", "fitting", "print_wrapped", "table_width"]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name : str
    entries : sequence of str
        Markup, one entry per row.
    rank : int
        Columns of higher rank are dropped first; those of rank 0 never.
    footer : str
    left : bool
        Whether to align left, for text.
    """

    name: str
    entries: Sequence[str]
    rank: int = 0
    footer: str = ""
    left: bool = False


def table_width(wide: bool = False) -> int | None:
    """Terminal width in characters; None if table width is unlimited."""
    if wide or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def fitting(out: Console, columns: Sequence[Column], width: int | None) -> tuple[Table, list[str]]:
    """Return a table of the columns that fit, and the names of the dropped ones.

    Parameters
    ----------
    out : Console
    columns : sequence of Column
    width : int, optional
        Characters; unlimited if not given.

    Returns
    -------
    Table, list of str
        Cells are neither wrapped nor cut, however narrow the console is.
    """
    shown = list(columns)
    ranks = sorted({column.rank for column in columns} - {0}, reverse=True)
    table = _table(shown)
    for rank in ranks if width is not None else ():
        if table.__rich_measure__(out, out.options.update(width=1000)).maximum <= (width or 0):
            break
        shown = [column for column in shown if column.rank != rank]
        table = _table(shown)
    return table, [column.name for column in columns if column not in shown]


def _table(columns: Sequence[Column]) -> Table:
    footers = any(column.footer for column in columns)
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=footers)
    for column in columns:
        justify = "left" if column.left else "right"
        table.add_column(column.name, column.footer, justify=justify, no_wrap=True)
    for row in zip(*(column.entries for column in columns), strict=True):
        table.add_row(*row)
    return table


def print_wrapped(out: Console, text: str, width: int | None, style: str = "dim") -> None:
    """Print a table's note, wrapped between words if a width is given."""
    if width is None:
        out.print(text, soft_wrap=True, style=style)
    else:
        out.print(text, width=width, style=style)
