"""Records networks and layers in PyTorch, the only part of a run that needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt

from ..compiler.network import alone
from ..nets import library
from ..nets.images import IMAGENET, Normalization, load_crop, normalize
from ..nets.module import load_module
from ..nets.networks import architecture
from ..nets.perturb import Perturbation, parse, parse_box
from .batch import batch_crops
from .inputs import Inputs, calibration_crops
from .network.results import HostPart
from .network.task import NetworkRecording
from .results import CLEAN
from .targets import networks_of, select

__all__ = [
    "Choice",
    "Inputs",
    "chosen",
    "other_modules",
    "record_all",
    "record_layers",
    "record_network",
]

Crop = npt.NDArray[np.float32]
Images = npt.NDArray[np.float32]

_JOINS = {
    "add": "a residual addition",
    "add_relu": "a residual addition",
    "mul": "a product",
    "mul_relu": "a product",
    "cat": "a concatenation",
}


@dataclass(frozen=True, eq=False)
class Choice:
    """A network and the parts of it selected by the targets.

    Parameters
    ----------
    network : QuantizedNetwork
    whole : bool
        Whether to run the whole network.
    layers : list of str
        Layers to run alone, in network order.
    """

    network: library.QuantizedNetwork
    whole: bool
    layers: list[str]


def record_all(targets: Sequence[str], inputs: Inputs) -> list[NetworkRecording]:
    """Run the networks in PyTorch and record inputs and outputs of networks or layers.

    Parameters
    ----------
    targets : sequence of str
        Names of networks, names and globs of layers.
    inputs : Inputs

    Returns
    -------
    list of NetworkRecording
        For each network: the whole network, then its layers in order, each with the clean input
        first.

    Raises
    ------
    ValueError
        If a target, a perturbation or a file is invalid.
    """
    crops = _crops(inputs)
    recordings: list[NetworkRecording] = []
    for choice in chosen(targets, inputs):
        by = choice.network.normalization
        images = {name: np.concatenate(_normalized(seen, by)) for name, seen in crops.items()}
        if choice.whole:
            recordings += [
                record_network(choice.network, name, image, inputs.seed)
                for name, image in images.items()
            ]
        if choice.layers:
            recordings += record_layers(choice, images, inputs.seed)
    return recordings


def record_network(
    network: library.QuantizedNetwork, name: str, images: Images, seed: int
) -> NetworkRecording:
    """Run a whole network in PyTorch.

    Parameters
    ----------
    network : QuantizedNetwork
    name : str
        Of the perturbation, or ``clean``.
    images : ndarray of shape (N, 3, H, W), float32
        Normalized.
    seed : int
        Of the perturbation.
    """
    tensors = network.tensors(images)
    logits = [network.classify(image[None]).logits for image in images]
    graph, fidelity = network.graph, network.fidelity
    floats = network.float_logits(images)
    return NetworkRecording(
        network.engine,
        network.weights,
        name,
        seed,
        graph,
        tensors[graph.input.name],
        tensors,
        np.stack(logits).reshape(len(images), -1),
        logits_float=np.empty((0, 0), np.float32) if floats is None else floats,
        classes=network.classes,
        snr_db=_finite(fidelity.snr_db),
        weak_layer=fidelity.layer,
        weak_layer_snr_db=_finite(fidelity.layer_snr_db),
        tail=network.tail,
        scores=network.scores,
        around=_around(network, tensors),
    )


def _around(
    network: library.QuantizedNetwork, tensors: Mapping[str, npt.NDArray[np.uint8]]
) -> tuple[HostPart, ...]:
    """Return what the host computes before the first codes and behind the last ones."""
    first, last = network.steps[0], network.steps[-1]
    parts = []
    if first.arguments.get("calls"):
        written = tensors[network.graph.input.name].size
        parts.append(HostPart(first.name, tuple(first.arguments["calls"]), 0, written))
    if last.op == "tail":
        read = tensors[network.graph.output].size
        parts.append(HostPart(last.name, tuple(last.arguments["calls"]), read, 0))
    return tuple(parts)


def _finite(number: float) -> float | None:
    """Return the number, or None if infinite, as JSON has no infinity."""
    return number if isfinite(number) else None


def record_layers(
    choice: Choice, images: Mapping[str, Images], seed: int
) -> Iterator[NetworkRecording]:
    """Yield what the chosen layers read and wrote in PyTorch, each layer with all images.

    Parameters
    ----------
    choice : Choice
    images : mapping of str to ndarray of shape (N, 3, H, W), float32
        Normalized, by the perturbation's name.
    seed : int
        Of the perturbations.

    Raises
    ------
    ValueError
        If a layer is none of the network's.
    """
    network = choice.network
    runs = {name: network.record(image, choice.layers) for name, image in images.items()}
    for layer in choice.layers:
        for name, run in runs.items():
            found = run[layer]
            yield NetworkRecording(
                network.engine,
                network.weights,
                name,
                seed,
                alone(network.layers[layer], network.name, found.x_q.shape),
                found.x_q,
                {layer: found.y_torch},
                layer=layer,
            )


def chosen(targets: Sequence[str], inputs: Inputs) -> Iterator[Choice]:
    """Yield the networks named by the targets, with their selected parts.

    Raises
    ------
    ValueError
        As `record_all`.
    """
    crops = calibration_crops(inputs.calibration)
    if inputs.module:
        module = _module(inputs, crops and _normalized(crops, IMAGENET))
        for patterns in networks_of(targets or [module.name], [module.name]).values():
            yield _choice(module, patterns)
        return
    wanted = networks_of(targets, list(library.NETWORKS))
    for name, patterns in wanted.items():
        images = crops and _normalized(crops, architecture(name).normalization)
        network = library.load(name, inputs.weights, inputs.seed, images, strict=inputs.strict)
        yield _choice(network, patterns)


def _choice(network: library.QuantizedNetwork, patterns: Sequence[str]) -> Choice:
    alone = [pattern for pattern in patterns if "." in pattern]
    layers = select(alone, network.layers, other_modules(network))
    return Choice(network, len(alone) < len(patterns), layers)


def _normalized(crops: Sequence[Crop], by: Normalization) -> list[Images]:
    return [normalize(crop, by) for crop in crops]


def _module(inputs: Inputs, calibration: list[Images] | None) -> library.QuantizedNetwork:
    """Return the user's network."""
    if inputs.weights:
        raise ValueError(f"weights must come from the module's factory, got {inputs.weights}")
    return load_module(inputs.module, inputs.seed, calibration, strict=inputs.strict)


