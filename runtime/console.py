"""Consoles for people, and what they see while they wait."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

__all__ = ["console", "waiting"]

_WIDTH = 240  # of the widest table: a terminal may wrap its lines, but no digit is lost


def console(*, stderr: bool = False) -> Console:
    """Console for people: wide enough not to cut a table, and for stderr as the terminal is."""
    if stderr and sys.stderr.isatty():
        return Console(stderr=True, highlight=False)  # what moves must not wrap
    width = max(shutil.get_terminal_size().columns, _WIDTH)
    return Console(stderr=stderr, width=width, highlight=False)


@contextmanager
def waiting(err: Console, text: str) -> Iterator[None]:
    """Show that something takes a while."""
    if err.is_terminal:
        with err.status(escape(text)):
            yield
    else:
        yield
