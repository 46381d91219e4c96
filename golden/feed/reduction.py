"""Golden model of the reduction: the passes over a layer's reduction, in order.

The reduction K = kernel height x kernel width x input channels is flattened. In the activation
scratchpad it is `lines` x `taps` runs of `run` contiguous bytes. Each vector takes the next `rows`
bytes and continues from one run into the next where the banks allow it. The hardware block
`Reduction` generates the same passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Pass", "Reduction", "reduction"]


@dataclass(frozen=True)
class Reduction:
    """Geometry of a reduction in the activation scratchpad, in bytes.

    Parameters
    ----------
    run : int
        Contiguous bytes of one tap, or of one kernel line if taps are adjacent.
    taps, tap_pitch : int
        Number of runs per line, and the distance between their starts.
    lines, line_pitch : int
        Number of lines, and the distance between their starts.
    pack_taps, pack_lines : bool
        Whether a vector may continue from a run into the next one of the line, or from the last
        run of a line into the first of the next. This is legal if the pitch is congruent to the
        bytes walked, modulo the number of banks: the vector's bytes are then in distinct banks.
    """

    run: int
    taps: int
    tap_pitch: int
    lines: int
    line_pitch: int
    pack_taps: bool
    pack_lines: bool

    @property
    def size(self) -> int:
        """Length of the flattened reduction."""
        return self.run * self.taps * self.lines


@dataclass(frozen=True)
class Pass:
    """One pass: row i reads address `a` + i below `split`, else `b` + i.

    `start` is row 0's index in the flattened reduction. `used` rows carry data; the others read
    arbitrary bytes and have weight 0.
    """

    a: int
    b: int
    split: int
    start: int
    used: int

    def offsets(self, rows: int) -> npt.NDArray[np.int64]:
        """Byte offsets from the window's origin, one per row, shape (rows,)."""
        index = np.arange(rows)
        return np.where(index < self.split, self.a, self.b) + index


def reduction(geometry: Reduction, rows: int) -> Iterator[Pass]:
    """Yield the passes that cover the reduction with vectors of `rows` bytes.

    Parameters
    ----------
    geometry : Reduction
        With run, taps and lines of at least 1.
    rows : int
        Rows of the array, 4 to 64.

    Yields
    ------
    Pass
        In reduction order; each covers 1 to `rows` bytes.
    """
    line = tap = position = start = 0
    g = geometry

    def address() -> int:
        return line * g.line_pitch + tap * g.tap_pitch

    while line < g.lines:
        a = address() + position
        taken = min(rows, g.run - position)
        position += taken
        b, split, used = a, rows, taken
        if position == g.run:
            position = 0
            tap, line = (tap + 1, line) if tap + 1 < g.taps else (0, line + 1)
            pack = g.pack_taps if tap else g.pack_lines
            if pack and line < g.lines and taken < rows:
                split, b = taken, address() - taken
                position = min(rows - taken, g.run)
                used += position
                if position == g.run:
                    position = 0
                    tap, line = (tap + 1, line) if tap + 1 < g.taps else (0, line + 1)
        yield Pass(a, b, split, start, used)
        start += used
