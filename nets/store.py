"""Quantized networks on disk: one uncompressed .npz each, without pickles."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np

from .. import nets
from ..golden import graph, requantize
from ..golden.graph import Conv2d, Layer, Linear, Quantization
from ..runtime.cache import digest, sources
from ..runtime.files import atomic_write
from .int8 import Step

__all__ = ["read", "source_digest", "write"]

_ARRAYS = ("weight", "bias", "bias_q", "weight_scale", "multiplier")
_DISTRIBUTIONS = ("torch", "numpy", "pillow", "scikit-learn")
State = tuple[list[Step], dict[str, Layer], dict]


@cache
def source_digest() -> str:
    """Hash of what a quantized network depends on besides its inputs: our code, the libraries."""
    imported = [Path(str(module.__file__)) for module in (graph, requantize)]
    versions = [f"{name} {metadata.version(name)}" for name in _DISTRIBUTIONS]
    return digest(sources(nets), *imported, *versions)


def write(path: Path, steps: list[Step], layers: dict[str, Layer], about: dict) -> None:
    """Write a network, atomically: another process sees the whole file or none.

    Parameters
    ----------
    path : Path
    steps, layers
        As in `int8.Int8Network`.
    about : dict
        Further JSON values to keep.
    """
    arrays = {}
    plain = []
    for layer in layers.values():
        fields = {name: value for name, value in vars(layer).items() if name not in _ARRAYS}
        fields["input"], fields["output"] = asdict(layer.input), asdict(layer.output)
        plain.append({"kind": type(layer).__name__, **fields})
        for name in _ARRAYS:
            arrays[f"{layer.name}/{name}"] = getattr(layer, name)
    head = {"steps": [asdict(step) for step in steps], "layers": plain, "about": about}
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def _layer(fields: dict, arrays: np.lib.npyio.NpzFile) -> Layer:
    kind = {"Conv2d": Conv2d, "Linear": Linear}[fields.pop("kind")]
    for name in ("input", "output"):
        fields[name] = Quantization(**fields[name])
    for name in ("stride", "padding", "dilation", "limits"):
        if name in fields:
            fields[name] = tuple(fields[name])
    loaded = {name: arrays[f"{fields['name']}/{name}"] for name in _ARRAYS}
    return kind(**fields, **loaded)


def read(path: Path) -> State | None:
    """Steps, layers and further values of a written network; None if no whole file is there."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            head = json.loads(arrays["head"].tobytes())
            layers = {fields["name"]: _layer(dict(fields), arrays) for fields in head["layers"]}
    except (FileNotFoundError, EOFError, zipfile.BadZipFile, KeyError, ValueError, TypeError):
        return None  # damaged files are built anew
    steps = [Step(**{**step, "inputs": tuple(step["inputs"])}) for step in head["steps"]]
    return steps, layers, head["about"]
