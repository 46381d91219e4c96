"""What the row unit goes through: rows of the output scratchpad, in vectors."""

from __future__ import annotations

from amaranth.lib import data

__all__ = ["walk_layout"]


def walk_layout() -> data.StructLayout:
    """Return the layout of rows to go through.

    Returns
    -------
    data.StructLayout
        `buffer`: address of the first row; `pitch`: from a row to the next; `rows`: their number;
        `more`: vectors of a row, minus 1; `span`: its bytes, minus 1.
    """
    return data.StructLayout({"buffer": 24, "pitch": 24, "rows": 16, "more": 24, "span": 24})
