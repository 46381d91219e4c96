"""Golden model of the beat walker: scratchpad addresses of bus beats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Beat", "beats"]

_ADDRESSES = 1 << 24


class Beat(NamedTuple):
    """A beat: scratchpad address of byte lane 0, mask of used byte lanes, and end flags.

    `out_of_range` is set in the first beat of a row that ends beyond the scratchpad.
    """

    address: int
    lanes: int
    burst_end: int
    end: int
    out_of_range: int


def beats(
    memory: int,
    memory_pitch: int,
    buffer: int,
    buffer_pitch: int,
    rows: int,
    row_bytes: int,
    *,
    axi_bytes: int,
    beats: int,
    size: int,
) -> Iterator[Beat]:
    """Yield the beats of the bursts of `maccord.golden.memory.bursts.bursts`.

    Parameters
    ----------
    memory, memory_pitch : int
        Byte offset of the first row in memory, and distance of the rows.
    buffer, buffer_pitch : int
        The same in the scratchpad; addresses wrap at 24 bits.
    rows, row_bytes : int
        At least 1.
    axi_bytes, beats : int
        Width of the bus, and longest burst; powers of two.
    size : int
        Bytes of the scratchpad.

    Yields
    ------
    Beat

    Examples
    --------
    >>> list(beats(6, 0, 100, 0, 1, 4, axi_bytes=8, beats=4, size=128))[1]
    Beat(address=102, lanes=3, burst_end=1, end=1, out_of_range=0)
    """
    for row in range(rows):
        start, place = memory + row * memory_pitch, (buffer + row * buffer_pitch) % _ADDRESSES
        first, last = start // axi_bytes, (start + row_bytes - 1) // axi_bytes
        for beat in range(first, last + 1):
            lane0 = beat * axi_bytes - start  # index of byte lane 0 in the row
            yield Beat(
                address=(place + lane0) % _ADDRESSES,
                lanes=sum(1 << i for i in range(axi_bytes) if 0 <= lane0 + i < row_bytes),
                burst_end=int(beat == last or (beat + 1) % beats == 0),
                end=int(beat == last and row == rows - 1),
                out_of_range=int(beat == first and place + row_bytes > size),
            )
