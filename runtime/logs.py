"""Log output of `--verbose`: commands, paths and seeds, logged under the packages' names."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

__all__ = ["logged"]

_OURS = logging.getLogger("maccord")


class _Lines(logging.Handler):
    """Prints log records above a progress bar."""

    def __init__(self, err: Console) -> None:
        super().__init__(logging.DEBUG)
        self._err = err

    def emit(self, record: logging.LogRecord) -> None:
        self._err.print(record.getMessage(), style="dim", markup=False, soft_wrap=True)


@contextmanager
def logged(err: Console, wanted: bool) -> Iterator[None]:
    """Print maccord's log messages on `err`, if `wanted`."""
    if not wanted:
        yield
        return
    handler, before = _Lines(err), _OURS.level
    _OURS.addHandler(handler)
    _OURS.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        _OURS.removeHandler(handler)
        _OURS.setLevel(before)
