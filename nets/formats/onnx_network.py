"""Loads an ONNX file as a network, with ONNX Runtime as its reference."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...golden.quantization import Quantization
from ..examples import Images, arrays_of
from ..int8 import Step, check_image
from ..lower import lowered
from ..outputs import rows
from ..reference import Result
from ..unsupported import Unsupported
from .network import FileNetwork
from .onnx_file import OnnxFile, read_onnx
from .onnx_importer import OnnxImporter
from .onnx_runtime import OnnxRuntime, engine, unsigned
from .onnx_values import quantized

__all__ = ["load_onnx"]

Image = npt.NDArray[np.float32]


class OnnxReference:
    """ONNX Runtime on inputs of real numbers.

    Parameters
    ----------
    runtime : OnnxRuntime
    kinds : dict of str to (Quantization, bool)
        Quantization of each tensor of the file that a step names, and whether it is int8.
    source : Quantization
        Of the input.
    """

    def __init__(
        self,
        runtime: OnnxRuntime,
        kinds: dict[str, tuple[Quantization, bool]],
        source: Quantization,
    ) -> None:
        self.engine = engine()
        self._runtime = runtime
        self._kinds = kinds
        self._source = source

    def _input(self, image: Image) -> npt.NDArray[Any]:
        """Return one input in the file's dtype."""
        dtype = self._runtime.file.dtype
        if dtype == np.float32:
            return image
        codes = quantized(image, self._source)
        return (codes ^ np.uint8(128)).view(np.int8) if dtype == np.int8 else codes

    def tensors(self, image: Images, names: Collection[str]) -> dict[str, Result]:
        """Return the named quantized tensors for inputs (N, ...), float32."""
        (inputs,) = arrays_of(image)
        check_image(inputs)
        given = self._runtime.file.input
        wanted = sorted(name for name in names if name != given)
        found: dict[str, list[Any]] = {name: [] for name in (*wanted, given) if name in names}
        for each in inputs:
            source = self._input(each[None])
            tensors = self._runtime.run(source, wanted) if wanted else []
            for name, tensor in [*zip(wanted, tensors, strict=True), (given, source)]:
                if name in found:
                    found[name].append(tensor)
        return {name: self._result(name, np.concatenate(each)) for name, each in found.items()}

    def _result(self, name: str, tensor: npt.NDArray[Any]) -> Result:
        quantization, _ = self._kinds[name]
        # real values are those of codes: nothing quantizes them in the file
        reals = tensor.dtype == np.float32
        codes = quantized(tensor, quantization) if reals else unsigned(tensor)
        if codes.ndim == 4:
            codes = np.moveaxis(codes, 1, -1)
        return Result(np.ascontiguousarray(codes), quantization)

    def results(self, images: Images) -> list[torch.Tensor]:
        """Return the file's results as real numbers, in order, by the file as it is."""
        (given,) = arrays_of(images)
        each = [self._runtime.run(self._input(image[None])) for image in given]
        joined = [np.concatenate(parts) for parts in zip(*each, strict=True)]
        outputs = self._runtime.file.outputs
        return [torch.from_numpy(self._real(*pair)) for pair in zip(outputs, joined, strict=True)]

    def _real(self, name: str, tensor: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        if tensor.dtype == np.float32:
            return tensor
        quantization, _ = self._kinds[name]
        steps = unsigned(tensor).astype(np.float32) - np.float32(quantization.zero_point)
        return np.float32(quantization.scale) * steps

    def logits(self, image: Images) -> npt.NDArray[np.float32]:
        """Return all results of an input in one row."""
        return rows(self.results(image), len(arrays_of(image)[0]))


def load_onnx(path: Path, name: str, *, strict: bool = False) -> FileNetwork:
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
        If the file cannot be imported.
    ToolchainError
        If the packages onnx and onnxruntime are not installed.
    """
    file = read_onnx(path)
    importer = _imported(file, name, strict=strict)
    weights = f"{path}, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    kinds = {s.node: importer.kinds[s.name] for s in importer.steps if s.node and s.op != "tail"}
    for output in file.outputs:
        value = importer.values[output]
        if hasattr(value, "step"):
            kinds[output] = importer.kinds[value.step]  # type: ignore[union-attr]
    source = importer.kinds[importer.steps[0].name][0]
    reference = OnnxReference(importer.runtime, kinds, source)
    return FileNetwork(name, weights, importer.steps, importer.layers, file.shape, reference)


def _imported(file: OnnxFile, name: str, *, strict: bool) -> OnnxImporter:
    """Import; what lowering refuses is computed by the host instead."""
    runtime = OnnxRuntime(file)
    hosted: dict[str, Unsupported] = {}
    while True:
        importer = OnnxImporter(file, name, runtime, hosted)
        try:
            importer.run()
            if strict:
                _refuse_host(importer.steps)
            lowered(importer.steps, importer.layers, name, [file.shape])
        except Unsupported as error:
            if strict or not error.node or error.node in hosted:
                raise ValueError(str(error)) from None
            hosted[error.node] = error
        else:
            return importer


def _refuse_host(steps: list[Step]) -> None:
    for step in steps:
        if step.arguments.get("reason"):
            raise ValueError(step.arguments["reason"])
