"""Times two implementations alternately, so that both see the same machine load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits

__all__ = ["Ratio", "in_turns", "one_thread"]


@dataclass(frozen=True)
class Ratio:
    """Two measurements of the same work.

    Parameters
    ----------
    what : str
        The work.
    ours, other : str
        Names of the two sides.
    ours_value, other_value : float
        Best of all rounds, in `unit`.
    unit : str
    ratio : float
        ours_value / other_value.
    rounds : int
        Measurements of each.
    """

    what: str
    ours: str
    other: str
    ours_value: float
    other_value: float
    unit: str
    ratio: float
    rounds: int


def in_turns(
    ours: list[Callable[[], object]], theirs: list[Callable[[], object]], seconds: float
) -> npt.NDArray[np.float64]:
    """Time calls alternately: seconds, an array of shape (2, passes, layers), ours first."""
    times: tuple[list[list[float]], list[list[float]]] = ([], [])
    spent = [0.0, 0.0]
    for calls in (ours, theirs):  # Warm-up: fill caches and start threads
        calls[0]()
    while not times[0] or (spent[0] < seconds and spent[1] < 10 * seconds):
        for side, calls in enumerate((ours, theirs)):
            times[side].append([_timed(call) for call in calls])
            spent[side] += sum(times[side][-1])
    return np.array(times)


def _timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit NumPy's products and PyTorch's kernels to one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before)
