"""Provenance of a simulation's result: hashes of its weights, images and files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..golden.graph import Conv2d, Linear, Network
from ..runtime.cache import digest
from ..runtime.provenance import file_digest, provenance, short
from .inputs import Inputs
from .network.task import NetworkRecording
from .results import Outcome

__all__ = ["digests", "traced", "weights_digest"]


def traced(answer: Outcome, recording: NetworkRecording, inputs: Inputs) -> Outcome:
    """Add provenance to an outcome's result, if there is one.

    Parameters
    ----------
    answer : Outcome
    recording : NetworkRecording
        The simulated recording.
    inputs : Inputs
        Input files of the recording.

    Returns
    -------
    Outcome
        Its digests are `weights` (the integer weights, biases and multipliers), `input` (the codes
        of the images, or of what a layer reads), and `weights_file`, `image_file` and
        `calibration_file` where such a file was given.
    """
    if answer.result is None:
        return answer
    found = provenance(digests(recording, inputs), verilator=answer.result.verilator)
    return replace(answer, result=replace(answer.result, provenance=found))


def digests(recording: NetworkRecording, inputs: Inputs) -> dict[str, str]:
    """Hash a recording's inputs, as listed in `traced`."""
    files = {
        "weights_file": inputs.weights,
        "image_file": inputs.image,
        "calibration_file": inputs.calibration,
    }
    return {
        "weights": weights_digest(recording.network),
        "input": short(digest(recording.x_q)),
        **{name: file_digest(path) for name, path in files.items() if path and path.is_file()},
    }


def weights_digest(network: Network) -> str:
    """Short hash of all integers and multipliers of a network's layers."""
    arrays: list[str | np.ndarray] = []
    for node in network.nodes:
        layer = node.operation
        if isinstance(layer, Conv2d | Linear):
            arrays += [node.name, layer.weight, layer.bias_q, layer.multiplier]
    return short(digest(*arrays))
