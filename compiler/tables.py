"""Tables in memory, one behind the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..golden.array.lookup import table_bytes
from ..golden.graph import Lookup
from .layer import align

__all__ = ["placed_tables"]

Tables = dict[str, tuple[int, npt.NDArray[np.uint8]]]


def placed_tables(steps: Sequence[tuple[str, Lookup | None]], start: int) -> tuple[Tables, int]:
    """Place the tables of steps; equal tables share their place.

    Parameters
    ----------
    steps : sequence of (str, Lookup or None)
        Name and table of each.
    start : int
        Byte offset of the first table.

    Returns
    -------
    tables : dict of str to (int, ndarray of shape (TABLE_BYTES,), uint8)
        Byte offset and bytes as TABLE reads them, of the steps that have a table.
    end : int
        Byte offset behind the last one, aligned.
    """
    known: dict[bytes, int] = {}
    tables: Tables = {}
    for name, lookup in steps:
        if lookup is not None:
            data = table_bytes(lookup.table)
            offset = known.setdefault(data.tobytes(), start + len(known) * data.size)
            tables[name] = (offset, data)
    return tables, start + align(sum(map(len, known)))
