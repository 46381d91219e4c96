"""Ends quietly when the reader of a pipe closes it, as in `maccord layers | head -1`."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator

__all__ = ["CLOSED", "Outputs"]

CLOSED = 141  # 128 + SIGPIPE, what a shell gives for a command that the signal ends


class Outputs:
    """Stdout and stderr as they were when the command began.

    Rich points stdout at the null device when a pipe breaks, and Typer replaces both streams, so
    that afterwards only copies of the descriptors tell whose reader is gone.
    """

    def __init__(self) -> None:
        self._copies = [*_copies()]

    def cut_off(self, error: BaseException) -> bool:
        """Whether the command exited because the reader of its own output closed the pipe."""
        return _from_broken_pipe(error) and self._closed()

    def finish(self, code: int) -> int:
        """Flush both streams; return the exit code, `CLOSED` if a success could not be told."""
        try:
            for stream in filter(None, (sys.stdout, sys.stderr)):  # None: was never open
                stream.flush()
        except BrokenPipeError:
            code = code or CLOSED
        except OSError:
            return code  # the interpreter flushes once more, and says why it cannot
        if self._closed():
            _silence()
        return code

    def _closed(self) -> bool:
        poll = select.poll()
        for copy in self._copies:
            poll.register(copy, 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _copies() -> Iterator[int]:
    for descriptor in (1, 2):
        try:
            yield os.dup(descriptor)
        except OSError:  # not open, as after `>&-`
            continue


def _from_broken_pipe(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, BrokenPipeError):
        error = error.__context__
    return error is not None


def _silence() -> None:
    """Keep the interpreter's last flush from complaining."""
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
