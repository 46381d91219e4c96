"""What a user sees during a sweep: which point is done, and how long the others may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["Counter", "counting"]

_KEPT = 20.0  # seconds within which only points end that were kept from an earlier run


class Counter:
    """Counts points that are done, and tells the time left from the work that they were.

    Parameters
    ----------
    show : callable
        Called with the sentence on each point, and the part of the work that is done.
    work : dict of int to float
        Of each point that is to be measured, in any unit.
    total : int
        Points, those that need no measuring too.
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
        self._work = 0.0  # of the points that took time
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
def counting(err: Console, work: dict[int, float], total: int) -> Iterator[Counter]:
    """Show a line for each point, and on a terminal a bar below them that moves."""
    columns = (TextColumn("exploring"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task("", total=1.0)

        def show(sentence: str, part: float) -> None:
            err.print(escape(sentence), soft_wrap=True)
            progress.update(bar, completed=part)

        yield Counter(show, work, total)
