"""The line buffer: cells of lines of any length, back to back and with pauses."""

from __future__ import annotations

import numpy as np
import pytest
from open_loop import run

from maccord.golden.array.line_buffer import line_buffer
from maccord.hw.array.line_buffer import LineBuffer
from maccord.spec.parameters import WINDOW, Parameters

COLS = 7
WIDTHS = [1, 2, 3, 16, 1, 5, 2, 1, 15, 4]


def simulate(
    scans: list[np.ndarray], pauses: float, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Run scans (lines, width, COLS) one after the other.

    Returns
    -------
    list of (ndarray, ndarray)
        For each scan its `lines` as they came, (lines, width, WINDOW, COLS), and in the cycle
        before the next cell came, of the same shape.
    """
    rng = np.random.default_rng(seed)
    cells = np.concatenate([scan.reshape(-1, COLS) for scan in scans])
    index = np.concatenate([np.tile(np.arange(s.shape[1]), s.shape[0]) for s in scans])
    length = int(len(cells) / (1 - pauses))
    at = np.sort(rng.choice(length, len(cells), replace=False))
    table = {
        "valid": np.zeros(length + LineBuffer.LATENCY, np.int64),
        "cell": rng.integers(0, 16, length + LineBuffer.LATENCY),
        "data": rng.integers(0, 1 << 8 * COLS, length + LineBuffer.LATENCY),
    }
    table["valid"][at] = 1
    table["cell"][at] = index
    table["data"][at] = cells.view(np.uint8).astype(np.int64) @ (1 << 8 * np.arange(COLS))
    lines = run(LineBuffer(Parameters(rows=4, cols=COLS, line_cells=16)), table, ["lines"])["lines"]
    came = lines[at + LineBuffer.LATENCY]
    kept = lines[np.append(at[1:], length) + LineBuffer.LATENCY - 1]
    ends = np.cumsum([scan.shape[0] * scan.shape[1] for scan in scans])[:-1]
    return [
        (a.reshape(*s.shape[:2], WINDOW, COLS), b.reshape(*s.shape[:2], WINDOW, COLS))
        for s, a, b in zip(scans, np.split(came, ends), np.split(kept, ends), strict=True)
    ]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("pauses", [0.0, 0.3, 0.8])
def test_lines(pauses: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes = [(int(rng.integers(1, 9)), width, COLS) for width in rng.permutation(WIDTHS)]
    scans = [rng.integers(-128, 128, shape).astype(np.int8) for shape in shapes]
    for scan, (came, kept) in zip(scans, simulate(scans, pauses, seed), strict=True):
        expected = line_buffer(scan)
        seen = ~np.ma.getmaskarray(expected)
        np.testing.assert_array_equal(came[seen], expected.data[seen])
        np.testing.assert_array_equal(kept, came)


def test_refuses() -> None:
    with pytest.raises(TypeError, match="cells must be int8, got uint8"):
        line_buffer(np.zeros((2, 3, 4), np.uint8))
    with pytest.raises(ValueError, match=r"\(lines, width, channels\), got \(2, 3\)"):
        line_buffer(np.zeros((2, 3), np.int8))
