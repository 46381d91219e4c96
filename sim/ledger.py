"""Files of a ledger: the areas that a program writes in order, and their captured content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..compiler.area import Area
from ..runtime.files import reserve

__all__ = ["read_tensors", "read_traces", "write_ledger"]


def write_ledger(
    folder: Path, areas: Sequence[Area], free: Sequence[tuple[int, int]], poison: int
) -> None:
    """Write `ledger.bin` in the format of memory.cpp, and reserve space in `tensors.bin`.

    Behind the areas there is room for a hash of each, see `read_traces`.

    Parameters
    ----------
    folder : Path
    areas : sequence of Area
        In the order in which they are written.
    free : sequence of (int, int)
        Offset and length of each region that may be written at any time.
    poison : int
        Byte that fills an area before it is written.
    """
    words = [poison, len(areas), len(free)]
    for area in areas:
        words += [area.base, area.rows, area.row_bytes, area.pitch, area.together]
    for offset, length in free:
        words += [offset, offset + length]
    (folder / "ledger.bin").write_bytes(np.array(words, "<u8").tobytes())
    reserve(folder / "tensors.bin", _traces(areas) + 8 * len(areas))


def read_tensors(folder: Path, areas: Sequence[Area], complete: int) -> dict[str, np.ndarray]:
    """Read the areas that were captured at completion.

    Parameters
    ----------
    folder : Path
    areas : sequence of Area
    complete : int
        Number of completed areas.

    Returns
    -------
    dict of str to ndarray of shape (rows, row_bytes), uint8
        By name.
    """
    data = np.fromfile(folder / "tensors.bin", np.uint8)
    found, start = {}, 0
    for area in areas[:complete]:
        found[area.name] = data[start : start + area.size].reshape(area.rows, area.row_bytes)
        start += area.size
    return found


def read_traces(folder: Path, areas: Sequence[Area], complete: int) -> dict[str, int]:
    """Read a hash of the beats that came last before each area was complete.

    Parameters
    ----------
    folder, areas, complete
        As for `read_tensors`.

    Returns
    -------
    dict of str to int
        By name; equal if the last 64 beats had the same offsets and directions, in order.
    """
    found = np.fromfile(folder / "tensors.bin", "<u8", complete, offset=_traces(areas))
    return {area.name: int(trace) for area, trace in zip(areas, found, strict=False)}


def _traces(areas: Sequence[Area]) -> int:
    """Offset of the hashes in `tensors.bin`."""
    return -(-sum(area.size for area in areas) // 8) * 8
