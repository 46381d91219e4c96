"""Records networks and layers in PyTorch, the only part of a run that needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np
import numpy.typing as npt

from ..compiler.network import alone
from ..golden.kernels.quantize import dequantize
from ..nets import library
from ..nets.examples import Images, arrays_of
from ..nets.formats.files import is_model_file, load_file
from ..nets.input_shapes import USUAL
from ..nets.module import own_network
from ..nets.networks import architecture
from ..nets.weight_fit import check_chosen, check_weights_fit
from .arrays import Array
from .feeding import Feed, feed
from .feeding_several import Feeds, feed_all
from .inputs import Inputs
from .network.results import HostPart
from .network.task import NetworkRecording
from .targets import networks_of, select, transformers_of
from .transformer_recording import record_transformers

__all__ = [
    "Choice",
    "Inputs",
    "as_floats",
    "chosen",
    "other_modules",
    "record_all",
    "record_layers",
    "record_network",
]

_NO_LOGITS = np.empty((0, 0), np.float32)
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
    feed : Feed or Feeds, optional
        Inputs of the run.
    """

    network: library.QuantizedNetwork
    whole: bool
    layers: list[str]
    feed: Feed | Feeds | None = None


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
    recordings: list[NetworkRecording] = []
    whole, targets = transformers_of(targets)
    if whole and not inputs.module:
        recordings += record_transformers(whole, inputs)
        if not targets:
            return recordings
    for choice in chosen(targets, inputs):
        assert choice.feed
        images = {name: as_floats(choice.network, x) for name, x in choice.feed.inputs.items()}
        found: list[NetworkRecording] = []
        if choice.whole:
            found += [
                record_network(choice.network, name, image, inputs.seed)
                for name, image in images.items()
            ]
        if choice.layers:
            found += record_layers(choice, images, inputs.seed)
        source, described = choice.feed.source, choice.feed.described
        recordings += [replace(each, source=source, described=described) for each in found]
    return recordings


def as_floats(network: library.QuantizedNetwork, inputs: Array | Sequence[Array]) -> Images:
    """Return inputs as real numbers, which PyTorch's network quantizes to the same codes.

    Parameters
    ----------
    network : QuantizedNetwork
    inputs : ndarray of shape (N, ...), float32 or uint8, or a sequence of them
        Of a network of several inputs one array for each.

    Raises
    ------
    ValueError
        If there are codes, but the network does not quantize that input: the host computes its
        first operators in floating point, or nothing reads it.
    """
    if isinstance(inputs, np.ndarray):
        return _floats(network, inputs, 0)
    return tuple(_floats(network, each, position) for position, each in enumerate(inputs))


def _floats(
    network: library.QuantizedNetwork, given: Array, position: int
) -> npt.NDArray[np.float32]:
    if given.dtype == np.float32:
        return np.asarray(given, np.float32)
    names = {source.name for source in network.graph.sources}
    steps = [step for step in network.steps if step.name in names]
    reading = [step for step in steps if step.arguments.get("position", 0) == position]
    which = "" if len(network.input_shapes) == 1 else f" {position + 1}"
    calls = [call for step in reading for call in step.arguments.get("calls", ())]
    if calls or not reading:
        why = f"begins with {', '.join(calls)} on the host" if calls else "does not quantize it"
        raise ValueError(
            f"input{which} must be floats for {network.name}, which {why}, got uint8 codes"
        )
    quantization = network.graph.tensors[reading[0].name].quantization
    return dequantize(np.asarray(given, np.uint8), quantization)


def record_network(
    network: library.QuantizedNetwork, name: str, images: Images, seed: int
) -> NetworkRecording:
    """Run a whole network in PyTorch.

    Parameters
    ----------
    network : QuantizedNetwork
    name : str
        Of the perturbation, or ``clean``.
    images : ndarray of shape (N, ...), float32, or a tuple of them
        Normalized; of a network of several inputs one array for each.
    seed : int
        Of the perturbation.
    """
    graph, fidelity = network.graph, network.fidelity
    tensors, results = _asked(network, images)
    logits = results.get(graph.output, _NO_LOGITS)
    flat = logits.ndim == 2
    floats = network.float_logits(images) if flat else None
    return NetworkRecording(
        network.engine,
        network.weights,
        name,
        seed,
        graph,
        tensors[graph.input.name],
        tensors,
        logits if flat else _NO_LOGITS,
        logits_float=_NO_LOGITS if floats is None else floats,
        classes=network.classes,
        snr_db=_finite(fidelity.snr_db),
        weak_layer=fidelity.layer,
        weak_layer_snr_db=_finite(fidelity.layer_snr_db),
        tail=network.tail,
        tail_reads=network.tail_reads,
        scores=network.scores,
        around=_around(network, tensors),
        results=results,
        result_labels={output.tensor: output.label for output in reversed(network.outputs)},
        other_inputs=tuple(tensors[source.name] for source in graph.other_inputs),
        not_asked=network.not_asked,
    )


