"""Consoles for people, and what they see while they wait."""

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

LINE_SECONDS = 10.0  # between two lines on the same run, where nothing can move
_WAIT_SECONDS = 30.0  # and on what has no measure
_WIDTH = 240  # of the widest table: a terminal may wrap its lines, but no digit is lost


def console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """Console for people: wide enough not to cut a table, and for stderr as the terminal is.

    Parameters
    ----------
    stderr : bool
        Whether it writes there, and not to stdout.
    quiet : bool
        Whether it writes nothing.
    """
    if stderr and sys.stderr.isatty():
        return Console(stderr=True, highlight=False, quiet=quiet)  # what moves must not wrap
    width = max(shutil.get_terminal_size().columns, _WIDTH)
    return Console(stderr=stderr, width=width, highlight=False, quiet=quiet)


@contextmanager
def waiting(
    err: Console, text: str, every: float = _WAIT_SECONDS
) -> Iterator[Callable[[str], None]]:
    """Show what takes a while and for how long: live on a terminal, else by a line now and then.

    Parameters
    ----------
    err : Console
    text : str
        What is being done.
    every : float
        Seconds between two lines, where it is no terminal; none before.

    Yields
    ------
    callable
        Takes another text; the time goes on.
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
