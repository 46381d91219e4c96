"""Loads an ONNX file as a network, with ONNX Runtime as its reference."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...golden.quantization import Quantization
from ..reference import Result
from .codes import file_codes, quantized, unsigned
from .loading import imported, weights_of
from .network import FileNetwork, FileReference
from .onnx_file import read_onnx
from .onnx_importer import OnnxImporter
from .onnx_runtime import OnnxRuntime, engine, not_asked

__all__ = ["load_onnx"]

Array = npt.NDArray[Any]
Image = npt.NDArray[np.float32]


class OnnxReference(FileReference):
    """ONNX Runtime on inputs of real numbers.

    Parameters
    ----------
    runtime : OnnxRuntime
    kinds : dict of str to Quantization
        Of each tensor of the file that a step or a result names.
    sources : sequence of Quantization
        Of the inputs; of those that nothing reads, any.
    """

    def __init__(
        self,
        runtime: OnnxRuntime,
        kinds: dict[str, Quantization],
        sources: Sequence[Quantization],
    ) -> None:
        self.engine, self.not_asked = engine(), not_asked()
        self._runtime = runtime
        self._kinds = kinds
        self._sources = sources

    def _inputs(self, image: tuple[Image, ...]) -> dict[str, Array]:
        """Return one of each input in the file's dtypes."""
        return {
            each.name: given
            if each.dtype == np.float32
            else file_codes(quantized(given, source), each.dtype)
            for each, given, source in zip(
                self._runtime.file.inputs, image, self._sources, strict=True
            )
        }

    def shown(self, image: tuple[Image, ...], names: Collection[str]) -> Mapping[str, Array]:
        """Return tensors as `FileReference`, an input of codes by its own name."""
        given = self._inputs(image)
        wanted = sorted(name for name in names if name not in given)
        found = self._runtime.run(list(given.values()), wanted) if wanted else []
        return given | dict(zip(wanted, found, strict=True))

    def run(self, image: tuple[Image, ...]) -> Sequence[Array]:
        """Return results as `FileReference`."""
        return self._runtime.run(list(self._inputs(image).values()))

    def result(self, name: str, tensor: Array) -> Result:
        """Return a tensor as `FileReference`; real values are those of codes."""
        kind = self._kinds[name]
        reals = tensor.dtype == np.float32  # nothing quantizes them in the file
        codes = quantized(tensor, kind) if reals else unsigned(tensor)
        if codes.ndim == 4:
            codes = np.moveaxis(codes, 1, -1)
        return Result(np.ascontiguousarray(codes), kind)

    def real(self, place: int, tensor: Array) -> Image:
        """Return real numbers as `FileReference`."""
        if tensor.dtype == np.float32:
            return tensor
        kind = self._kinds[self._runtime.file.outputs[place]]
        steps = unsigned(tensor).astype(np.float32) - np.float32(kind.zero_point)
        return np.float32(kind.scale) * steps


def load_onnx(path: Path, name: str, *, strict: bool = False) -> FileNetwork:
    """Import a file.

    Where the package onnxruntime is not installed, the package onnx computes shapes, tables and
    what the host has to, and the network says that the runtime is not asked.

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
        If the package onnx is not installed.
    """
    file = read_onnx(path)
    runtime = OnnxRuntime(file)
    importer, _ = imported(
        lambda hosted: OnnxImporter(file, name, runtime, hosted), file.shapes, strict=strict
    )
    steps = importer.steps
    kinds = {s.node: importer.kinds[s.name][0] for s in steps if s.node and s.op != "tail"}
    for output in file.outputs:
        value = importer.values[output]
        if hasattr(value, "step"):
            kinds[output] = importer.kinds[value.step][0]  # type: ignore[union-attr]
    sources = [Quantization(1.0, 0) for _ in file.inputs]
    for step in steps:
        if step.op == "quantize":
            sources[step.arguments["position"]] = importer.kinds[step.name][0]
    reference = OnnxReference(runtime, kinds, sources)
    names = tuple(each.name for each in file.inputs)
    return FileNetwork(
        name, weights_of(path), steps, importer.layers, file.shapes, reference, names
    )
