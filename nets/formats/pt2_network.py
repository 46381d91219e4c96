"""Loads a PT2E program as a network, with ExecuTorch as its reference."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...golden.quantization import Quantization
from ..reference import Result
from .codes import quantized, unsigned
from .loading import imported, weights_of
from .network import FileNetwork, FileReference
from .pt2_archive import read_pt2
from .pt2_importer import Pt2Importer
from .pt2_runtime import ExecuTorch, engine, not_asked

__all__ = ["load_program", "load_pt2"]

Array = npt.NDArray[Any]
Image = npt.NDArray[np.float32]


class Pt2Reference(FileReference):
    """ExecuTorch on inputs of real numbers.

    Parameters
    ----------
    runtime : ExecuTorch
    kinds : dict of str to Quantization
        By what a step has as its node: the name of a node, of codes or of real values that are
        quantized later; or the name, a colon and a remark, for the same codes read otherwise:
        ``crop`` and the rows and columns of padding on each side, or the zero point.
    """

    def __init__(self, runtime: ExecuTorch, kinds: dict[str, Quantization]) -> None:
        self.engine, self.not_asked = engine(), not_asked()
        self._runtime = runtime
        self._kinds = kinds

    def shown(self, image: tuple[Image, ...], names: Collection[str]) -> Mapping[str, Array]:
        """Return tensors as `FileReference`."""
        wanted = [name for name in self._kinds if name in names]
        nodes = list(dict.fromkeys(name.partition(":")[0] for name in wanted))
        run = self._runtime.ahead if self.not_asked else self._runtime.run
        found = run(image, nodes) if nodes else []
        tensors = dict(zip(nodes, found, strict=True))
        return {name: tensors[name.partition(":")[0]] for name in wanted}

    def run(self, image: tuple[Image, ...]) -> Sequence[Array]:
        """Return results as `FileReference`."""
        return self._runtime.run(image)

    def result(self, name: str, tensor: Array) -> Result:
        """Return a tensor as `FileReference`; of real values, the codes of a quantize node."""
        kind, remark = self._kinds[name], name.partition(":")[2]
        codes = quantized(tensor, kind) if tensor.dtype == np.float32 else unsigned(tensor)
        codes = np.moveaxis(codes, 1, -1) if codes.ndim == 4 else codes
        if remark.startswith("crop"):
            top, bottom, left, right = map(int, remark.split()[1:])
            height, width = codes.shape[1] - bottom, codes.shape[2] - right
            codes = codes[:, top:height, left:width]
        return Result(np.ascontiguousarray(codes), kind)

    def real(self, place: int, tensor: Array) -> Image:
        """Return real numbers as `FileReference`."""
        return tensor


def load_pt2(path: Path, name: str, *, strict: bool = False) -> FileNetwork:
    """Import a file of ``torch.export.save``; parameters and errors as `load_program`.

    Parameters
    ----------
    path : Path
    name : str
    strict : bool
    """
    return load_program(read_pt2(path), name, weights_of(path), strict=strict)


def load_program(
    program: torch.export.ExportedProgram,
    name: str,
    weights: str = "of the program",
    *,
    strict: bool = False,
) -> FileNetwork:
    """Import an exported program, quantized by PT2E with the XNNPACK quantizer.

    Where ExecuTorch is not installed, PyTorch computes tables, and the network says that ExecuTorch
    is not asked.

    Parameters
    ----------
    program : ExportedProgram
        Of one image; from ``torch.export.export`` of what ``convert_pt2e`` returns.
    name : str
        Of the network.
    weights : str
        Description of the weights.
    strict : bool
        Whether to refuse what the host would have to compute.

    Raises
    ------
    ValueError
        If it cannot be imported; the message names operator and reason.
    """
    shapes = [Pt2Importer(program, name, {}).shape]
    importer, _ = imported(lambda hosted: Pt2Importer(program, name, hosted), shapes, strict=strict)
    kinds = {step.node: importer.kinds[step.name] for step in importer.steps if step.node}
    reference = Pt2Reference(ExecuTorch(program, name), kinds)
    names = (importer.input.name,)
    return FileNetwork(
        name, weights, importer.steps, importer.layers, (importer.shape,), reference, names
    )
