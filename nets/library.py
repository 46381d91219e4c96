"""Quantized networks by name, ready to be recorded layer by layer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..golden.flatten import channels_last_columns
from ..golden.graph import Layer, Network
from . import store
from .cache import cache_folder
from .checkpoint import load_checkpoint
from .framework import ENGINE, convert, one_thread
from .images import calibration_crops, normalize
from .importer import import_network
from .initialise import initialise
from .int8 import Int8Network, Record, Step, check_image
from .lower import lower, reordered
from .networks import CLASSES, NETWORKS, Architecture, architecture, nearest

__all__ = [
    "NETWORKS",
    "Classification",
    "QuantizedNetwork",
    "Record",
    "load",
    "nearest",
    "quantized",
]


Image = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
Shapes = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Classification:
    """What a network says about an image.

    Parameters
    ----------
    logits : ndarray of shape (classes,), float32
    top : int
        Index of the largest logit.
    """

    logits: npt.NDArray[np.float32]
    top: int


class QuantizedNetwork:
    """An INT8 network with its integer graph.

    Attributes
    ----------
    name : str
        As in `NETWORKS`.
    engine : str
        PyTorch's engine of the reference output.
    weights : str
        Which weights these are, in words.
    layers : dict of str to Layer
        Convolutions and linear layers in order of execution, by full name (``resnet18.conv1``).
    shapes : dict of str to (input shape, output shape)
        For one image of 224 x 224, channels last.
    steps : list of Step
        Every operation, in order of execution.
    input_shape : (1, 3, H, W)
        Of an image.
    """

    def __init__(
        self,
        name: str,
        weights: str,
        steps: list[Step],
        layers: dict[str, Layer],
        shapes: dict[str, Shapes],
        input_shape: tuple[int, int, int, int],
    ) -> None:
        self.name = name
        self.engine = ENGINE
        self.weights = weights
        self.layers = layers
        self.steps = steps
        self.shapes = shapes
        self.input_shape = input_shape
        self._network = Int8Network(steps, layers)

    @cached_property
    def graph(self) -> Network:
        """The integer graph of the whole network, for one image.

        Raises
        ------
        ValueError
            If the accelerator lacks an operator.
        """
        return lower(self.steps, self.layers, self.name, self.input_shape)

    def tensors(self, image: Image) -> dict[str, Codes]:
        """What PyTorch's INT8 network computes on the way, as `execute` of `graph` returns it.

        Parameters
        ----------
        image : ndarray of shape (N, 3, H, W), float32
            Normalized.

        Returns
        -------
        dict of str to ndarray, uint8
            Every tensor of the graph by name, in its order: channels last, also when flattened.
        """
        with one_thread():
            results = self._network.tensors(image)
        orders = reordered(self.graph)
        tensors = {self.graph.input.name: results[self.graph.input.name]}
        for node in self.graph.nodes:
            # a graph's own node, behind a mean without keepdim, only flattens
            values = results.get(node.name, tensors[node.inputs[0]])
            if node.name in orders:
                values = channels_last_columns(values, *orders[node.name])
            shape = self.graph.tensors[node.name].shape
            tensors[node.name] = values.reshape(len(image), *shape[1:])
        return tensors

    def record(self, image: Image, names: Collection[str] | None = None) -> dict[str, Record]:
        """Run PyTorch's INT8 network on an image and keep what layers read and write.

        Parameters
        ----------
        image : ndarray of shape (N, 3, 224, 224), float32
            Normalized, from `images.normalize`.
        names : collection of str, optional
            Layers to keep, all by default. The run ends with the last of them.

        Returns
        -------
        dict of str to Record
            In order of execution.

        Raises
        ------
        ValueError
            If a name is no layer of the network; the message has the nearest names.
        """
        names = list(self.layers) if names is None else list(names)
        for name in names:
            if name not in self.layers:
                near = ", ".join(nearest(name, self.layers))
                raise ValueError(f"layer must be one of {self.name}, got {name} (nearest: {near})")
        with one_thread():
            return self._network.record(image, names)

    def classify(self, image: Image) -> Classification:
        """Logits and top class that PyTorch's INT8 network gives one normalized image."""
        with one_thread():
            logits = self._network.logits(image)[0]
        return Classification(logits, int(np.argmax(logits)))


def _default_images() -> Image:
    return np.concatenate([normalize(crop) for crop in calibration_crops()])


