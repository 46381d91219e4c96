"""The outcome of a run, and its JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..runtime.files import atomic_write
from .network.results import NetworkResult

__all__ = [
    "CLEAN",
    "GENERATED",
    "Outcome",
    "Verdict",
    "file_stem",
    "result_path",
    "save",
    "write_json",
]

CLEAN = "clean"
GENERATED = "generated"


class Verdict(IntEnum):
    """How a run ended; values are the command's exit codes."""

    AGREES = 0
    MISMATCH = 1
    BAD_INPUT = 2
    FAILED = 3  # could not run, or hung


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome of one task.

    Parameters
    ----------
    verdict : Verdict
    result : NetworkResult, optional
        None if the simulation gave no valid result.
    equal : int
        Outputs equal in all three engines.
    codes : int
        Distinct output codes of the RTL, 1 to 256.
    problems : tuple of str
        One sentence each: an explained mismatch, or why there is no result.
    waves : Path, optional
        Recorded waveforms.
    golden, rtl : mapping of str to ndarray, uint8
        Tensors by name, if the task keeps them.
    """

    verdict: Verdict
    result: NetworkResult | None = None
    equal: int = 0
    codes: int = 0
    problems: tuple[str, ...] = ()
    waves: Path | None = None
    golden: Mapping[str, npt.NDArray[np.uint8]] = field(default_factory=dict)
    rtl: Mapping[str, npt.NDArray[np.uint8]] = field(default_factory=dict)


def file_stem(name: str, perturbation: str) -> str:
    """Name of a result's files: the layer's or network's, then the perturbation unless clean."""
    if perturbation == CLEAN:
        return name
    return f"{name}@{perturbation.replace(':', '-')}"


def result_path(folder: Path, layer: str, perturbation: str) -> Path:
    """Return the path to which `save` writes a result under `folder`."""
    return folder / f"{file_stem(layer, perturbation)}.json"


def save(folder: Path, result: NetworkResult) -> Path:
    """Write one result to its file under `folder` and return the path."""
    path = result_path(folder, result.layer, result.perturbation)
    _write(path, result.fields())
    return path


def write_json(path: Path, results: Sequence[NetworkResult]) -> None:
    """Write one object, or a list of them when there are several results."""
    objects = [result.fields() for result in results]
    _write(path, objects[0] if len(objects) == 1 else objects)


def _write(path: Path, content: object) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
