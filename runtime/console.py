"""Consoles and progress messages for users."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

__all__ = ["LINE_SECONDS", "console", "waiting"]

LINE_SECONDS = 10.0  # interval between progress lines without a terminal
_WAIT_SECONDS = 30.0  # the same for steps of unknown length
_WIDTH = 240  # of the widest table; a terminal may wrap lines, but nothing is truncated


def console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """Return a console: on stdout wide enough for any table, on stderr as wide as the terminal.

    Parameters
    ----------
    stderr : bool
        Whether to write to stderr instead of stdout.
    quiet : bool
        Whether to suppress all output.
    """
    if stderr and sys.stderr.isatty():
        return Console(stderr=True, highlight=False, quiet=quiet)  # progress bars must not wrap
    width = max(shutil.get_terminal_size().columns, _WIDTH)
    return Console(stderr=stderr, width=width, highlight=False, quiet=quiet)


@contextmanager
def waiting(
    err: Console, text: str, every: float = _WAIT_SECONDS
) -> Iterator[Callable[[str], None]]:
    """Show a long step and its elapsed time: live on a terminal, else as periodic lines.

    Parameters
    ----------
    err : Console
    text : str
        Description of the step.
    every : float
        Seconds before the first line and between lines without a terminal.

    Yields
    ------
    callable
        Changes the text; the elapsed time continues.
    """
    if not err.is_terminal:
        with _lines(err, text, every) as say:
            yield say
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=err.quiet) as progress:
        task = progress.add_task(text, total=None)
        yield lambda text: progress.update(task, description=text)


@contextmanager
def _lines(err: Console, text: str, every: float) -> Iterator[Callable[[str], None]]:
    said = {"text": text}
    began = time.monotonic()
    over = threading.Event()

    def tell() -> None:
        while not over.wait(every):
            seconds = time.monotonic() - began
            err.print(f"{said['text']}, {seconds:.0f} s", markup=False, soft_wrap=True)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield lambda text: said.update(text=text)
    finally:
        over.set()
        thread.join()
