"""Tasks from recordings, for the processes and the memory that there are."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .network.task import NetworkRecording, NetworkTask
from .pool import available_memory
from .request import Request

__all__ = ["make_tasks", "memory_budget", "processes"]

_MEMORY_SHARE = 0.8  # of what is free, for all workers


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


def memory_budget() -> int:
    """Bytes of memory for all tasks together."""
    return int(available_memory() * _MEMORY_SHARE)
