"""Provenance of a simulation's result: hashes of its weights, images and files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..golden.graph import Conv2d, Linear, Network
from ..runtime.cache import digest
from ..runtime.provenance import Provenance, file_digest, provenance, short
from .inputs import Inputs
from .network.task import NetworkRecording
from .results import Outcome

__all__ = ["origin_of", "traced", "weights_digest"]


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
        of the images, or of what a layer reads), and `weights_file`, `image_file`,
        `input_file` and `calibration_file` where such a file was given.
    """
    if answer.result is None:
        return answer
    found = origin_of(recording, inputs, verilator=answer.result.verilator)
    return replace(answer, result=replace(answer.result, provenance=found))


def origin_of(recording: NetworkRecording, inputs: Inputs, **tools: str) -> Provenance:
    """Return a recording's provenance; `tools` as for `provenance`."""
    found = provenance(_digests(recording, inputs), **tools)
    return replace(found, input=recording.described)


def _digests(recording: NetworkRecording, inputs: Inputs) -> dict[str, str]:
    """Hash a recording's inputs, as listed in `traced`."""
    files = {
        "weights_file": inputs.weights,
        "image_file": inputs.image,
        "input_file": inputs.input,
        "calibration_file": inputs.calibration,
    }
    for name, further in (
        ("input_file", inputs.further_inputs),
        ("calibration_file", inputs.further_calibrations),
    ):
        files |= {f"{name}_{index}": path for index, path in enumerate(further, 2)}
    return {
        "weights": weights_digest(recording.network),
        "input": short(digest(*recording.inputs)),
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
