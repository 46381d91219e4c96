"""Executors for tasks: local processes, or the workers of a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    as_completed,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from .errors import SimulationError
from .memory import keep_freed_memory
from .pool import Crash, caught

__all__ = [
    "PROCESSES",
    "answers",
    "check_reachable",
    "check_scheduler",
    "executor",
    "run_on_cluster",
]

PROCESSES = "processes"
_AHEAD = 2  # queued tasks per worker
T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def executor(scheduler: str = "processes", jobs: int = 0) -> Iterator[Executor]:
    """Yield an executor; its tasks are ended with the block.

    Parameters
    ----------
    scheduler : str
        ``processes``, or ``dask:ADDRESS`` of a Dask scheduler, e.g. ``dask:tcp://host:8786``,
        whose workers share the same files.
    jobs : int
        Processes; 0 for one per available processor. Ignored for a cluster.

    Raises
    ------
    ValueError
        If the scheduler is unknown or cannot be reached.
    SimulationError
        If a process is killed, e.g. by the system when out of memory.
    """
    if jobs < 0:
        raise ValueError(f"jobs must be at least 0, got {jobs}")
    check_scheduler(scheduler)
    if scheduler == PROCESSES:
        with _processes(jobs or len(os.sched_getaffinity(0))) as processes:
            yield processes
    else:
        with _cluster(scheduler.partition(":")[2]) as cluster:
            yield cluster


def check_scheduler(scheduler: str) -> None:
    """Reject an unknown kind of scheduler, without connecting to it.

    Raises
    ------
    ValueError
    """
    kind, _, address = scheduler.partition(":")
    if scheduler != PROCESSES and not (kind == "dask" and address):
        raise ValueError(f"scheduler must be {PROCESSES} or dask:ADDRESS, got {scheduler!r}")


def check_reachable(scheduler: str) -> None:
    """Connect to a cluster's scheduler once, before long work.

    Raises
    ------
    ValueError
        If it cannot be reached, or Dask is not installed.
    """
    if scheduler != PROCESSES:
        with executor(scheduler):
            pass


@contextmanager
def _processes(count: int) -> Iterator[Executor]:
    # spawned, not forked: PyTorch's threads do not survive a fork
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, context, _start)
    try:
        yield pool
        pool.shutdown()
    except BrokenProcessPool:
        raise SimulationError(
            "a process was killed, perhaps for want of memory: the same command goes "
            "on from there, with fewer --jobs if need be"
        ) from None
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise


def _start() -> None:
    keep_freed_memory()
    _obey_parent()


def _obey_parent() -> None:
    """Terminate with the parent process, and leave keyboard interrupts to it."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(
            "scheduler dask needs the packages of maccord's extra cluster: "
            "pip install 'maccord[cluster]'"
        ) from None
    try:
        client = Client(address, timeout=5)
    except (OSError, TimeoutError, ValueError) as error:
        raise ValueError(f"scheduler must be reachable, got {address}: {error}") from None
    with client:
        yield client.get_executor(pure=False)


def answers(
    pool: Executor, function: Callable[[T], R], tasks: Iterable[T], workers: int
) -> Iterator[tuple[T, R]]:
    """Yield each task with its result in order of completion; a few are queued per worker.

    Raises
    ------
    Exception
        Any exception of the function.
    """
    waiting: dict[Future[Any], T] = {}
    remaining = iter(tasks)
    while True:
        for task in remaining:
            waiting[pool.submit(function, task)] = task
            if len(waiting) >= _AHEAD * workers:
                break
        if not waiting:
            return
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            yield waiting.pop(future), future.result()


def run_on_cluster(
    scheduler: str, function: Callable[[T], R], tasks: Sequence[T]
) -> Iterator[tuple[int, R | Crash]]:
    """Yield (index, result) of each task as it completes; `maccord.runtime.pool.run_all` afar.

    Parameters
    ----------
    scheduler : str
        ``dask:ADDRESS``.
    function : callable
        Importable by name on the workers; arguments and results must be picklable.
    tasks : sequence

    Raises
    ------
    ValueError
        If the scheduler cannot be reached.
    """
    with executor(scheduler) as pool:
        futures = {pool.submit(caught, function, task): i for i, task in enumerate(tasks)}
        for future in as_completed(futures):
            error = future.exception()  # e.g. a killed worker
            yield futures[future], Crash(str(error)) if error else future.result()