def _asked(
    network: library.QuantizedNetwork, images: Images
) -> tuple[dict[str, npt.NDArray[np.uint8]], dict[str, npt.NDArray[np.float32]]]:
    """Return the reference's tensors and results; of one that is not asked, the inputs' codes."""
    if network.not_asked:
        names = [source.name for source in network.graph.sources]
        return dict(zip(names, network.source_codes(images), strict=True)), {}
    given = arrays_of(images)
    rows = [tuple(x[row : row + 1] for x in given) for row in range(len(given[0]))]
    each = [network.results(row) for row in rows]  # a batch must not matter
    results = {name: np.concatenate([one[name] for one in each]) for name in each[0]}
    return network.tensors(images), results


def _around(
    network: library.QuantizedNetwork, tensors: Mapping[str, npt.NDArray[np.uint8]]
) -> tuple[HostPart, ...]:
    """Return what the host computes before the first codes and behind the last ones."""
    last, sources = network.steps[-1], {source.name for source in network.graph.sources}
    parts = [
        HostPart(first.name, tuple(first.arguments["calls"]), 0, tensors[first.name].size)
        for first in network.steps
        if first.name in sources and first.arguments.get("calls")
    ]
    if last.op == "tail":
        read = sum(tensors[name].size for name in network.tail_reads)
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
    images : mapping of str to ndarray of shape (N, ...), float32, or to a tuple of them
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
                {} if network.not_asked else {layer: found.y_torch},
                layer=layer,
                not_asked=network.not_asked,
            )


def chosen(targets: Sequence[str], inputs: Inputs) -> Iterator[Choice]:
    """Yield the networks named by the targets, with their selected parts.

    Raises
    ------
    ValueError
        As `record_all`.
    """
    if is_model_file(inputs.module):
        network = load_file(inputs.module, strict=inputs.strict)
        shapes = [shape[1:] for shape in network.input_shapes]
        fed = feed_all(inputs, shapes, network.input_names, network.name)
        network = network.with_weight_bits(inputs.weight_bits)
        for patterns in networks_of(targets or [network.name], [network.name]).values():
            yield _choice(network, patterns, fed)
        return
    if inputs.module:
        own = own_network(inputs.module, inputs.seed)
        if inputs.weights:
            raise ValueError(f"weights must come from the module's factory, got {inputs.weights}")
        check_weights_fit(own.model, inputs.weight_bits, own.name)
        shapes = inputs.input_shapes or own.input_shapes
        own.check_count(len(shapes))
        fed = feed_all(inputs, shapes or (USUAL,), own.input_names, own.name)
        assert fed.calibration
        network = own.quantized(fed.calibration, strict=inputs.strict)
        network = network.with_weight_bits(inputs.weight_bits)
        for patterns in networks_of(targets or [own.name], [own.name]).values():
            yield _choice(network, patterns, fed)
        return
    wanted = networks_of(targets, list(library.NETWORKS))
    for name in wanted:
        check_chosen(architecture(name), inputs.weights, inputs.weight_bits)
    for name, patterns in wanted.items():
        fed = feed(inputs, USUAL, name, architecture(name).normalization)
        network = library.load(
            name, inputs.weights, inputs.seed, fed.calibration, strict=inputs.strict
        )
        yield _choice(network.with_weight_bits(inputs.weight_bits), patterns, fed)


def _choice(
    network: library.QuantizedNetwork, patterns: Sequence[str], fed: Feed | Feeds
) -> Choice:
    alone = [pattern for pattern in patterns if "." in pattern]
    layers = select(alone, network.layers, other_modules(network))
    return Choice(network, len(alone) < len(patterns), layers, fed)


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
