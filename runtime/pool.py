"""Runs a function over tasks, each in its own process, within a memory budget.

One process per task frees its memory immediately and isolates crashes. Each process leads its own
process group, so that an interrupt also kills its children.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Generic, TypeVar

from .errors import os_error_sentence

__all__ = ["Crash", "available_memory", "caught", "memory_budget", "prepare", "run_all", "tell"]

_PATIENCE = 5.0  # seconds
_MEMORY_SHARE = 0.8  # of available memory, for all tasks together
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Crash:
    """A task that ended without a result.

    Parameters
    ----------
    reason : str
        One sentence.
    """

    reason: str


@dataclass(frozen=True)
class _News:
    """A message from a running task."""

    content: object


@dataclass
class _Running(Generic[T]):
    index: int
    process: BaseProcess
    answer: Connection
    cost: int


@dataclass
class _Parent:
    """The connection for this process's messages, if it runs a task."""

    answer: Connection | None = None


_parent = _Parent()


def tell(content: object) -> None:
    """Send a message from a task to the waiting process; outside a task, do nothing.

    Parameters
    ----------
    content : object
        Picklable.
    """
    if _parent.answer is not None:
        _parent.answer.send(_News(content))


def available_memory() -> int:
    """Bytes of memory available without swapping."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def memory_budget() -> int:
    """Memory budget of all tasks together, bytes."""
    return int(available_memory() * _MEMORY_SHARE)


def run_all(
    function: Callable[[T], R],
    tasks: Sequence[T],
    *,
    processes: int,
    cost: Callable[[T], int],
    budget: int,
    on_news: Callable[[int, Any], None] = lambda index, content: None,
) -> Iterator[tuple[int, R | Crash]]:
    """Yield (index, result) of each task as it completes.

    Parameters
    ----------
    function : callable
        Importable by name; arguments and results must be picklable.
    tasks : sequence
        Started in this order.
    processes : int
        Maximum number of parallel tasks, at least 1.
    cost : callable
        Estimated memory of a task, bytes.
    budget : int
        Memory budget, bytes; a task waits until it fits, but one task always runs.
    on_news : callable
        Called with a task's index and the object passed to `tell`.

    Yields
    ------
    (int, answer or Crash)

    Raises
    ------
    ValueError
        If `processes` is less than 1.
    """
    if processes < 1:
        raise ValueError(f"jobs must be at least 1, got {processes}")
    waiting = list(enumerate(tasks))
    running: list[_Running[T]] = []
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                index, task = waiting[0]
                need = cost(task)
                if running and sum(r.cost for r in running) + need > budget:
                    break
                del waiting[0]
                running.append(_start(function, task, index, need))
            ready = wait([r.answer for r in running])
            for job in [r for r in running if r.answer in ready]:
                found = _received(job)
                if isinstance(found, _News):
                    on_news(job.index, found.content)
                    continue
                running.remove(job)
                job.answer.close()
                job.process.join()
                yield job.index, found
    finally:
        _stop(running)


def prepare() -> None:
    """Start the fork server for tasks, so that its imports overlap with the caller's.

    It preloads the tasks' imports but runs no PyTorch threads, which do not survive a fork.
    """
    multiprocessing.set_forkserver_preload(["__main__", "maccord.sim.network.run"])
    forkserver.ensure_running()


def _start(function: Callable[[T], R], task: T, index: int, cost: int) -> _Running[T]:
    prepare()
    context = multiprocessing.get_context("forkserver")
    answer, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, function, task, dict(os.environ)))
    process.start()
    theirs.close()
    return _Running(index, process, answer, cost)


def _received(job: _Running[T]) -> Any:
    try:
        return job.answer.recv()
    except EOFError:
        job.process.join()
        return Crash(f"the process ended without a result (exit code {job.process.exitcode})")


def _stop(running: list[_Running[T]]) -> None:
    """Terminate tasks so that they can clean up, then kill their process groups."""
    for job in running:
        job.process.terminate()
    for job in running:
        job.process.join(_PATIENCE)
        if job.process.exitcode is None:
            try:
                os.killpg(job.process.pid or 0, signal.SIGKILL)
            except ProcessLookupError:
                job.process.kill()  # Its process group does not exist yet
        job.process.join()
        job.answer.close()


def _child(
    answer: Connection, function: Callable[[T], R], task: T, environment: dict[str, str]
) -> None:
    """Run one task as the leader of its own process group."""
    os.setpgid(0, 0)
    os.environ.clear()  # inherited from the fork server
    os.environ.update(environment)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _parent.answer = answer
    try:
        answer.send(caught(function, task))
    except KeyboardInterrupt:
        os.killpg(0, signal.SIGKILL)  # Terminated and cleaned up: kill remaining children
    answer.close()


def caught(function: Callable[[T], R], task: T) -> R | Crash:
    """Return what a function makes of a task, or a sentence about the exception it raised."""
    try:
        return function(task)
    except OSError as error:  # e.g. a full disk
        return Crash(os_error_sentence(error))
    except Exception as error:
        if os.environ.get("MACCORD_DEBUG"):
            raise
        return Crash(f"internal error, please report: {type(error).__name__}: {error}")


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.killpg(0, signal.SIGKILL)
