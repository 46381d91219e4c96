"""Runs a function over tasks, each in its own process, within a budget of memory.

A process per task returns its memory at once, survives its neighbour's crash, and leads its own
process group, so that an interrupt takes its children down with it.
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

__all__ = ["Crash", "available_memory", "memory_budget", "prepare", "run_all", "tell"]

_PATIENCE = 5.0  # seconds
_MEMORY_SHARE = 0.8  # of what is free, for all tasks together
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Crash:
    """A task that ended without an answer.

    Parameters
    ----------
    reason : str
        One sentence.
    """

    reason: str


@dataclass(frozen=True)
class _News:
    """What a task says before it answers."""

    content: object


@dataclass
class _Running(Generic[T]):
    index: int
    process: BaseProcess
    answer: Connection
    cost: int


@dataclass
class _Parent:
    """Where this process sends its news, if it runs a task."""

    answer: Connection | None = None


_parent = _Parent()


def tell(content: object) -> None:
    """Send news of the task that this process runs to whoever waits for it; else do nothing.

    Parameters
    ----------
    content : object
        Picklable.
    """
    if _parent.answer is not None:
        _parent.answer.send(_News(content))


def available_memory() -> int:
    """Bytes of memory that can be had without swapping."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def memory_budget() -> int:
    """Bytes of memory for all tasks together."""
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
    """Yield (index, answer) of each task as it ends.

    Parameters
    ----------
    function : callable
        Importable by name, as are its arguments picklable.
    tasks : sequence
        Started in this order.
    processes : int
        Most tasks at a time, at least 1.
    cost : callable
        Bytes of memory that a task takes.
    budget : int
        Tasks wait while the ones that run take more; one always runs.
    on_news : callable
        Called with a task's index and what it has passed to `tell`.

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
    """Start the process that tasks are forked from, so that it imports while the caller does.

    It has imported what tasks need, and holds none of PyTorch's threads, which no fork survives.
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
    """End tasks: ask first, so that they clean up, then kill with all that they started."""
    for job in running:
        job.process.terminate()
    for job in running:
        job.process.join(_PATIENCE)
        if job.process.exitcode is None:
            try:
                os.killpg(job.process.pid or 0, signal.SIGKILL)
            except ProcessLookupError:
                job.process.kill()  # It has not made its group yet
        job.process.join()
        job.answer.close()


def _child(
    answer: Connection, function: Callable[[T], R], task: T, environment: dict[str, str]
) -> None:
    """Run one task as the leader of its own process group."""
    os.setpgid(0, 0)
    os.environ.clear()  # what the process had that this one was forked from
    os.environ.update(environment)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _parent.answer = answer
    try:
        answer.send(_answer(function, task))
    except KeyboardInterrupt:
        os.killpg(0, signal.SIGKILL)  # Stopped from outside and cleaned up: end what is left
    answer.close()


def _answer(function: Callable[[T], R], task: T) -> R | Crash:
    try:
        return function(task)
    except OSError as error:  # as on a full disk
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
