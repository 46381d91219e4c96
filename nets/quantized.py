"""A quantized network: PyTorch's own module, and the integer graph imported from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..golden.graph import Layer, Network
from ..golden.kernels.quantize import quantize_per_tensor
from .fidelity import Fidelity
from .framework import ENGINE, one_thread
from .host_function import TailCall, tail_call
from .images import IMAGENET, Normalization
from .int8 import Record, Step
from .lower import lower, reordered
from .matching import match
from .networks import nearest
from .outputs import rows
from .reference import Reference

__all__ = ["Classification", "QuantizedNetwork", "Shapes", "recorded_layers"]

Image = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
Shapes = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Classification:
    """A network's output for one image.

    Parameters
    ----------
    logits : ndarray of shape (classes,), float32
    top : int
        Index of the largest logit.
    """

    logits: npt.NDArray[np.float32]
    top: int


class QuantizedNetwork:
    """An INT8 network: PyTorch's own module, and the integer graph imported from it.

    Attributes
    ----------
    name : str
        As in `NETWORKS`.
    engine : str
        PyTorch's quantized engine for the reference output.
    weights : str
        Description of the weights.
    layers : dict of str to Layer
        Convolutions and linear layers in order of execution, by full name (``resnet18.conv1``).
    shapes : dict of str to (input shape, output shape)
        For one image of 224 x 224, channels last.
    steps : list of Step
        Every operation, in order of execution.
    input_shape : (1, 3, H, W)
        Shape of an image.
    normalization : Normalization
        Input normalization.
    classes : tuple of str
        Names of the outputs; empty if unknown.
    fidelity : Fidelity
        Fidelity to floating point on the calibration images.
    """

    def __init__(
        self,
        name: str,
        weights: str,
        steps: list[Step],
        layers: dict[str, Layer],
        shapes: dict[str, Shapes],
        input_shape: tuple[int, int, int, int],
        converted: Callable[[], torch.fx.GraphModule],
        normalization: Normalization = IMAGENET,
        classes: tuple[str, ...] = (),
        *,
        fidelity: Fidelity,
        model: Callable[[], nn.Module] | None = None,
    ) -> None:
        self.name = name
        self.engine = ENGINE
        self.weights = weights
        self.layers = layers
        self.steps = steps
        self.shapes = shapes
        self.input_shape = input_shape
        self.normalization = normalization
        self.classes = classes
        self.fidelity = fidelity
        self._model = model
        self._converted = converted

    @cached_property
    def reference(self) -> Reference:
        """PyTorch's converted module, created on first use."""
        with one_thread():
            return Reference(self._converted())

    @cached_property
    def graph(self) -> Network:
        """The integer graph of the whole network, for one image.

        Raises
        ------
        ValueError
            If an operator is not supported.
        """
        return lower(
            self.steps, self.layers, self.name, self.input_shape, lambda: self.reference.converted
        )

    @cached_property
    def tail(self) -> TailCall | None:
        """What the network computes from its last codes on the host, where it is more than logits.

        Returns its results for one image after the other, one row each.
        """
        step = self.steps[-1]
        if step.op != "tail":
            return None
        source = self.graph.tensors[self.graph.output]
        return tail_call(self.reference.converted, step, [source], reordered(self.graph))

    @property
    def scores(self) -> bool:
        """Whether the network returns one row of scores for each image, one score a class."""
        return self.steps[-1].arguments.get("scores", True)

    def input_codes(self, images: Image) -> Codes:
        """Return the codes that the accelerator starts from.

        Parameters
        ----------
        images : ndarray of shape (N, 3, H, W), float32
            Normalized.

        Returns
        -------
        ndarray of shape (N, H, W, C), uint8
        """
        if self.steps[0].arguments.get("calls"):  # the host computes them
            with one_thread():
                return self.reference.tensors(images, [self.steps[0].node])[
                    self.steps[0].node
                ].codes
        pixels = np.ascontiguousarray(np.moveaxis(images, 1, -1))
        return quantize_per_tensor(pixels, self.graph.input.quantization)

    def tensors(self, image: Image) -> dict[str, Codes]:
        """Return all tensors computed by PyTorch's INT8 network, in the layout of `execute`.

        Parameters
        ----------
        image : ndarray of shape (N, 3, H, W), float32
            Normalized.

        Returns
        -------
        dict of str to ndarray, uint8
            Every tensor of the graph by name, in graph order: channels last, even if flattened.

        Raises
        ------
        ValueError
            If a tensor of the graph does not exist in PyTorch's network, or has another shape,
            scale or zero point, which means that the import is wrong.
        """
        nodes = {step.node for step in self.steps}
        with one_thread():
            results = self.reference.tensors(image, nodes)
        return match(self.graph, self.steps, results, len(image))

    def record(self, image: Image, names: Collection[str] | None = None) -> dict[str, Record]:
        """Run PyTorch's INT8 network on an image and record layers' inputs and outputs.

        Parameters
        ----------
        image : ndarray of shape (N, 3, 224, 224), float32
            Normalized, from `images.normalize`.
        names : collection of str, optional
            Layers to record, all by default. The run ends after the last of them.

        Returns
        -------
        dict of str to Record
            In order of execution.

        Raises
        ------
        ValueError
            If a name is not a layer of the network; the message suggests the nearest names.
        """
        names = list(self.layers) if names is None else list(names)
        for name in names:
            if name not in self.layers:
                near = ", ".join(nearest(name, self.layers))
                raise ValueError(f"layer must be one of {self.name}, got {name} (nearest: {near})")
        nodes = {step.node: step.name for step in self.steps if step.name in names}
        with one_thread():
            return recorded_layers(self.reference, image, nodes, self.steps)

    def float_logits(self, images: Image) -> npt.NDArray[np.float32] | None:
        """Return the float network's output (N, classes); None for seeded weights.

        Parameters
        ----------
        images : ndarray of shape (N, 3, H, W), float32
            Normalized.
        """
        if self._model is None:
            return None
        with one_thread(), torch.no_grad():
            return rows(self._model()(torch.from_numpy(np.array(images))), len(images))

    def classify(self, image: Image) -> Classification:
        """Return PyTorch's INT8 logits and top class for one normalized image."""
        with one_thread():
            logits = self.reference.logits(image)[0]
        return Classification(logits, int(np.argmax(logits)))


def recorded_layers(
    reference: Reference, image: Image, nodes: Mapping[str, str], steps: Sequence[Step]
) -> dict[str, Record]:
    """Record layers; padding that is part of a layer is not in its recorded input.

    Parameters
    ----------
    reference : Reference
    image : ndarray of shape (N, 3, H, W), float32
    nodes : mapping of str to str
        As for `Reference.record`.
    steps : sequence of Step
        Steps of the whole network.
    """
    records = reference.record(image, nodes)
    for step in steps:
        if step.name in records and "pads" in step.arguments:
            record = records[step.name]
            (top, bottom), (left, right) = step.arguments["pads"]
            _, height, width, _ = record.x_q.shape
            inner = record.x_q[:, top : height - bottom, left : width - right]
            records[step.name] = replace(record, x_q=np.ascontiguousarray(inner))
    return records
