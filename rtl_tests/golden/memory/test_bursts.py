"""Bursts and their beats against sets of bytes: each byte of a row once, in its place."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from maccord.golden.memory.beats import beats
from maccord.golden.memory.bursts import bursts

CASES = [
    (memory, pitch, rows, row_bytes, axi_bytes, most)
    for memory, pitch in ((0, 0), (30, 77), (61, -13), (1 << 31, 4096))
    for rows, row_bytes in ((1, 1), (1, 300), (3, 40), (4, 64))
    for axi_bytes, most in ((8, 4), (4, 16), (16, 1))
]


@pytest.mark.parametrize("case", CASES)
def test_bursts(case: tuple[int, ...]) -> None:
    """All beats that hold a byte, in order, in the longest bursts that stay in a block."""
    memory, pitch, rows, row_bytes, axi_bytes, most = case
    found = list(bursts(*case[:4], axi_bytes=axi_bytes, beats=most))
    touched = [
        list(dict.fromkeys(b // axi_bytes for b in range(start, start + row_bytes)))
        for start in (memory + row * pitch for row in range(rows))
    ]
    read = [b.address // axi_bytes + i for b in found for i in range(b.length + 1)]
    beat_numbers = [n % (2**32 // axi_bytes) for n in itertools.chain(*touched)]
    assert read == beat_numbers
    blocks = [(row, n // most) for row, numbers in enumerate(touched) for n in numbers]
    assert len(found) == len(set(blocks))
    assert all(b.address % axi_bytes == 0 for b in found)


@pytest.mark.parametrize("case", CASES)
def test_beats(case: tuple[int, ...]) -> None:
    memory, pitch, rows, row_bytes, axi_bytes, most = case
    buffer, step, size = 100, row_bytes + 7, 100 + row_bytes
    found = list(beats(memory, pitch, buffer, step, rows, row_bytes,
                       axi_bytes=axi_bytes, beats=most, size=size))  # fmt: skip
    lengths = [b.length + 1 for b in bursts(*case[:4], axi_bytes=axi_bytes, beats=most)]
    ends = set(np.cumsum(lengths) - 1)
    assert [beat.burst_end for beat in found] == [int(i in ends) for i in range(sum(lengths))]
    assert [beat.end for beat in found] == [0] * (len(found) - 1) + [1]
    # The bytes that the lanes of the beats of each row give, and where they go
    places = [
        beat.address + lane for beat in found for lane in range(axi_bytes) if beat.lanes >> lane & 1
    ]
    assert places == [buffer + row * step + i for row in range(rows) for i in range(row_bytes)]
    lanes = [lane for beat in found for lane in range(axi_bytes) if beat.lanes >> lane & 1]
    expected = [
        (memory + row * pitch + i) % axi_bytes for row in range(rows) for i in range(row_bytes)
    ]
    assert lanes == expected
    # All rows but the first end beyond the scratchpad; each says so once
    assert [beat.out_of_range for beat in found].count(1) == rows - 1
    assert not found[0].out_of_range
