"""The passes of a reduction cover it once, in order, from distinct banks."""

from __future__ import annotations

import numpy as np
import pytest

from maccord.golden.feed.reduction import Reduction, reduction


def flattened(geometry: Reduction) -> np.ndarray:
    """Address of every element of the flattened reduction, shape (size,)."""
    lines = np.arange(geometry.lines)[:, None, None] * geometry.line_pitch
    taps = np.arange(geometry.taps)[:, None] * geometry.tap_pitch
    return (lines + taps + np.arange(geometry.run)).reshape(-1)


def random_geometry(rng: np.random.Generator, banks: int) -> Reduction:
    """Any geometry, with packing where the pitches allow it."""
    run, taps, lines = (int(rng.integers(1, high)) for high in (80, 5, 5))
    tap_pitch = run + int(rng.choice([0, banks, rng.integers(0, 3 * banks)]))
    walked = (taps - 1) * tap_pitch + run
    line_pitch = walked + int(rng.choice([0, banks, rng.integers(0, 3 * banks)]))
    return Reduction(
        *(run, taps, tap_pitch, lines, line_pitch),
        (tap_pitch - run) % banks == 0,
        (line_pitch - walked) % banks == 0,
    )


@pytest.mark.parametrize("rows", [4, 7, 12, 16, 64])
@pytest.mark.parametrize("seed", range(30))
def test_passes_cover_the_reduction(seed: int, rows: int) -> None:
    banks = 1 << (rows - 1).bit_length()
    geometry = random_geometry(np.random.default_rng(seed), banks)
    addresses, start = flattened(geometry), 0
    for step in reduction(geometry, rows):
        assert step.start == start
        assert 1 <= step.used <= rows
        offsets = step.offsets(rows)
        np.testing.assert_array_equal(offsets[: step.used], addresses[start : start + step.used])
        assert len(set(offsets % banks)) == rows
        start += step.used
    assert start == geometry.size


@pytest.mark.parametrize(
    ("geometry", "rows", "passes"),
    [
        (Reduction(21, 1, 0, 7, 21 + 16, False, True), 16, 10),  # 7 x 7 x 3, dense
        (Reduction(21, 1, 0, 7, 40, False, False), 16, 14),  # the same, line by line
        (Reduction(25088, 1, 0, 1, 0, False, False), 16, 1568),
        (Reduction(16, 3, 128, 3, 1024, True, True), 12, 12),
        (Reduction(3, 3, 19, 1, 0, True, False), 16, 2),  # a vector spans two runs at most
    ],
)
def test_number_of_passes(geometry: Reduction, rows: int, passes: int) -> None:
    assert sum(1 for _ in reduction(geometry, rows)) == passes
