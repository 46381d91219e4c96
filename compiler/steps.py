"""The steps of a network, their places and plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

from ..golden.graph import Concat, Host, Lookup, Network, Node, Operation
from ..golden.operations.softmax import Softmax
from ..spec.parameters import Parameters
from .builder import View
from .emission import Planned, planned_chain
from .groups import Work, grouped
from .layer import view
from .places import Place, moves_nothing
from .plan import Plan, plan
from .rows import RowPlan
from .search import DensePlan, stored_at_once
from .segments import HostPlan
from .sums import SumPlan

__all__ = ["Step", "planned", "shape_of", "sources_of", "steps_of", "target_of", "view_of"]

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Step:
    """An operation that moves bytes, or the copy of an input of a concatenation."""

    operation: Operation
    inputs: tuple[str, ...]
    name: str  # of the tensor
    table: Lookup | None = None


def steps_of(network: Network, where: dict[str, Place]) -> Iterator[Step]:
    """Yield the operations that move bytes, and the copies into concatenations."""
    for node in network.nodes:
        if isinstance(node.operation, Concat):
            yield from _copies(network, node, where)
        elif not moves_nothing(node.operation):
            table = node.operation if isinstance(node.operation, Lookup) else node.table
            yield Step(node.operation, node.inputs, node.name, table)


def _copies(network: Network, node: Node, where: dict[str, Place]) -> Iterator[Step]:
    """Yield copies of concatenation inputs that could not be written in place."""
    channel = where[node.name].channel
    for number, name in enumerate(node.inputs):
        wanted = Place(where[node.name].root, channel)
        if where[name] != wanted:
            copy = f"{node.name}[{number}]"
            where[copy] = wanted
            operation = Concat(copy, (node.operation.output,), node.operation.output)
            yield Step(operation, (name,), copy)
        channel += network.tensors[name].shape[-1]


def shape_of(network: Network, step: Step) -> tuple[int, ...]:
    """Shape of a step's result."""
    if step.name in network.tensors:
        return network.tensors[step.name].shape
    return network.tensors[step.inputs[0]].shape


def planned(
    network: Network, where: dict[str, Place], steps: list[Step], parameters: Parameters
) -> tuple[list[range], list[Planned]]:
    """Group the steps that run interleaved, and plan each.

    Returns
    -------
    groups : list of range
        Of steps, in order.
    plans : list of Planned
        By step.
    """
    groups: list[range] = []
    plans: list[Planned] = []
    for group in _groups(network, where, steps):
        found = _plans(network, where, steps, group, parameters)
        groups += [group] if found else [range(index, index + 1) for index in group]
        plans += found or [_alone(network, where, steps, index, parameters) for index in group]
    return groups, plans


def _groups(network: Network, where: dict[str, Place], steps: list[Step]) -> list[range]:
    works = [Work(step.operation, step.inputs, step.name) for step in steps]
    shapes = {name: tensor.shape for name, tensor in network.tensors.items()}
    shapes |= {step.name: shape_of(network, step) for step in steps}
    dense = {name: _touching(network, where, name, shape) for name, shape in shapes.items()}
    return grouped(works, shapes, dense)


def _plans(
    network: Network,
    where: dict[str, Place],
    steps: list[Step],
    group: range,
    parameters: Parameters,
) -> list[Planned] | None:
    """Plan the steps of a group; None for a chain that cannot run in parts."""
    if len(group) == 1 or isinstance(steps[group.start + 1].operation, Softmax):
        return [_alone(network, where, steps, index, parameters) for index in group]
    planners = [_planner(network, steps[index], parameters) for index in group]
    return planned_chain(prod(shape_of(network, steps[group.start])[:3]), planners)


def _planner(network: Network, step: Step, parameters: Parameters) -> Callable[[int], Plan]:
    """Return what plans a step for some of its tokens."""
    shapes = [network.tensors[name].shape for name in step.inputs]

    def planner(count: int) -> Plan:
        sizes = [(1, 1, count, shape[3]) for shape in shapes]
        way = plan(step.operation, sizes, parameters, alone=False)
        if isinstance(way, DensePlan):
            return stored_at_once(way, parameters)
        return way.in_one(parameters) if isinstance(way, RowPlan | SumPlan) else way

    return planner


def _alone(
    network: Network, where: dict[str, Place], steps: list[Step], index: int, parameters: Parameters
) -> Planned:
    return Planned((_plan(network, where, steps[index], parameters, len(steps) == 1),))


def _plan(
    network: Network, where: dict[str, Place], step: Step, parameters: Parameters, alone: bool
) -> Plan:
    if isinstance(step.operation, Host):
        return HostPlan()
    shapes = [network.tensors[name].shape for name in step.inputs]
    dense = all(
        _touching(network, where, name, network.tensors[name].shape) for name in step.inputs
    )
    dense &= _touching(network, where, step.name, shape_of(network, step))
    return plan(step.operation, shapes, parameters, dense=dense, alone=alone)


def target_of(network: Network, where: dict[str, Place], step: Step, bases: dict[str, int]) -> View:
    """View of a step's result in memory."""
    return view_of(network, where[step.name], shape_of(network, step), bases, step.name)


def sources_of(
    network: Network, where: dict[str, Place], step: Step, bases: dict[str, int]
) -> tuple[View, ...]:
    """Return views of what a step reads."""
    return tuple(
        view_of(network, where[name], network.tensors[name].shape, bases, name)
        for name in step.inputs
    )


def _touching(network: Network, where: dict[str, Place], name: str, shape: tuple[int, ...]) -> bool:
    root = network.tensors[where[name].root].shape
    return prod(root) == prod(shape)


def view_of(
    network: Network, at: Place, shape: tuple[int, ...], bases: dict[str, int], name: str
) -> View:
    """View of a tensor; a flattened alias may have other dimensions than its root."""
    root = network.tensors[at.root].shape
    if prod(root) == prod(shape):
        return view(bases[at.root], shape)
    if prod(root[:-1]) != prod(shape[:-1]):
        raise ValueError(
            f"{name} must not be a flattened part of a concatenation, or a flattened slice, "
            "to run in hardware"
        )
    return view(bases[at.root] + at.channel, shape, root[-1])
