"""Tiling search shared between tasks with the same shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..compiler import Choices, searched
from ..golden.graph import Conv2d, Linear, Node
from ..golden.operations.conv_transpose2d import ConvTranspose2d
from ..runtime.pool import Crash, memory_budget, run_all
from .network.task import NetworkTask, cost

__all__ = ["search", "share_searches"]


def search(task: NetworkTask) -> Choices | str:
    """Search a task's tilings; return a sentence if its network does not fit."""
    try:
        _ = task.compiled
    except ValueError as error:
        name = task.recording.name
        return f"{name} does not fit: {str(error).removeprefix(f'{name}: ')}"
    return searched()


def share_searches(
    tasks: Sequence[NetworkTask], processes: int, *, check: bool = False
) -> list[NetworkTask]:
    """Search the tilings that several tasks need, each in a separate process.

    Parameters
    ----------
    tasks : sequence of NetworkTask
    processes : int
    check : bool
        Also search tilings that only one task needs, to reject networks that do not fit.

    Returns
    -------
    list of NetworkTask
        The tasks with the tilings found.

    Raises
    ------
    ValueError
        With `check`, if a network or layer does not fit; the message names it.
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
            continue  # reported by the run
        if isinstance(answer, str):
            if check:
                raise ValueError(answer)
            continue  # as above
        for index in shared[position]:
            found[index] = replace(found[index], choices=answer)
    return found


def _shapes(task: NetworkTask) -> object:
    """Return a key that is equal for tasks that need the same tilings."""
    network = task.recording.network
    shapes = tuple(codes.shape for codes in task.recording.inputs)
    return task.parameters, shapes, tuple(map(_shape, network.nodes))


def _shape(node: Node) -> object:
    operation = node.operation
    if isinstance(operation, ConvTranspose2d):
        return operation, node.inputs  # by identity
    if isinstance(operation, Conv2d):
        geometry = (operation.stride, operation.pads, operation.dilation, operation.groups)
        return operation.weight.shape, geometry
    if isinstance(operation, Linear):
        return operation.weight.shape
    return operation, node.inputs  # frozen dataclasses, compared by value
