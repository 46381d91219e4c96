"""Loads a TFLite file as a network, with LiteRT as its reference."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...golden.graph import Tensor
from ...golden.quantization import Quantization
from ..reference import Result
from .codes import file_codes, quantized, unsigned
from .loading import imported, weights_of
from .network import FileNetwork, FileReference
from .tflite_elementwise import ELEMENTWISE
from .tflite_file import read_tflite
from .tflite_importer import TfliteImporter
from .tflite_layers import LAYERS
from .tflite_moves import MOVES
from .tflite_pools import POOLS
from .tflite_runtime import TfliteRuntime, engine, not_asked

__all__ = ["load_tflite"]

_HANDLERS = LAYERS | POOLS | ELEMENTWISE | MOVES

Array = npt.NDArray[Any]
Image = npt.NDArray[np.float32]


class TfliteReference(FileReference):
    """LiteRT on inputs of real numbers.

    Parameters
    ----------
    runtime : TfliteRuntime
    kinds : dict of int to Quantization
        Of the quantized tensors that the graph has.
    aliases : dict of str to Tensor
        The graph's tensors that have the codes of one of the file's, or of an operator without its
        activation, by node: in another shape, or read with another scale.
    """

    def __init__(
        self, runtime: TfliteRuntime, kinds: dict[int, Quantization], aliases: dict[str, Tensor]
    ) -> None:
        self.engine, self.not_asked = engine(), not_asked()
        self._runtime = runtime
        self._kinds = kinds
        self._aliases = aliases

    def _inputs(self, image: tuple[Image, ...]) -> dict[int, Array]:
        """Return one of each input as the file has it: channels last, in its dtype."""
        found: dict[int, Array] = {}
        for index, each in zip(self._runtime.file.inputs, image, strict=True):
            dtype = self._runtime.file.tensors[index].dtype
            given = np.ascontiguousarray(np.moveaxis(each, 1, -1) if each.ndim == 4 else each)
            kind = self._kinds.get(index, Quantization(1.0, 0))
            reals = dtype == np.float32
            found[index] = given if reals else file_codes(quantized(given, kind), dtype)
        return found

    def shown(self, image: tuple[Image, ...], names: Collection[str]) -> Mapping[str, Array]:
        """Return tensors as `FileReference`; a name begins with a tensor's number."""
        given = self._inputs(image)
        tensors = given | self._runtime.tensors(*given.values())
        return {name: tensors[int(name.partition(":")[0])] for name in names}

    def run(self, image: tuple[Image, ...]) -> Sequence[Array]:
        """Return results as `FileReference`."""
        return self._runtime.results(*self._inputs(image).values())

    def result(self, name: str, tensor: Array) -> Result:
        """Return a tensor as `FileReference`."""
        codes = np.ascontiguousarray(unsigned(tensor))
        if name in self._aliases:
            alias = self._aliases[name]
            return Result(codes.reshape(len(codes), *alias.shape[1:]), alias.quantization)
        return Result(codes, self._kinds[int(name)])

    def real(self, place: int, tensor: Array) -> Image:
        """Return real numbers as `FileReference`."""
        if tensor.dtype != np.float32:
            kind = self._kinds[self._runtime.file.outputs[place]]
            steps = unsigned(tensor).astype(np.float32) - np.float32(kind.zero_point)
            tensor = np.float32(kind.scale) * steps
        if tensor.ndim == 4:
            tensor = np.moveaxis(tensor, -1, 1)
        return np.ascontiguousarray(tensor)


def load_tflite(path: Path, name: str, *, strict: bool = False) -> FileNetwork:
    """Import a file.

    Where LiteRT cannot be imported, formulas take the place of what is measured in it, and the
    network says that it is not asked.

    Parameters
    ----------
    path : Path
    name : str
        Of the network.
    strict : bool
        Whether to refuse what the host would have to compute.

    Raises
    ------
    ValueError
        If the file cannot be imported, or LiteRT cannot run it.
    ToolchainError
        If the classes of the format are not installed, or LiteRT is not and would have to compute
        something on the host.
    """
    file = read_tflite(path)
    runtime = TfliteRuntime(file)
    importer, graph = imported(
        lambda hosted: TfliteImporter(file, name, _HANDLERS, hosted), file.shapes, strict=strict
    )
    runtime.added = importer.added
    kinds = {index: importer.quantization(index) for index in importer.codes}
    nodes = {step.node: step.name for step in importer.steps if ":" in step.node}
    aliases = {node: graph.tensors[name] for node, name in nodes.items() if name in graph.tensors}
    reference = TfliteReference(runtime, kinds, aliases)
    names = tuple(file.tensors[index].name for index in file.inputs)
    return FileNetwork(
        name, weights_of(path), importer.steps, importer.layers, file.shapes, reference, names
    )
