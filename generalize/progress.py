"""Progress of many tasks: a bar on a terminal, else a line for each tenth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["Tally"]

_LINES = 10  # without a terminal


class Tally:
    """Counts tasks.

    Parameters
    ----------
    err : Console
    what : str
        What is counted, e.g. ``networks trained``.
    total : int
    """

    def __init__(self, err: Console, what: str, total: int) -> None:
        self._err, self._what, self._total = err, what, total

    @contextmanager
    def over(self, todo: int) -> Iterator[Callable[[], None]]:
        """Show progress over the tasks that are left; yield what to call after each."""
        before = self._total - todo
        if before and self._total:
            text = f"{before} of {self._total} {self._what} before"
            self._err.print(text, soft_wrap=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        silent = not self._err.is_terminal
        bar = Progress(*columns, *times, console=self._err, transient=True, disable=silent)
        with bar:
            task = bar.add_task(self._what, total=self._total, completed=before)
            count = 0

            def done() -> None:
                nonlocal count
                count += 1
                bar.advance(task)
                if silent and count * _LINES // todo > (count - 1) * _LINES // todo:
                    text = f"{before + count} of {self._total} {self._what}"
                    self._err.print(text, soft_wrap=True)

            yield done
