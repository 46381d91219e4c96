"""What runs in a process of its own: a layer or a network, without PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .jobs import LayerTask, run_layer
from .network.run import run_network
from .network.task import NetworkTask
from .results import Outcome

__all__ = ["Task", "Worker"]

Task = LayerTask | NetworkTask


@dataclass(frozen=True)
class Worker:
    """Runs one task in a process of its own.

    Parameters
    ----------
    layer : callable
        Runs a `LayerTask`; importable by name.
    network : callable
        Runs a `NetworkTask`; importable by name.
    """

    layer: Callable[[LayerTask], Outcome] = run_layer
    network: Callable[[NetworkTask], Outcome] = run_network

    def __call__(self, task: Task) -> Outcome:
        """What became of the task."""
        return self.layer(task) if isinstance(task, LayerTask) else self.network(task)
