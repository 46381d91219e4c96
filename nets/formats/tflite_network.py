"""Loads a TFLite file as a network, with LiteRT as its reference."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...golden.graph import Network, Tensor
from ...golden.quantization import Quantization
from ..examples import Images, arrays_of
from ..int8 import Step, check_image
from ..lower import lowered
from ..outputs import rows
from ..reference import Result
from ..unsupported import Unsupported
from .network import FileNetwork
from .tflite_elementwise import ELEMENTWISE
from .tflite_file import TfliteFile, read_tflite
from .tflite_importer import TfliteImporter
from .tflite_layers import LAYERS
from .tflite_moves import MOVES
from .tflite_pools import POOLS
from .tflite_runtime import TfliteRuntime, codes_of, engine, file_input

__all__ = ["load_tflite"]

_HANDLERS = LAYERS | POOLS | ELEMENTWISE | MOVES

Image = npt.NDArray[np.float32]


class TfliteReference:
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
        self.engine = engine()
        self._runtime = runtime
        self._kinds = kinds
        self._aliases = aliases

    def _input(self, image: Image) -> npt.NDArray[Any]:
        """Return one input as the file has it: channels last, in its dtype."""
        source = self._runtime.file.tensors[self._runtime.file.input]
        if image.ndim == 4:
            image = np.moveaxis(image, 1, -1)
        kind = self._kinds.get(source.index, Quantization(1.0, 0))
        return file_input(np.ascontiguousarray(image), source.dtype, kind)

    def tensors(self, image: Images, names: Collection[str]) -> dict[str, Result]:
        """Return the named quantized tensors for inputs (N, ...), float32."""
        (images,) = arrays_of(image)
        check_image(images)
        given = self._runtime.file.input
        found: dict[str, list[Any]] = {name: [] for name in names}
        for each in images:
            source = self._input(each[None])
            tensors = {given: source, **self._runtime.tensors(source)}
            for name, kept in found.items():
                kept.append(tensors[int(name.partition(":")[0])])
        return {name: self._result(name, each) for name, each in found.items()}

    def _result(self, name: str, each: list[npt.NDArray[Any]]) -> Result:
        codes = np.ascontiguousarray(codes_of(np.concatenate(each)))
        if name in self._aliases:
            alias = self._aliases[name]
            return Result(codes.reshape(len(codes), *alias.shape[1:]), alias.quantization)
        return Result(codes, self._kinds[int(name)])

    def results(self, images: Images) -> list[torch.Tensor]:
        """Return the file's results as real numbers, in order, by the file as it is."""
        (given,) = arrays_of(images)
        each = [self._runtime.results(self._input(image[None])) for image in given]
        joined = [np.concatenate(parts) for parts in zip(*each, strict=True)]
        outputs = self._runtime.file.outputs
        return [torch.from_numpy(self._real(*pair)) for pair in zip(outputs, joined, strict=True)]

    def _real(self, index: int, tensor: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        if tensor.dtype != np.float32:
            kind = self._kinds[index]
            steps = codes_of(tensor).astype(np.float32) - np.float32(kind.zero_point)
            tensor = np.float32(kind.scale) * steps
        if tensor.ndim == 4:
            tensor = np.moveaxis(tensor, -1, 1)
        return np.ascontiguousarray(tensor)

    def logits(self, image: Images) -> npt.NDArray[np.float32]:
        """Return all results of an input in one row."""
        return rows(self.results(image), len(arrays_of(image)[0]))


def load_tflite(path: Path, name: str, *, strict: bool = False) -> FileNetwork:
    """Import a file.

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
        If the package ai-edge-litert is not installed.
    """
    file = read_tflite(path)
    runtime = TfliteRuntime(file)
    importer, graph = _imported(file, name, strict=strict)
    runtime.added = importer.added
    weights = f"{path}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    kinds = {index: importer.quantization(index) for index in importer.codes}
    nodes = {step.node: step.name for step in importer.steps if ":" in step.node}
    aliases = {node: graph.tensors[name] for node, name in nodes.items() if name in graph.tensors}
    reference = TfliteReference(runtime, kinds, aliases)
    return FileNetwork(name, weights, importer.steps, importer.layers, file.shape, reference)


def _imported(file: TfliteFile, name: str, *, strict: bool) -> tuple[TfliteImporter, Network]:
    """Import; what lowering refuses is computed by the host instead."""
    hosted: dict[str, Unsupported] = {}
    while True:
        importer = TfliteImporter(file, name, _HANDLERS, hosted)
        importer.run()
        if strict:
            _refuse_host(importer.steps)
        try:
            graph = lowered(importer.steps, importer.layers, name, [file.shape]).graph
        except Unsupported as error:
            node = _tensor(error, importer.steps)
            if strict or not node or node in hosted:
                raise ValueError(str(error)) from None
            hosted[node] = error
        else:
            return importer, graph


def _tensor(error: Unsupported, steps: list[Step]) -> str:
    """Return the tensor of the file that a refused step computes, or is on the way to."""
    said = str(error).partition(":")[0]
    places = [place for place, step in enumerate(steps) if said == step.name]
    behind = steps[places[0] :] if places else []
    return next((step.node for step in behind if step.node.isdigit()), error.node)


def _refuse_host(steps: list[Step]) -> None:
    for step in steps:
        if step.arguments.get("reason"):
            raise ValueError(step.arguments["reason"])
