"""Records transformers in PyTorch: their tensors by its quantized kernels, one operation each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from ..golden.graph import Flatten, Network
from ..golden.kernels.quantize import dequantize
from ..nets.framework import ENGINE, one_thread
from ..nets.transformer.architectures import ARCHITECTURES
from ..nets.transformer.names import TRANSFORMERS
from ..nets.transformer.parts import Transformer
from ..nets.transformer.quantized import QuantizedTransformer, load
from .feeding import feed
from .inputs import Inputs
from .network.task import NetworkRecording

__all__ = ["record_transformers"]

Codes = npt.NDArray[np.uint8]


def record_transformers(names: Sequence[str], inputs: Inputs) -> Iterator[NetworkRecording]:
    """Yield what PyTorch's kernels compute of whole transformers, for each input.

    Parameters
    ----------
    names : sequence of str
        Of `TRANSFORMERS`.
    inputs : Inputs

    Raises
    ------
    ValueError
        If a file or a perturbation is invalid.
    """
    for name in names:
        assert name in TRANSFORMERS
        architecture = ARCHITECTURES[name]
        model = architecture.outline()
        assert isinstance(model, Transformer)
        side = model.image
        fed = feed(inputs, (3, side, side), name, architecture.normalization)
        calibration = None
        if fed.calibration is not None:
            calibration = torch.from_numpy(np.concatenate(fed.calibration))
        network = load(name, inputs.weights, inputs.seed, calibration)
        for perturbation, given in fed.inputs.items():
            recording = _record(network, perturbation, np.asarray(given, np.float32), inputs.seed)
            yield replace(recording, source=fed.source, described=fed.described)


def _record(
    network: QuantizedTransformer, perturbation: str, images: npt.NDArray[np.float32], seed: int
) -> NetworkRecording:
    graph, given = network.graph, torch.from_numpy(images)
    # One image after the other: a batch must not matter
    each = [network.reference(image[None]) for image in given]
    found = {name: np.concatenate([one[name] for one in each]) for name in each[0]}
    tensors = _complete(graph, found, len(images))
    output = graph.tensors[graph.output]
    logits = dequantize(tensors[graph.output], output.quantization)
    with one_thread(), torch.no_grad():
        floats = network.model(given).numpy()
    return NetworkRecording(
        *(ENGINE, network.weights, perturbation, seed, graph),
        *(tensors[graph.input.name], tensors, logits),
        logits_float=floats,
        results={graph.output: logits},
    )


def _complete(graph: Network, found: dict[str, Codes], images: int) -> dict[str, Codes]:
    """Add the graph's tensors that PyTorch has only flattened, in the graph's order."""
    flat = {
        node.inputs[0]: node.name for node in graph.nodes if isinstance(node.operation, Flatten)
    }
    tensors: dict[str, Codes] = {}
    for name, tensor in graph.tensors.items():
        codes = found[name] if name in found else found[flat[name]]
        tensors[name] = codes.reshape(images, *tensor.shape[1:])
    return tensors
