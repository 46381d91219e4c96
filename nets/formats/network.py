"""A network of a model file: its integer graph, and the runtime as the reference."""

from __future__ import annotations

from functools import cached_property
from math import nan
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from ...golden.graph import Layer
from ..examples import Images, arrays_of
from ..fidelity import Fidelity
from ..images import IMAGENET, Normalization
from ..int8 import LayerRecording, Step
from ..lower import lowered
from ..lowered import Lowered
from ..matching import match
from ..quantized import Codes, QuantizedNetwork
from ..reference import Result

__all__ = ["FileNetwork", "FileReference"]


class FileReference(Protocol):
    """The runtime that defines what a file computes."""

    engine: str

    def tensors(self, image: Images, names: Any) -> dict[str, Result]:  # noqa: ANN401
        """Return the named quantized tensors for inputs (N, ...), float32."""
        ...

    def results(self, images: Images) -> list[torch.Tensor]:
        """Return the file's results as real numbers, in order."""
        ...

    def logits(self, image: Images) -> npt.NDArray[np.float32]:
        """Return the first result, one row for each input."""
        ...


class FileNetwork(QuantizedNetwork):
    """A quantized network of a model file.

    Parameters
    ----------
    name, weights, steps, layers, input_shape, normalization
        As `QuantizedNetwork`.
    reference : FileReference
    """

    def __init__(
        self,
        name: str,
        weights: str,
        steps: list[Step],
        layers: dict[str, Layer],
        input_shape: tuple[int, ...],
        reference: FileReference,
        normalization: Normalization = IMAGENET,
    ) -> None:
        super().__init__(
            name,
            weights,
            steps,
            layers,
            {},
            (input_shape,),
            _no_module,
            normalization,
            fidelity=Fidelity(nan),
        )
        self.engine = reference.engine
        self._reference = reference
        tensors = self.graph.tensors
        nodes = {node.operation.name: node for node in self.graph.nodes}
        for layer in layers:
            node = nodes[layer]
            self.shapes[layer] = tensors[node.inputs[0]].shape, tensors[node.name].shape

    @cached_property
    def reference(self) -> Any:  # noqa: ANN401
        """The runtime."""
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
        """Return the codes that the accelerator starts from, computed by the runtime."""
        tensors = self.tensors(images)
        return tuple(tensors[source.name] for source in self.graph.sources)

    def tensors(self, image: Images) -> dict[str, Codes]:
        """Return all tensors that the runtime computes, in the layout of `execute`.

        Inputs of a concatenation that are rescaled within it are not among them.
        """
        nodes = {step.node for step in self.steps if step.node and step.op != "tail"}
        results = self.reference.tensors(image, nodes)
        inside = {step.name for step in self.steps if not step.node}
        return match(self._lowered, self.steps, results, len(arrays_of(image)[0]), inside)

    def record(self, image: Images, names: Any = None) -> dict[str, LayerRecording]:  # noqa: ANN401
        """Return what layers read and write, as `QuantizedNetwork.record`."""
        names = list(self.layers) if names is None else list(names)
        tensors = self.tensors(image)
        found = {}
        for node in self.graph.nodes:
            name = node.operation.name
            if name in names:
                found[name] = LayerRecording(tensors[node.inputs[0]], tensors[node.name])
        return found


def _no_module() -> Any:  # noqa: ANN401
    raise ValueError("a network of a model file has no PyTorch module")
