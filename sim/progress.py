"""What a user sees while waiting: on stderr, moving on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .results import Outcome, Verdict

__all__ = ["Counter", "counting"]


class Counter:
    """Counts tasks that are done.

    Parameters
    ----------
    err : Console
    progress : Progress
        The bar, weighted by multiplications.
    total : int
        Tasks.
    work : int
        Multiplications of all tasks.
    """

    def __init__(self, err: Console, progress: Progress, total: int, work: int) -> None:
        self._err = err
        self._progress = progress
        self._total = total
        self._done = 0
        self._bar = progress.add_task(f"0 of {total} runs", total=work)

    def done(self, label: str, macs: int, outcome: Outcome) -> None:
        """Count one task."""
        self._done += 1
        said = f"{self._done} of {self._total} runs"
        self._progress.update(self._bar, advance=macs, description=said)
        if not self._err.is_terminal and self._total > 1:
            verdict = {Verdict.AGREES: "equal", Verdict.MISMATCH: "MISMATCH"}
            word = verdict.get(outcome.verdict, "no result")
            self._err.print(f"{self._done}/{self._total} {escape(label)}: {word}")


@contextmanager
def counting(err: Console, total: int, work: int) -> Iterator[Counter]:
    """Show a progress bar on a terminal, a line per task elsewhere."""
    columns = (
        TextColumn("simulating {task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        yield Counter(err, progress, total, work)
