"""A quantized network: PyTorch's own module, and the integer graph imported from it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..golden.graph import Layer, Network, Tensor
from ..golden.kernels.quantize import quantize_per_tensor
from .examples import Images, arrays_of, from_arrays
from .fidelity import Fidelity
from .framework import ENGINE, one_thread
from .host_function import TailCall, tail_call
from .images import IMAGENET, Normalization
from .int8 import LayerRecording, Step, check_image
from .lower import lowered
from .lowered import Lowered, Output
from .matching import match
from .networks import nearest
from .outputs import rows, tensors_of
from .reference import Reference
from .weight_widths import with_weight_bits

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
    not_asked : str
        Sentence on why the reference is not asked: a model file's runtime may lack. Empty if it is.
    weights : str
        Description of the weights.
    layers : dict of str to Layer
        Convolutions and linear layers in order of execution, by full name (``resnet18.conv1``).
    shapes : dict of str to (input shape, output shape)
        For one image of 224 x 224, channels last.
    steps : list of Step
        Every operation, in order of execution.
    input_shape : tuple of int
        PyTorch's shape of one input, the first of several: (1, C, H, W), (1, C, L), (1, L, C) or
        (1, K).
    input_shapes : tuple of tuple of int
        The shape of each input.
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
        input_shapes: tuple[tuple[int, ...], ...],
        converted: Callable[[], torch.fx.GraphModule],
        normalization: Normalization = IMAGENET,
        classes: tuple[str, ...] = (),
        *,
        fidelity: Fidelity,
        model: Callable[[], nn.Module] | None = None,
    ) -> None:
        self.name = name
        self.engine = ENGINE
        self.not_asked = ""
        self.weights = weights
        self.layers = layers
        self.steps = steps
        self.shapes = shapes
        self.input_shapes = input_shapes
        self.normalization = normalization
        self.classes = classes
        self.fidelity = fidelity
        self._model = model
        self._converted = converted

    @property
    def input_shape(self) -> tuple[int, ...]:
        """PyTorch's shape of one input, the first of several."""
        return self.input_shapes[0]

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
        return self._lowered.graph

    @cached_property
    def _lowered(self) -> Lowered:
        return lowered(
            self.steps, self.layers, self.name, self.input_shapes, lambda: self.reference.converted
        )

    @cached_property
    def tail(self) -> TailCall | None:
        """What the network computes from its last codes on the host, where it is more than logits.

        Returns its results for one image after the other, one row each.
        """
        step = self.steps[-1]
        if step.op != "tail":
            return None
        sources = [self.graph.tensors[name] for name in self.tail_reads]
        layouts = [layout for _, layout in self._lowered.tail]
        return tail_call(self.reference.converted, step, sources, layouts, self._lowered.orders)

    @property
    def tail_reads(self) -> tuple[str, ...]:
        """Tensors whose codes `tail` takes."""
        return tuple(name for name, _ in self._lowered.tail)

    @property
    def scores(self) -> bool:
        """Whether the first result is one row of scores for each image, one score a class."""
        if self.tail_reads:
            return self.steps[-1].arguments["scores"]
        return len(self.graph.tensors[self.graph.output].shape) == 2

    def input_codes(self, images: Images) -> Codes:
        """Return the codes of the first input; parameters as for `source_codes`."""
        return self.source_codes(images)[0]

    def source_codes(self, images: Images) -> tuple[Codes, ...]:
        """Return the codes that the accelerator starts from, in the graph's layout.

        Parameters
        ----------
        images : ndarray of shape (N, *input_shape[1:]), float32, or a tuple of them
            Normalized; of a network of several inputs one array for each.

        Returns
        -------
        tuple of ndarray of shape (N, H, W, C) or (N, K), uint8
            In the order of `Network.sources`.
        """
        given = self._checked(images)
        steps = {step.name: step for step in self.steps if step.op == "quantize"}
        return tuple(
            self._codes(steps[source.name], source, given) for source in self.graph.sources
        )

    def _codes(self, step: Step, source: Tensor, images: tuple[Image, ...]) -> Codes:
        layout = self._lowered.layouts[source.name]
        if step.arguments.get("calls"):  # the host computes them
            with one_thread():
                found = self.reference.tensors(images, [step.node])[step.node].codes
            return layout.to_graph(found) if found.ndim == 3 else found
        image = images[step.arguments.get("position", 0)]
        return quantize_per_tensor(layout.to_graph(image), source.quantization)

    def _checked(self, images: Images) -> tuple[Image, ...]:
        """Return one array for each input."""
        given = arrays_of(images)
        count = len(self.input_shapes)
        if len(given) != count:
            wanted = "one array" if count == 1 else f"{count} arrays"
            raise ValueError(f"inputs of {self.name} must be {wanted}, got {len(given)}")
        counts = [len(image) for image in given]
        for index, (image, shape) in enumerate(zip(given, self.input_shapes, strict=True), 1):
            check_image(image, shape[1:], f"input {index}" if len(given) > 1 else "input")
            if len(image) != counts[0]:
                raise ValueError(
                    f"inputs of {self.name} must be equally many, got {counts[0]} and {len(image)}"
                )
        return given

    def tensors(self, image: Images) -> dict[str, Codes]:
        """Return all tensors computed by PyTorch's INT8 network, in the layout of `execute`.

        Parameters
        ----------
        image : ndarray of shape (N, *input_shape[1:]), float32, or a tuple of them
            Normalized; of a network of several inputs one array for each.

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
        nodes, given = {step.node for step in self.steps}, self._checked(image)
        with one_thread():
            results = self.reference.tensors(given, nodes)
        inside = {step.name for step in self.steps if step.op == "lookup" and not step.node}
        return match(self._lowered, self.steps, results, len(given[0]), inside)

    def record(
        self, image: Images, names: Collection[str] | None = None
    ) -> dict[str, LayerRecording]:
        """Run PyTorch's INT8 network on an image and record layers' inputs and outputs.

        Parameters
        ----------
        image : ndarray of shape (N, *input_shape[1:]), float32, or a tuple of them
            Normalized; of a network of several inputs one array for each.
        names : collection of str, optional
            Layers to record, all by default. The run ends after the last of them.

        Returns
        -------
        dict of str to LayerRecording
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
            return recorded_layers(self.reference, self._checked(image), nodes, self.steps)

    def with_weight_bits(self, choice: str) -> QuantizedNetwork:
        """Return the network with the widths of its weights set, see `with_weight_bits`.

        Raises
        ------
        ValueError
            If the codes of a layer do not fit.
        """
        other = copy.copy(self)
        other.layers = with_weight_bits(self.layers, choice)
        for name in ("graph", "_lowered"):
            vars(other).pop(name, None)
        return other

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The network's results, in PyTorch's order."""
        return self._lowered.outputs

    def results(self, images: Images) -> dict[str, npt.NDArray[np.float32]]:
        """Return PyTorch's INT8 results, dequantized, by graph tensor and in its layout.

        Of a network that ends in floating point on the host, all results of an image are one row,
        under the name of the graph's output.

        Parameters
        ----------
        images : ndarray of shape (N, *input_shape[1:]), float32, or a tuple of them
            Normalized; of a network of several inputs one array for each.
        """
        given = self._checked(images)
        with one_thread():
            found = self.reference.results(given)
        if self.tail_reads:
            return {self.graph.output: rows(found, len(given[0]))}
        results: dict[str, npt.NDArray[np.float32]] = {}
        for output in self.outputs:  # one tensor may be several results, in other layouts
            results.setdefault(output.tensor, output.to_graph(found[output.index].numpy()))
        return results

    def float_logits(self, images: Images) -> npt.NDArray[np.float32] | None:
        """Return the float network's first result (N, classes); None for seeded weights.

        Parameters
        ----------
        images : ndarray of shape (N, *input_shape[1:]), float32, or a tuple of them
            Normalized; of a network of several inputs one array for each.
        """
        if self._model is None:
            return None
        with one_thread(), torch.no_grad():
            result = self._model()(*from_arrays(images))
        if self.tail_reads:
            return rows(result, len(arrays_of(images)[0]))
        output = self.outputs[0]
        return output.to_graph(tensors_of(result, self.name)[output.index].numpy())

    def classify(self, image: Image) -> Classification:
        """Return PyTorch's INT8 logits and top class for one normalized image."""
        with one_thread():
            logits = self.reference.logits(image)[0]
        return Classification(logits, int(np.argmax(logits)))


def recorded_layers(
    reference: Reference, image: Images, nodes: Mapping[str, str], steps: Sequence[Step]
) -> dict[str, LayerRecording]:
    """Record layers; padding that is part of a layer is not in its recorded input.

    Parameters
    ----------
    reference : Reference
    image : ndarray of shape (N, *input_shape[1:]), float32, or a tuple of them
    nodes : mapping of str to str
        As for `Reference.record`.
    steps : sequence of Step
        Steps of the whole network.
    """
    recordings = reference.record(image, nodes)
    for step in steps:
        if step.name in recordings and "pads" in step.arguments:
            recording = recordings[step.name]
            (top, bottom), (left, right) = step.arguments["pads"]
            _, height, width, _ = recording.x_q.shape
            inner = recording.x_q[:, top : height - bottom, left : width - right]
            recordings[step.name] = replace(recording, x_q=np.ascontiguousarray(inner))
    return recordings
