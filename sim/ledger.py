"""Files of a ledger: the areas that a program writes in order, and their captured content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..compiler.area import Area
from ..runtime.files import reserve

__all__ = ["read_tensors", "write_ledger"]


def write_ledger(
    folder: Path, areas: Sequence[Area], free: Sequence[tuple[int, int]], poison: int
) -> None:
    """Write `ledger.bin` in the format of memory.cpp, and reserve space in `tensors.bin`.

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
    reserve(folder / "tensors.bin", sum(area.size for area in areas))


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
