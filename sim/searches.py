"""The search for tilings, done once where several tasks have the same shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..compiler import Choices, searched
from ..golden.graph import Conv2d, Linear, Node
from ..runtime.pool import Crash, memory_budget, run_all
from .network.task import NetworkTask, cost

__all__ = ["search", "share_searches"]


def search(task: NetworkTask) -> Choices | str:
    """Return the tilings of a task, for others; a sentence if its network does not fit."""
    try:
        _ = task.compiled
    except ValueError as error:
        name = task.recording.name
        return f"{name} does not fit: {str(error).removeprefix(f'{name}: ')}"
    return searched()


def share_searches(
    tasks: Sequence[NetworkTask], processes: int, *, check: bool = False
) -> list[NetworkTask]:
    """Search for the tilings that several tasks need, each in a process of its own.

    Parameters
    ----------
    tasks : sequence of NetworkTask
    processes : int
    check : bool
        Search for those that a single task needs, too, to refuse what does not fit.

    Returns
    -------
    list of NetworkTask
        The tasks with what was found.

    Raises
    ------
    ValueError
        With `check`, naming a network or layer that does not fit.
    """
    groups: dict[object, list[int]] = {}
    for index, task in enumerate(tasks):
        groups.setdefault(_shapes(task), []).append(index)
    shared = [indices for indices in groups.values() if check or len(indices) > 1]
    firsts = [tasks[indices[0]] for indices in shared]
    found = list(tasks)
    answers = run_all(search, firsts, processes=processes, cost=cost, budget=memory_budget())
    for position, answer in answers:
        if isinstance(answer, Crash):
            continue  # the run will say so
        if isinstance(answer, str):
            if check:
                raise ValueError(answer)
            continue  # as above
        for index in shared[position]:
            found[index] = replace(found[index], choices=answer)
    return found


def _shapes(task: NetworkTask) -> object:
    """Return what tasks have in common that need the same tilings."""
    network = task.recording.network
    return task.parameters, task.recording.x_q.shape, tuple(map(_shape, network.nodes))


def _shape(node: Node) -> object:
    operation = node.operation
    if isinstance(operation, Conv2d):
        geometry = (operation.stride, operation.pads, operation.dilation, operation.groups)
        return operation.weight.shape, geometry
    if isinstance(operation, Linear):
        return operation.weight.shape
    return operation, node.inputs  # frozen values: equal in the same network, whoever made them
