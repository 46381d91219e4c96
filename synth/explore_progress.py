"""Progress display of a sweep: completed points and estimated remaining time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["SweepProgress", "counting"]

_KEPT = 20.0  # seconds; points that complete faster came from the cache


class SweepProgress:
    """Counts completed points and estimates the remaining time from their work.

    Parameters
    ----------
    show : callable
        Called with a sentence per point and the completed share of the work.
    work : dict of int to float
        Work of each point to measure, in any unit.
    total : int
        All points, including those that need no measurement.
    clock : callable
        Seconds.
    """

    def __init__(
        self,
        show: Callable[[str, float], None],
        work: dict[int, float],
        total: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._show = show
        self._clock = clock
        self._began = clock()
        self._left = dict(work)
        self._work = 0.0  # of the points not from the cache
        self._total = total

    def done(self, index: int, sentence: str) -> None:
        """Count one point."""
        elapsed = self._clock() - self._began
        work = self._left.pop(index)
        if elapsed >= _KEPT:
            self._work += work
        count = self._total - len(self._left)
        left = sum(self._left.values())
        said = f"{count}/{self._total} {sentence}"
        if left and self._work:
            said += f"; {_span(elapsed * left / self._work)} left"
        self._show(said, self._work / ((self._work + left) or 1.0))


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextmanager
def counting(err: Console, work: dict[int, float], total: int) -> Iterator[SweepProgress]:
    """Show a line per point and, on a terminal, a progress bar below."""
    columns = (TextColumn("exploring"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task("", total=1.0)

        def show(sentence: str, part: float) -> None:
            err.print(escape(sentence), soft_wrap=True)
            progress.update(bar, completed=part)

        yield SweepProgress(show, work, total)
