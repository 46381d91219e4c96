"""Quantized networks on disk: one uncompressed .npz each, without pickles.

A file holds the state of PyTorch's converted network (see `converted_state`) and the imported
steps and layers. Arrays with identical bytes are stored once.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .. import nets
from ..golden import graph, quantization
from ..golden.array import requantize
from ..golden.graph import Conv2d, Layer, Linear, Quantization
from ..golden.operations.conv_transpose2d import ConvTranspose2d
from ..runtime.cache import digest, sources
from ..runtime.files import atomic_write
from .int8 import Step

__all__ = ["State", "read", "source_digest", "write"]

_ARRAYS = ("weight", "bias", "bias_q", "weight_scale", "multiplier")
_DISTRIBUTIONS = ("torch", "numpy", "pillow", "scikit-learn")
_KINDS = (Conv2d, Linear, ConvTranspose2d)
_STATE = "state"  # folder of the converted network's arrays


@dataclass(frozen=True, eq=False)
class State:
    """The stored state of a network.

    Parameters
    ----------
    steps : list of Step
        In order of execution; the last yields the logits.
    layers : dict of str to Layer
        Keyed by the names in the "layer" steps.
    about : dict
        Further JSON values.
    arrays : dict of str to ndarray
        State of PyTorch's converted network.
    """

    steps: list[Step]
    layers: dict[str, Layer]
    about: dict
    arrays: dict[str, np.ndarray]


@cache
def source_digest() -> str:
    """Hash of what a quantized network depends on besides its inputs: code and libraries."""
    imported = [Path(str(module.__file__)) for module in (graph, quantization, requantize)]
    versions = [f"{name} {metadata.version(name)}" for name in _DISTRIBUTIONS]
    return digest(sources(nets), *imported, *versions)


def write(path: Path, state: State) -> None:
    """Write a network atomically."""
    arrays = {f"{_STATE}/{key}": array for key, array in state.arrays.items()}
    plain = []
    for layer in state.layers.values():
        fields = {name: value for name, value in vars(layer).items() if name not in _ARRAYS}
        fields["input"], fields["output"] = asdict(layer.input), asdict(layer.output)
        plain.append({"kind": type(layer).__name__, **fields})
        for name in _ARRAYS:
            arrays[f"{layer.name}/{name}"] = getattr(layer, name)
    first: dict[str, str] = {}  # names of arrays by their bytes
    places = {name: first.setdefault(digest(array), name) for name, array in arrays.items()}
    kept = {name: array for name, array in arrays.items() if places[name] == name}
    head = {
        "steps": [asdict(step) for step in state.steps],
        "layers": plain,
        "about": state.about,
        "places": places,
    }
    kept["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **kept)  # pyright: ignore[reportArgumentType]


def _layer(fields: dict, arrays: dict[str, np.ndarray]) -> Layer:
    kind: Any = {each.__name__: each for each in _KINDS}[fields.pop("kind")]
    for name in ("input", "output"):
        fields[name] = Quantization(**fields[name])
    for name in ("stride", "padding", "dilation", "limits", "end_padding", "output_padding"):
        if fields.get(name) is not None:
            fields[name] = tuple(fields[name])
    loaded = {name: arrays[f"{fields['name']}/{name}"] for name in _ARRAYS}
    return kind(**fields, **loaded)


def read(path: Path) -> State | None:
    """Return a stored network; None if the file is missing or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            head = json.loads(stored["head"].tobytes())
            kept = {name: stored[name] for name in stored.files}
        arrays = {name: kept[place] for name, place in head["places"].items()}
        layers = {fields["name"]: _layer(dict(fields), arrays) for fields in head["layers"]}
    except (FileNotFoundError, EOFError, zipfile.BadZipFile, KeyError, ValueError, TypeError):
        return None  # damaged files are rebuilt
    steps = [Step(**{**step, "inputs": tuple(step["inputs"])}) for step in head["steps"]]
    folder = f"{_STATE}/"
    own = {name[len(folder) :]: a for name, a in arrays.items() if name.startswith(folder)}
    return State(steps, layers, head["about"], own)