def other_modules(network: library.QuantizedNetwork) -> dict[str, str]:
    """Return the network's other modules by full name, with their kind.

    Joins are named after the enclosing module, e.g. ``resnet18.layer1.0.add``.
    """
    kinds = {}
    known = network.name in library.NETWORKS
    modules = architecture(network.name).outline().named_modules() if known else ()
    for name, module in modules:
        kind = type(module).__name__
        if name and not list(module.children()):
            fused = kind in ("BatchNorm2d", "ReLU")
            kinds[name] = f"a {kind} that belongs to the layer before it" if fused else f"a {kind}"
    steps = {step.name: _JOINS.get(step.op, f"a {step.op}") for step in network.steps}
    full = steps | {f"{network.name}.{name}": kind for name, kind in kinds.items()}
    return {name: kind for name, kind in full.items() if name not in network.layers}


def _crops(inputs: Inputs) -> dict[str, list[Crop]]:
    """Return images by the perturbation's name, the clean ones first.

    Each image of a batch is perturbed with its own seed, counting up from the given one.
    """
    perturbations: list[Perturbation] = parse(inputs.perturb) if inputs.perturb else []
    box = parse_box(inputs.bbox) if inputs.bbox else None
    crop = load_crop(inputs.image)
    crops = batch_crops(crop, inputs.batch, inputs.seed) if inputs.batch > 1 else [crop]
    images: dict[str, list[Crop]] = {CLEAN: crops}
    for perturbation in perturbations:
        images[str(perturbation)] = [
            perturbation.apply(crop, inputs.seed + index, box) for index, crop in enumerate(crops)
        ]
    return images
