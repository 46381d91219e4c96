"""Which files are networks, and what they are called; does not import PyTorch."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ...runtime.errors import ToolchainError

if TYPE_CHECKING:
    from .network import FileNetwork

__all__ = ["check_file", "is_model_file", "load_file", "network_name"]

# packages that read the files of a suffix, and the extra that installs them with their runtime;
# PyTorch itself reads PT2E files
_PACKAGES = {
    ".onnx": (("onnx",), "onnx"),
    ".tflite": (("ai_edge_litert", "flatbuffers"), "tflite"),
    ".pt2": ((), "executorch"),
}


def is_model_file(spec: str) -> bool:
    """Whether a target or module names a model file."""
    return Path(spec).suffix.lower() in _PACKAGES


def network_name(spec: str) -> str:
    """Return the name of a file's network.

    Examples
    --------
    >>> network_name("models/resnet-50.int8.onnx")
    'resnet_50_int8'
    """
    name = re.sub(r"\W", "_", Path(spec).stem, flags=re.ASCII)
    return name if name[:1].isalpha() else f"net_{name}"


def check_file(spec: str) -> None:
    """Refuse a file that is not there, and one whose packages to read it are not installed.

    A runtime that is not installed is no reason: then the golden model runs the file alone.

    Raises
    ------
    ValueError
        If it is no file.
    ToolchainError
        If a package lacks; the message says how to install it.
    """
    path = Path(spec)
    if not path.is_file():
        what = "it is a folder" if path.is_dir() else "no such file"
        raise ValueError(f"target must be a readable file, got {spec}: {what}")
    names, extra = _PACKAGES[path.suffix.lower()]
    for name in names:
        if importlib.util.find_spec(name) is None:
            package, how = name.replace("_", "-"), f"pip install 'maccord[{extra}]'"
            raise ToolchainError(f"the package {package} is needed to read {path.name}: {how}")


def load_file(spec: str, *, strict: bool = False) -> FileNetwork:
    """Import a model file.

    Parameters
    ----------
    spec : str
        Its path.
    strict : bool
        Whether to refuse what the host would have to compute.

    Raises
    ------
    ValueError
        If it cannot be imported; the message names file, operator and reason.
    ToolchainError
        As `check_file`.
    """
    check_file(spec)
    path, name = Path(spec), network_name(spec)
    if path.suffix.lower() == ".tflite":
        from .tflite_network import load_tflite

        return load_tflite(path, name, strict=strict)
    if path.suffix.lower() == ".pt2":
        from .pt2_network import load_pt2

        return load_pt2(path, name, strict=strict)
    from .onnx_network import load_onnx

    return load_onnx(path, name, strict=strict)
