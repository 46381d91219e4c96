"""Tasks from recordings, for the processes and the memory that there are."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .network.task import NetworkRecording, NetworkTask
from .request import Request

__all__ = ["make_tasks", "processes"]


def make_tasks(
    request: Request, recordings: Sequence[NetworkRecording], verilog: str
) -> list[NetworkTask]:
    """One task of each recording."""
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
            image=request.image,
            netlist=request.netlist,
            keep=request.dump is not None,
        )
        for recording in recordings
    ]


def processes(request: Request) -> int:
    """Tasks at a time."""
    return request.jobs or len(os.sched_getaffinity(0))
