"""Windows that reach back to cells scanned before, so that padding is scanned once.

The array keeps the cells that it scanned last: those before a line's first cell are the last ones
of the line before, and the lines above a pass's first line are the last ones of the pass before.
Where these are padding, and the cells that a window would begin with are padding as well, a pass
need not scan the latter. Its window is smaller by this *lead*; the weights of the lead stay where
the full window has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..spec.isa import WIDE_WINDOW, WINDOW, Mode
from ..spec.parameters import Parameters
from .window_stream import Pieces, Window

__all__ = ["led"]

_LEAST = WINDOW - 1  # lines of a pass, so that a line comes before the first one with outputs


def led(
    window: Window,
    shape: tuple[int, int, int, int],
    pieces: tuple[Pieces, Pieces],
    parameters: Parameters,
) -> Iterator[tuple[Pieces, Pieces]]:
    """Yield the passes as they are, then those with a lead along either axis and along both.

    Parameters
    ----------
    window : Window
    shape : (images, height, width, channels)
        Shape of the input.
    pieces : (Pieces, Pieces)
        Without leads.
    parameters : Parameters
    """
    yield pieces
    channels, cols = shape[3], parameters.cols
    if window.mode != Mode.DEPTHWISE or (channels > cols and channels % cols):
        return  # columns that a column tile leaves out would keep cells of others
    down, across = pieces
    below = _down(window, shape[1], down)
    beside = _across(window, shape[2], across)
    upright, flat = (_flush(window.kernel[axis], pieces[axis]) for axis in (0, 1))
    if below and flat:
        yield below, flat
    if beside and upright and upright.size >= _LEAST:
        yield upright, beside
    if below and beside:
        yield below, beside


def _down(window: Window, size: int, pieces: Pieces) -> Pieces | None:
    """Return passes of two lines, whose first one meets the last line of the pass before."""
    kernel = window.kernel[0]
    if pieces.step > 1 or kernel < WINDOW or window.padding[0] < 1:
        return None
    count, beyond = divmod(kernel - 1, _LEAST)
    found = replace(pieces, size=_LEAST, pitch=_LEAST, count=count, lead=1)
    if beyond or count > pieces.count or _last(window, 0, found) < size:
        return None
    return found


def _across(window: Window, size: int, pieces: Pieces) -> Pieces | None:
    """Return a single pass that meets the padding at the end of the line before."""
    lead, kernel = window.padding[1], window.kernel[1]
    left = kernel - lead
    if pieces.count > 1 or pieces.size != kernel or not lead:
        return None
    if not (0 < left <= WINDOW or left == WIDE_WINDOW):
        return None
    found = replace(pieces, size=left, pitch=left, lead=lead)
    return found if _last(window, 1, found) - lead + 1 >= size else None


def _flush(kernel: int, pieces: Pieces) -> Pieces | None:
    """Return passes that scan nothing behind the last window: it need not be padding."""
    if pieces.count > 1 and pieces.step == 1:
        pitch, rest = divmod(kernel - pieces.size, pieces.count - 1)
        return None if rest else replace(pieces, pitch=pitch)
    most = (pieces.count - 1) * pieces.pitch + (pieces.size - 1) * pieces.step + 1
    return pieces if most <= kernel else None


def _last(window: Window, axis: int, pieces: Pieces) -> int:
    """Return the last line or cell that the last pass scans, counted from the input's first."""
    first = pieces.lead + (pieces.count - 1) * pieces.pitch - window.padding[axis]
    return first + pieces.scan(window.outputs[axis]) - 1
