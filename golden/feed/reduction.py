"""The order in which the accelerator walks a layer's reduction, pass by pass.

K = kernel height x kernel width x input channels is flattened: it lies in the activation
scratchpad as `lines` x `taps` runs of `run` contiguous bytes, and a vector of `rows` bytes takes
the next ones, going on from one run into the next where the banks allow it. The hardware block
`Reduction` steps through the same passes.
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
        Contiguous bytes of one tap (or of one kernel line, where taps touch).
    taps, tap_pitch : int
        Runs in a line, and the distance between their starts.
    lines, line_pitch : int
        Lines, and the distance between their starts.
    pack_taps, pack_lines : bool
        Whether a vector may go on from a run into the next one of the line, or from the last
        run of a line into the first of the next: legal when the pitch is congruent to what was
        walked, modulo the number of banks, so that the vector's bytes lie in distinct banks.
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
    """One pass: lane i reads address `a` + i below `split`, `b` + i from there on.

    `start` is the index in the flattened reduction of lane 0; `used` lanes carry data, the
    others read any byte and meet weight 0.
    """

    a: int
    b: int
    split: int
    start: int
    used: int

    def offsets(self, rows: int) -> npt.NDArray[np.int64]:
        """Byte offsets from the window's origin, one per lane, shape (rows,)."""
        lanes = np.arange(rows)
        return np.where(lanes < self.split, self.a, self.b) + lanes


def reduction(geometry: Reduction, rows: int) -> Iterator[Pass]:
    """Yield the passes that cover the reduction with vectors of `rows` bytes.

    Parameters
    ----------
    geometry : Reduction
        Its run, taps and lines are at least 1.
    rows : int
        Rows of the array, 4 to 64.

    Yields
    ------
    Pass
        In order of the reduction; each uses 1 to `rows` of its bytes.
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
