"""Golden model of the burst cutter: AXI bursts of rows of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Burst", "bursts"]

_MEMORY = 1 << 32


class Burst(NamedTuple):
    """An AXI burst: byte offset of its first beat, and AxLEN, the number of beats minus 1."""

    address: int
    length: int


def bursts(
    memory: int, memory_pitch: int, rows: int, row_bytes: int, *, axi_bytes: int, beats: int
) -> Iterator[Burst]:
    """Split rows into aligned bursts that never cross a multiple of `beats` * `axi_bytes`.

    Parameters
    ----------
    memory, memory_pitch : int
        Byte offset of the first row, and distance of the rows; offsets wrap at 32 bits.
    rows, row_bytes : int
        At least 1.
    axi_bytes, beats : int
        Width of the bus, and longest burst; powers of two.

    Yields
    ------
    Burst
        In address order, row by row.

    Examples
    --------
    >>> list(bursts(30, 0, 1, 40, axi_bytes=8, beats=4))
    [Burst(address=24, length=0), Burst(address=32, length=3), Burst(address=64, length=0)]
    """
    for row in range(rows):
        start = memory + row * memory_pitch
        beat, end = start // axi_bytes, -(-(start + row_bytes) // axi_bytes)
        while beat < end:
            stop = min(end, (beat // beats + 1) * beats)
            yield Burst(beat * axi_bytes % _MEMORY, stop - beat - 1)
            beat = stop
