"""Progress display on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..runtime.console import LINE_SECONDS
from .results import Outcome, Verdict

__all__ = ["CycleProgress", "counting"]


class CycleProgress:
    """Counts completed runs and the cycles of running ones.

    Parameters
    ----------
    err : Console
    progress : Progress
        The bar, weighted by multiplications.
    work : mapping of str to int
        Multiplications of each run, by its label.
    """

    def __init__(self, err: Console, progress: Progress, work: Mapping[str, int]) -> None:
        self._err = err
        self._progress = progress
        self._work = work
        self._total = max(sum(work.values()), 1)
        self._shares: dict[str, float] = {}  # completed share of each running simulation
        self._done = 0
        self._bar = progress.add_task(self._count(), total=self._total)
        self._began = self._last = time.monotonic()

    def cycles(self, label: str, cycles: int, estimate: int) -> None:
        """Show a run's progress.

        Parameters
        ----------
        label : str
        cycles : int
            Cycles simulated.
        estimate : int
            Total cycles by the timing model.
        """
        self._shares[label] = min(cycles / max(estimate, 1), 1.0)
        alone = len(self._work) == 1
        said = f"{label}: {cycles:,} of {estimate:,} cycles" if alone else self._count()
        self._progress.update(self._bar, completed=self._share * self._total, description=said)
        now = time.monotonic()
        if self._err.is_terminal or now - self._last < LINE_SECONDS:
            return
        self._last = now
        if not alone:
            said += f", {self._share:.0%} of the work"
        self._print(f"{said}, {self._time(now)}")

    def done(self, label: str, outcome: Outcome) -> None:
        """Count a completed run."""
        self._done += 1
        self._shares[label] = 1.0
        self._progress.update(
            self._bar, completed=self._share * self._total, description=self._count()
        )
        if not self._err.is_terminal and len(self._work) > 1:
            verdict = {Verdict.AGREES: "equal", Verdict.MISMATCH: "MISMATCH"}
            word = verdict.get(outcome.verdict, "no result")
            self._print(f"{self._done}/{len(self._work)} {label}: {word}")

    @property
    def _share(self) -> float:
        """Completed share of all multiplications."""
        return sum(self._work[label] * part for label, part in self._shares.items()) / self._total

    def _count(self) -> str:
        return f"simulating, {self._done} of {len(self._work)} runs done"

    def _time(self, now: float) -> str:
        spent = now - self._began
        left = f", about {spent * (1 / self._share - 1):.0f} s left" if self._share else ""
        return f"{spent:.0f} s{left}"

    def _print(self, text: str) -> None:
        self._err.print(text, markup=False, soft_wrap=True)


@contextmanager
def counting(err: Console, work: Mapping[str, int]) -> Iterator[CycleProgress]:
    """Show a progress bar on a terminal; elsewhere one line per run and at intervals."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(None),  # the remaining width
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    moving = err.is_terminal and not err.quiet
    with Progress(
        *columns, console=err, transient=True, expand=True, disable=not moving
    ) as progress:
        yield CycleProgress(err, progress, work)
