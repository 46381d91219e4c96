"""Tasks from recordings, for the processes and the memory that there are."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..golden.compile import CompiledNetwork, compile_network
from ..golden.parameters import Parameters
from . import jobs
from .jobs import LayerTask, Recording, misfit
from .network import task as network_task
from .network.task import NetworkRecording, NetworkTask
from .pool import memory_budget, run_all
from .request import Request
from .worker import Task

__all__ = ["check_sizes", "cost", "make_tasks", "processes"]


def make_tasks(
    request: Request, recordings: Sequence[Recording | NetworkRecording], verilog: str
) -> list[Task]:
    """One task of each recording; a network is compiled once for all its inputs.

    Raises
    ------
    ValueError
        If the accelerator cannot run a network.
    """
    compiled: dict[str, CompiledNetwork] = {}
    tasks: list[Task] = []
    for recording in recordings:
        waves = request.folder / recording.label if request.waves else None
        if isinstance(recording, Recording):
            task = LayerTask(
                recording, request.parameters, verilog, request.memory, waves, request.cycles,
                image=request.image, netlist=request.netlist,
            )  # fmt: skip
            tasks.append(task)
            continue
        network = recording.network
        if network.name not in compiled:
            compiled[network.name] = compile_network(
                network,
                request.parameters,
                batch=len(recording.x_q),
                interrupts=request.interrupts == "layer",
            )
        task = NetworkTask(
            recording, compiled[network.name], verilog, request.memory, request.mhz, waves,
            request.cycles, image=request.image, netlist=request.netlist,
        )  # fmt: skip
        tasks.append(task)
    return tasks


def check_sizes(request: Request, tasks: Sequence[Task]) -> None:
    """Refuse layers that do not fit the scratchpads before a model is built for them.

    Raises
    ------
    ValueError
        Naming the layer.
    """
    if request.parameters == Parameters() and request.inputs.batch == 1:
        return  # Every layer of the networks fits
    layers = {task.recording.layer.name: task for task in tasks if isinstance(task, LayerTask)}
    answers = run_all(
        misfit,
        list(layers.values()),
        processes=processes(request),
        cost=cost,
        budget=memory_budget(),
    )
    for _, answer in answers:
        if isinstance(answer, str) and answer:
            raise ValueError(answer)


def processes(request: Request) -> int:
    """Tasks at a time."""
    return request.jobs or len(os.sched_getaffinity(0))


def cost(task: Task) -> int:
    """Bytes of memory that a task takes at its peak, on the safe side."""
    return jobs.cost(task) if isinstance(task, LayerTask) else network_task.cost(task)
