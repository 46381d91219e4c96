"""Creates tasks from recordings; limits parallel tasks by processors and memory."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .network.ranking import check_classes, read_classes
from .network.task import NetworkRecording, NetworkTask
from .request import SimulationRequest

__all__ = ["make_tasks", "processes"]


def make_tasks(
    request: SimulationRequest, recordings: Sequence[NetworkRecording], verilog: str
) -> list[NetworkTask]:
    """Create one task per recording.

    Raises
    ------
    ValueError
        If class names were given whose number differs from a network's outputs.
    """
    classes = read_classes(request.classes) if request.classes else ()
    for recording in recordings:
        if not recording.layer:
            check_classes(classes, recording.name, recording.outputs)
    return [
        NetworkTask(
            recording,
            request.parameters,
            verilog,
            request.memory,
            request.mhz,
            interrupts=request.interrupts == "layer",
            waves=request.folder / recording.label if request.waves else None,
            window=request.cycles,
            waves_layer=request.waves_layer,
            image=recording.source or request.image,
            netlist=request.netlist,
            keep=request.dump is not None,
            parts=request.parts,
            classes=classes,
        )
        for recording in recordings
    ]


def processes(request: SimulationRequest) -> int:
    """Return the number of tasks to run in parallel."""
    return request.jobs or len(os.sched_getaffinity(0))