def _build(
    network: Architecture, weights: Path | None, seed: int, images: torch.Tensor
) -> store.State:
    """Weights, quantization and import; what is cached."""
    if weights is None:
        model = network.outline(CLASSES).to_empty(device="cpu")
        initialise(model, images, seed)
    else:
        model = load_checkpoint(network, weights)
    steps, layers = _convert(model, network.name, images)
    return _state(steps, layers, images.shape[1:])


def _convert(
    model: nn.Module, name: str, images: torch.Tensor
) -> tuple[list[Step], dict[str, Layer]]:
    """Steps and layers of a float network after quantization."""
    return import_network(convert(model, [image[None] for image in images]), name)


def _state(steps: list[Step], layers: dict[str, Layer], size: Sequence[int]) -> store.State:
    """What is kept of a network for images of shape (3, H, W)."""
    first = np.zeros((1, *size), np.float32)
    records = Int8Network(steps, layers).record(first, layers)
    shapes = {name: (r.x_q.shape, r.y_torch.shape) for name, r in records.items()}
    return steps, layers, {"shapes": shapes, "input_shape": first.shape}


def quantized(
    model: nn.Module, name: str, weights: str, calibration: Sequence[Image] | None = None
) -> QuantizedNetwork:
    """Quantize a float network, whatever its architecture.

    Parameters
    ----------
    model : Module
        In evaluation mode, one that ``torch.fx`` can trace.
    name : str
        For the network.
    weights : str
        Which weights these are, in words.
    calibration : sequence of ndarray of shape (1, 3, H, W), float32, optional
        Normalized images; the shipped photographs' crops by default.

    Returns
    -------
    QuantizedNetwork

    Raises
    ------
    ValueError
        If an operator is not known; the message names it and its node.
    """
    images = _default_images() if calibration is None else _checked(calibration)
    with one_thread():
        steps, layers = _convert(model, name, torch.from_numpy(images))
        lower(steps, layers, name, (1, *images.shape[1:]))  # what cannot run is refused here
        state = _state(steps, layers, images.shape[1:])
    return _network(name, weights, state)


def _checked(calibration: Sequence[Image]) -> Image:
    """The images as one array."""
    for image in calibration:
        check_image(image)
    return np.concatenate(list(calibration))


def _network(name: str, weights: str, state: store.State) -> QuantizedNetwork:
    steps, layers, about = state
    shapes = {layer: (tuple(x), tuple(y)) for layer, (x, y) in about["shapes"].items()}
    return QuantizedNetwork(name, weights, steps, layers, shapes, tuple(about["input_shape"]))


def load(
    name: str,
    weights: Path | None = None,
    seed: int = 0,
    calibration: Sequence[Image] | None = None,
    cache: Path | None = None,
    *,
    variant: Architecture | None = None,
) -> QuantizedNetwork:
    """Load a network and quantize it, or take it from the cache.

    Parameters
    ----------
    name : str
        Of `NETWORKS`.
    weights : Path, optional
        Checkpoint with torchvision's names; without it, weights are initialised by the seed.
    seed : int
        For the initialisation, at least 0.
    calibration : sequence of ndarray of shape (1, 3, H, W), float32, optional
        Normalized images; the shipped photographs' crops by default.
    cache : Path, optional
        Folder of quantized networks; in the user's cache if not given.
    variant : Architecture, optional
        How to build the network, if not as in `NETWORKS`: another width, another image size.

    Returns
    -------
    QuantizedNetwork

    Raises
    ------
    ValueError
        If the name is unknown, the seed negative, or the checkpoint does not fit.
    """
    network = variant or architecture(name)
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    images = "shipped" if calibration is None else _checked(calibration)
    if weights is not None and not Path(weights).is_file():
        what = "it is a folder" if Path(weights).is_dir() else "no such file"
        raise ValueError(f"weights must be a readable checkpoint, got {weights}: {what}")
    origin = f"seed {seed}" if weights is None else Path(weights)
    shape = str(variant.outline()) if variant else "as published"
    key = store.digest(store.source_digest(), name, shape, origin, images)
    path = (cache or cache_folder("nets")) / f"{name}-{key[:16]}.npz"
    state = store.read(path)
    if state is None:
        with store.locked(path):
            state = store.read(path)  # perhaps another process has built it meanwhile
            if state is None:
                tensor = torch.from_numpy(_default_images() if calibration is None else images)
                with one_thread():
                    state = _build(network, weights, seed, tensor)
                store.write(path, *state)
    text = f"seeded initialisation, seed {seed}" if weights is None else str(weights)
    return _network(name, text, state)
