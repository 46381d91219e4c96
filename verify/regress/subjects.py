"""Builds what a start computes from its recipe: a network and codes of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...golden.graph import Conv2d, Linear, Lookup, Network, Node, Operation, Tensor
from ...golden.network import execute
from ...golden.operations.conv_transpose2d import ConvTranspose2d
from ...golden.verify import verify
from ...spec.parameters import Parameters
from .extremes import pushed, random_codes
from .layers import random_layer
from .networks import random_network
from .operations import pair, random_operation, random_quantization

__all__ = ["Subject", "subject"]

Codes = npt.NDArray[np.uint8]
Subject = tuple[Network, list[Codes]]
_TRIES = 50
_LONG_STRIDES = 0.3  # share of convolutions with strides of up to 7
_SHORT = {"batch": 1, "height": 7, "width": 7, "channels": 4, "outputs": 6}  # for known layers


def subject(start: Mapping[str, Any], parameters: Parameters) -> Subject:
    """Return the network of a start, for one image, and codes of a batch of images.

    Raises
    ------
    ValueError
        If limits that a shrink has set make it illegal.
    """
    rng = np.random.default_rng(start["seed"])
    if start["kind"] == "network":
        return _network(start, parameters, rng)
    if start["kind"] == "known":
        start = {"op": "dense", "bits": 8, "knobs": {}, "inputs": "any", "limits": _SHORT}
    error = ValueError("nothing was tried")
    for _ in range(_TRIES):
        operation, shapes = _drawn(start["op"], rng)
        try:
            operation = pushed(operation, start["knobs"], rng, start["bits"])
            operation, shapes = _limited(operation, shapes, start["limits"])
            network = _alone(operation, shapes)
        except ValueError as refusal:  # extremes that the arithmetic excludes
            error = refusal
            continue
        codes = [
            random_codes(rng, start["inputs"], shape, source.quantization)
            for shape, source in zip(shapes, network.sources, strict=True)
        ]
        return network, codes
    raise error


def _drawn(op: str, rng: np.random.Generator) -> tuple[Operation, list[tuple[int, ...]]]:
    if op == "dense":
        layer, shape = random_layer(rng)
        if isinstance(layer, Conv2d) and rng.random() < _LONG_STRIDES:
            layer = replace(layer, stride=pair(rng, 1, 7))
        return layer, [shape]
    if op == "lookup":
        table = rng.integers(0, 256, 256, dtype=np.uint8)
        shape = tuple(int(size) for size in rng.integers(1, 9, 4))
        return Lookup("table", random_quantization(rng), random_quantization(rng), table), [shape]
    return random_operation(rng, op)


def _alone(operation: Operation, shapes: Sequence[tuple[int, ...]]) -> Network:
    """Return an operation as a network of one node, whose inputs differ."""
    operation = replace(operation, name="run.0")
    sources = tuple(
        Tensor(f"run.input{i}", (1, *shape[1:]), quantization)
        for i, (shape, quantization) in enumerate(zip(shapes, operation.inputs, strict=True))
    )
    node = Node(operation, tuple(source.name for source in sources))
    network = Network("run", sources[0], (node,), operation.name, (), sources[1:])
    verify(network)
    return network


def _limited(
    operation: Operation, shapes: Sequence[tuple[int, ...]], limits: Mapping[str, int]
) -> tuple[Operation, list[tuple[int, ...]]]:
    """Cut an operation to at most so many images, rows, columns, inputs and outputs."""
    if not limits:
        return operation, list(shapes)
    most = [limits.get(name, 1 << 30) for name in ("batch", "height", "width", "channels")]
    if isinstance(operation, Conv2d | Linear):
        operation, channels = _fewer(operation, limits)
        most[3] = channels
    found: list[tuple[int, ...]] = []
    for shape in shapes:
        bounds = most if len(shape) == 4 else [most[0], most[3]]
        cut = zip(shape, bounds, strict=True)
        found.append(tuple(min(size, bound) for size, bound in cut))
    return operation, found


def _fewer(layer: Conv2d | Linear, limits: Mapping[str, int]) -> tuple[Conv2d | Linear, int]:
    """Keep the first channels of each group; return the layer and its number of inputs."""
    groups = getattr(layer, "groups", 1)
    inputs = min(layer.weight.shape[1], limits.get("channels", 1 << 30))
    each = layer.weight.shape[0] // groups
    kept = np.arange(len(layer.weight)).reshape(groups, each)[:, : limits.get("outputs", each)]
    few = kept[: limits.get("groups", groups)].reshape(-1)
    smaller = replace(
        layer,
        weight=layer.weight[few, :inputs],
        bias=layer.bias[few],
        bias_q=layer.bias_q[few],
        weight_scale=layer.weight_scale[few],
        multiplier=layer.multiplier[few],
    )
    left = min(groups, limits.get("groups", groups))
    if isinstance(smaller, Conv2d | ConvTranspose2d):
        smaller = replace(smaller, groups=left)
    return smaller, inputs * left


def _network(start: Mapping[str, Any], parameters: Parameters, rng: np.random.Generator) -> Subject:
    tables = 0.2 if parameters.lookup else 0.0
    network = random_network(rng, start["motifs"], tables, products=parameters.product)
    shape = (start["batch"], *network.input.shape[1:])
    codes = random_codes(rng, start["inputs"], shape, network.input.quantization)
    if not start["nodes"]:
        return network, [codes]
    tensors = execute(network, codes)
    (position,) = start["nodes"]
    if position >= len(network.nodes):
        raise ValueError(f"nodes must be below {len(network.nodes)}, got {position}")
    node = network.nodes[position]
    given = [tensors[name] for name in node.inputs]
    return _alone(node.operation, [x.shape for x in given]), given
