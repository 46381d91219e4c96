"""Loads a PT2E program as a network, with ExecuTorch as its reference."""

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
from ..int8 import check_image
from ..lower import lowered
from ..outputs import rows
from ..reference import Result
from ..unsupported import Unsupported
from .network import FileNetwork
from .pt2_archive import read_pt2
from .pt2_importer import Pt2Importer
from .pt2_runtime import ExecuTorch, engine

__all__ = ["load_program", "load_pt2"]

Image = npt.NDArray[np.float32]


class Pt2Reference:
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
        self.engine = engine()
        self._runtime = runtime
        self._kinds = kinds

    def tensors(self, image: Images, names: Collection[str]) -> dict[str, Result]:
        """Return the named quantized tensors for inputs (N, ...), float32."""
        (images,) = arrays_of(image)
        check_image(images)
        wanted = [name for name in self._kinds if name in names]
        nodes = list(dict.fromkeys(name.partition(":")[0] for name in wanted))
        each = [self._runtime.run(one[None], nodes) for one in images] if nodes else []
        joined = [np.concatenate(parts) for parts in zip(*each, strict=True)]
        tensors = dict(zip(nodes, joined, strict=True))
        found = {}
        for name in wanted:
            kind, (node, _, remark) = self._kinds[name], name.partition(":")
            codes = _codes(tensors[node], kind)
            if remark.startswith("crop"):
                top, bottom, left, right = map(int, remark.split()[1:])
                height, width = codes.shape[1] - bottom, codes.shape[2] - right
                codes = np.ascontiguousarray(codes[:, top:height, left:width])
            found[name] = Result(codes, kind)
        return found

    def results(self, images: Images) -> list[torch.Tensor]:
        """Return the program's results as real numbers, in order, by the program as it is."""
        (given,) = arrays_of(images)
        each = [self._runtime.run(image[None]) for image in given]
        return [torch.from_numpy(np.concatenate(parts)) for parts in zip(*each, strict=True)]

    def logits(self, image: Images) -> npt.NDArray[np.float32]:
        """Return all results of an input in one row."""
        return rows(self.results(image), len(arrays_of(image)[0]))


def _codes(tensor: npt.NDArray[Any], kind: Quantization) -> npt.NDArray[np.uint8]:
    """Return codes in the graph's order; of real values, those that a quantize node gives."""
    if tensor.dtype == np.float32:
        steps = np.rint(tensor / np.float32(kind.scale)) + np.float32(kind.zero_point)
        codes = np.clip(steps, 0, 255).astype(np.uint8)
    else:
        codes = tensor.view(np.uint8) ^ np.uint8(128)
    return np.ascontiguousarray(np.moveaxis(codes, 1, -1) if codes.ndim == 4 else codes)


def load_pt2(path: Path, name: str) -> FileNetwork:
    """Import a file of ``torch.export.save``.

    Parameters
    ----------
    path : Path
    name : str
        Of the network.

    Raises
    ------
    ValueError
        If the file cannot be imported.
    ToolchainError
        If ExecuTorch is not installed.
    """
    program = read_pt2(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return load_program(program, name, f"{path}, SHA-256 {digest}")


def load_program(
    program: torch.export.ExportedProgram, name: str, weights: str = "of the program"
) -> FileNetwork:
    """Import an exported program, quantized by PT2E with the XNNPACK quantizer.

    Parameters
    ----------
    program : ExportedProgram
        Of one image; from ``torch.export.export`` of what ``convert_pt2e`` returns.
    name : str
        Of the network.
    weights : str
        Description of the weights.

    Raises
    ------
    ValueError
        If it cannot be imported; the message names operator and reason.
    ToolchainError
        If ExecuTorch is not installed.
    """
    importer = Pt2Importer(program, name)
    try:
        importer.run()
        lowered(importer.steps, importer.layers, name, [importer.shape])
    except Unsupported as error:
        raise ValueError(str(error)) from None
    kinds = {step.node: importer.kinds[step.name] for step in importer.steps if step.node}
    reference = Pt2Reference(ExecuTorch(program, name), kinds)
    return FileNetwork(name, weights, importer.steps, importer.layers, importer.shape, reference)
