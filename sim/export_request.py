"""Options of `maccord export`, and their validation before PyTorch is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..nets.transformer.names import refuse_transformer
from ..runtime.extras import extra_module
from ..runtime.files import check_writable
from .inputs import Inputs, check_inputs, check_targets
from .request import check_cache

__all__ = ["ExportRequest", "check"]


@dataclass(frozen=True)
class ExportRequest:
    """The options of `maccord export`, as `cli.export` documents them."""

    target: str
    path: Path
    inputs: Inputs = Inputs()


def check(request: ExportRequest) -> None:
    """Reject invalid options and unwritable outputs before any computation.

    Raises
    ------
    ValueError
        Naming the option.
    """
    target, module = request.target, request.inputs.module
    if not (target or module):
        raise ValueError("target must be a network, or there must be a module; got none")
    if "." in target:
        raise ValueError(f"target must be a whole network, got {target}")
    if not module:
        refuse_transformer(target)
    check_targets((target,) if target else (), module)
    check_inputs(request.inputs)
    if request.path.suffix.lower() != ".onnx":
        raise ValueError(f"onnx must be a file that ends in .onnx, got {request.path}")
    check_writable("onnx", "file", request.path, request.path)
    check_cache()
    for name in ("onnx", "onnxruntime"):
        extra_module(name, "onnx", "to export ONNX files")
