"""A network of a model file: its integer graph, and the runtime as the reference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...golden.graph import Layer
from ...golden.network import execute
from ...runtime.errors import ToolchainError
from ..examples import Images, arrays_of
from ..fidelity import Fidelity
from ..images import IMAGENET, Normalization
from ..int8 import LayerRecording, Step, check_image
from ..lower import lowered
from ..lowered import Lowered
from ..matching import match
from ..outputs import rows
from ..quantized import Codes, QuantizedNetwork
from ..reference import Result
from .codes import quantized

__all__ = ["FileNetwork", "FileReference"]

Array = npt.NDArray[Any]
Image = npt.NDArray[np.float32]


class FileReference(ABC):
    """The runtime that defines what a file computes; a subclass for each format.

    Inputs are run one by one, as the file's owner would. The graph's order of elements, codes and
    layouts are a subclass's business: what `shown` and `run` return is the file's.

    Attributes
    ----------
    engine : str
        Runtime, version and kernel set; a runtime that is not asked has no version.
    not_asked : str
        Sentence on why the runtime is not asked; empty if it is.
    """

    engine: str
    not_asked: str = ""

    @abstractmethod
    def shown(self, image: tuple[Image, ...], names: Collection[str]) -> Mapping[str, Array]:
        """Return the named tensors for one of each input, (1, ...)."""

    @abstractmethod
    def run(self, image: tuple[Image, ...]) -> Sequence[Array]:
        """Return the results of the file as it is for one of each input, (1, ...)."""

    @abstractmethod
    def result(self, name: str, tensor: Array) -> Result:
        """Return a named tensor in the graph's terms."""

    @abstractmethod
    def real(self, place: int, tensor: Array) -> Image:
        """Return a result as real numbers, in PyTorch's order of dimensions."""

    def tensors(self, image: Images, names: Collection[str]) -> dict[str, Result]:
        """Return the named quantized tensors for inputs (N, ...), float32."""
        given = arrays_of(image)
        for each in given:
            check_image(each)
        if not names:
            return {}
        found = [self.shown(one, names) for one in _one_by_one(given)]
        shown = [name for name in names if name in found[0]]
        return {n: self.result(n, np.concatenate([each[n] for each in found])) for n in shown}

    def results(self, images: Images) -> list[torch.Tensor]:
        """Return the file's results as real numbers, in order, by the file as it is."""
        each = [self.run(one) for one in _one_by_one(arrays_of(images))]
        joined = [np.concatenate(parts) for parts in zip(*each, strict=True)]
        return [torch.from_numpy(self.real(place, part)) for place, part in enumerate(joined)]

    def logits(self, image: Images) -> Image:
        """Return all results of an input in one row."""
        return rows(self.results(image), len(arrays_of(image)[0]))


def _one_by_one(given: Sequence[Image]) -> list[tuple[Image, ...]]:
    return [tuple(image[None] for image in one) for one in zip(*given, strict=True)]


class FileNetwork(QuantizedNetwork):
    """A quantized network of a model file.

    Parameters
    ----------
    name, weights, steps, layers, input_shapes, normalization
        As `QuantizedNetwork`.
    reference : FileReference
    input_names : tuple of str
        The file's.
    """

    def __init__(
        self,
        name: str,
        weights: str,
        steps: list[Step],
        layers: dict[str, Layer],
        input_shapes: tuple[tuple[int, ...], ...],
        reference: FileReference,
        input_names: tuple[str, ...] = (),
        normalization: Normalization = IMAGENET,
    ) -> None:
        super().__init__(
            name,
            weights,
            steps,
            layers,
            {},
            input_shapes,
            _no_module,
            normalization,
            fidelity=Fidelity(nan),
        )
        self.engine = reference.engine
        self.not_asked = reference.not_asked
        self.input_names = input_names
        self._reference = reference
        tensors = self.graph.tensors
        nodes = {node.operation.name: node for node in self.graph.nodes}
        for layer in layers:
            node = nodes[layer]
            self.shapes[layer] = tensors[node.inputs[0]].shape, tensors[node.name].shape

    @cached_property
    def reference(self) -> Any:  # noqa: ANN401
        """The runtime."""
        if self.not_asked:
            raise ToolchainError(f"{self.name}: {self.not_asked}")
        return self._reference

    @cached_property
    def _lowered(self) -> Lowered:
        return lowered(self.steps, self.layers, self.name, self.input_shapes)

    @cached_property
    def tail(self) -> Any:  # noqa: ANN401
        """What the runtime computes from the last codes, where it is more than their values."""
        step = self.steps[-1]
        if step.op != "tail":
            return None
        layouts = [layout for _, layout in self._lowered.tail]
        orders = [self._lowered.orders.get(name) for name in self.tail_reads]
        return step.arguments["region"].placed(layouts, orders)

    def source_codes(self, images: Images) -> tuple[Codes, ...]:
        """Return the codes that the accelerator starts from, as `QuantizedNetwork.source_codes`.

        Those that operators in floating point precede are computed by the runtime.
        """
        given, found = self._checked(images), []
        for source in self.graph.sources:
            step = next(step for step in self.steps if step.name == source.name)
            layout = self._lowered.layouts[source.name]
            if step.arguments.get("calls"):  # the host computes them
                codes = self._reference.tensors(images, [step.node])[step.node].codes
                found.append(layout.to_graph(codes) if codes.ndim == 3 else codes)
                continue
            image = given[step.arguments.get("position", 0)]
            found.append(layout.to_graph(quantized(image, source.quantization)))
        return tuple(found)

    def tensors(self, image: Images) -> dict[str, Codes]:
        """Return all tensors that the runtime computes, in the layout of `execute`.

        Inputs of a concatenation that are rescaled within it are not among them.

        Raises
        ------
        ToolchainError
            If the runtime is not asked, as it is not installed.
        """
        nodes = {step.node for step in self.steps if step.node and step.op != "tail"}
        results = self.reference.tensors(self._checked(image), nodes)
        inside = {step.name for step in self.steps if not step.node}
        return match(self._lowered, self.steps, results, len(arrays_of(image)[0]), inside)

    def record(self, image: Images, names: Any = None) -> dict[str, LayerRecording]:  # noqa: ANN401
        """Return what layers read and write, as `QuantizedNetwork.record`.

        If the runtime is not asked, the golden model computes what they read, and `y_torch` is
        empty.
        """
        names = list(self.layers) if names is None else list(names)
        if self.not_asked:
            tensors = execute(self.graph, *self.source_codes(image))
        else:
            tensors = self.tensors(image)
        found = {}
        for node in self.graph.nodes:
            name = node.operation.name
            if name in names:
                written = np.empty(0, np.uint8) if self.not_asked else tensors[node.name]
                found[name] = LayerRecording(tensors[node.inputs[0]], written)
        return found


def _no_module() -> Any:  # noqa: ANN401
    raise ValueError("a network of a model file has no PyTorch module")
