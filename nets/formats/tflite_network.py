"""Loads a TFLite file as a network, with LiteRT as its reference."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...golden.quantization import Quantization
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
        Of each quantized tensor that a step names, the input and the results.
    """

    def __init__(self, runtime: TfliteRuntime, kinds: dict[int, Quantization]) -> None:
        self.engine = engine()
        self._runtime = runtime
        self._kinds = kinds

    def _input(self, image: Image) -> npt.NDArray[Any]:
        """Return one input as the file has it: channels last, in its dtype."""
        source = self._runtime.file.tensors[self._runtime.file.input]
        if image.ndim == 4:
            image = np.moveaxis(image, 1, -1)
        kind = self._kinds.get(source.index, Quantization(1.0, 0))
        return file_input(np.ascontiguousarray(image), source.dtype, kind)

    def tensors(self, image: Image, names: Collection[str]) -> dict[str, Result]:
        """Return the named quantized tensors for inputs (N, ...), float32."""
        check_image(image)
        given = self._runtime.file.input
        found: dict[str, list[Any]] = {name: [] for name in names}
        for each in image:
            source = self._input(each[None])
            tensors = {given: source, **self._runtime.tensors(source)}
            for name, kept in found.items():
                kept.append(tensors[int(name)])
        return {name: self._result(int(name), each) for name, each in found.items() if each}

    def _result(self, index: int, each: list[npt.NDArray[Any]]) -> Result:
        # results in floating point are no codes, and no tensor of the graph
        kind = self._kinds.get(index, Quantization(1.0, 0))
        codes = codes_of(np.concatenate(each))
        return Result(np.ascontiguousarray(codes), kind)

    def results(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the file's results as real numbers, in order, by the file as it is."""
        each = [self._runtime.results(self._input(image[None])) for image in images.numpy()]
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

    def logits(self, image: Image) -> npt.NDArray[np.float32]:
        """Return all results of an input in one row."""
        return rows(self.results(torch.from_numpy(image)), len(image))


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
    importer = _imported(file, name, strict=strict)
    weights = f"{path}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    kinds = {index: importer.quantization(index) for index in importer.codes}
    reference = TfliteReference(runtime, kinds)
    return FileNetwork(name, weights, importer.steps, importer.layers, file.shape, reference)


def _imported(file: TfliteFile, name: str, *, strict: bool) -> TfliteImporter:
    """Import; what lowering refuses is computed by the host instead."""
    hosted: dict[str, Unsupported] = {}
    while True:
        importer = TfliteImporter(file, name, _HANDLERS, hosted)
        importer.run()
        if strict:
            _refuse_host(importer.steps)
        try:
            lowered(importer.steps, importer.layers, name, file.shape)
        except Unsupported as error:
            node = error.node or _behind(str(error), importer.steps)
            if strict or not node or node in hosted:
                raise ValueError(str(error)) from None
            hosted[node] = error
        else:
            return importer


def _behind(said: str, steps: list[Step]) -> str:
    """Return the tensor of the file to which a refused step is a part of the way."""
    names = [step.name for step in steps]
    name = said.partition(":")[0]
    place = names.index(name) if name in names else len(steps)
    return next((step.node for step in steps[place:] if step.node), "")


def _refuse_host(steps: list[Step]) -> None:
    for step in steps:
        if step.arguments.get("reason"):
            raise ValueError(step.arguments["reason"])
