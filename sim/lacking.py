"""Recordings for hardware without some features that a network could use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console

from ..golden.graph import Host
from ..nets.lacking import without_lacking as hosted
from ..spec.parameters import Parameters
from .inputs import Inputs
from .network.task import NetworkRecording

__all__ = ["without_lacking"]


def without_lacking(
    recordings: Sequence[NetworkRecording], parameters: Parameters, inputs: Inputs, err: Console
) -> list[NetworkRecording]:
    """Move operations whose hardware feature is missing to the host, and print them once.

    Parameters
    ----------
    recordings : sequence of NetworkRecording
    parameters : Parameters
    inputs : Inputs
        With `strict`, recordings stay as they are, and compiling refuses the operation by name.
    err : Console

    Returns
    -------
    list of NetworkRecording
    """
    if inputs.strict:
        return list(recordings)
    found, said = [], {}
    for recording in recordings:
        network = hosted(recording.network, parameters)
        pairs = zip(network.nodes, recording.network.nodes, strict=True)
        for new, old in pairs:
            if new is not old and isinstance(new.operation, Host):
                said[new.operation.name] = ", ".join(new.operation.calls)
        found.append(replace(recording, network=network))
    if said:
        names = [f"{name} ({calls})" for name, calls in said.items()]
        text = f"{parameters.name} lacks hardware, so the host computes {'; '.join(names)}"
        err.print(text, markup=False, soft_wrap=True)
    return found
