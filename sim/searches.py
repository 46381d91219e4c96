"""The search for a layer's tiling, done once where several layers are of one shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..golden.graph import Conv2d
from .jobs import LayerTask, search
from .pool import Crash, memory_budget, run_all
from .tasks import cost
from .worker import Task

__all__ = ["share_searches"]


def share_searches(tasks: Sequence[Task], processes: int) -> list[Task]:
    """Search for the tilings that several layers need, each in a process of its own.

    Parameters
    ----------
    tasks : sequence of LayerTask or NetworkTask
    processes : int

    Returns
    -------
    list of LayerTask or NetworkTask
        The tasks, those of such layers with what was found. A layer that does not fit says so
        when it runs.
    """
    groups: dict[object, list[int]] = {}
    for index, task in enumerate(tasks):
        if isinstance(task, LayerTask):
            groups.setdefault(_shape(task), []).append(index)
    shared = [indices for indices in groups.values() if len(indices) > 1]
    firsts = [task for indices in shared if isinstance(task := tasks[indices[0]], LayerTask)]
    found = list(tasks)
    answers = run_all(search, firsts, processes=processes, cost=cost, budget=memory_budget())
    for position, choices in answers:
        for index in [] if isinstance(choices, Crash) else shared[position]:
            task = found[index]
            assert isinstance(task, LayerTask)
            found[index] = replace(task, choices=choices)
    return found


def _shape(task: LayerTask) -> object:
    layer, x_q = task.recording.layer, task.recording.x_q
    if isinstance(layer, Conv2d):
        geometry = (layer.stride, layer.padding, layer.dilation, layer.groups)
        return x_q.shape, layer.weight.shape, geometry
    return x_q.shape, layer.weight.shape
