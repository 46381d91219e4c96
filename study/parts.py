"""WorkUnit results on disk, one file each, from which an interrupted study resumes."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .. import golden, nets, spec
from ..nets.corruptions.frost import source as frost_source
from ..nets.differences import Differences
from ..runtime.cache import digest, sources
from ..runtime.files import atomic_write
from .subject import Subject, dataset
from .work import Part, WorkUnit

__all__ = ["join", "key", "origin", "part_path", "read_part", "write_part"]

_DISTRIBUTIONS = ("torch", "numpy", "scipy", "pillow", "scikit-learn")
_LOGITS = "logits_"


@cache
def origin() -> str:
    """Hash of the code and libraries that results depend on."""
    here = Path(__file__).parent
    files = [here / f"{name}.py" for name in ("grid", "subject", "work")]
    versions = [f"{name} {metadata.version(name)}" for name in _DISTRIBUTIONS]
    return digest(sources(golden, nets, spec), *files, *versions)


@cache
def key(subject: Subject) -> str:
    """Hash of a network, its weights, its data and the code that computes results."""
    data = [dataset(subject.data, split).digest for split in ("train", "test")]
    shape = str(subject.architecture.outline())
    return digest(origin(), subject.name, shape, subject.weights, *data, str(subject.calibration))[
        :16
    ]


def part_path(folder: Path, task: WorkUnit) -> Path:
    """Path of a task's result; its name encodes everything that it depends on."""
    images = digest(np.array(task.images, np.int64))[:12]
    level = task.level.perturbation
    frost = [frost_source()] if level is not None and "frost" in level.kinds else []
    models = digest(" ".join(task.models), task.device, str(task.unpaired), *frost)[:8]
    place = folder / f"{task.subject.name}-{key(task.subject)}" / f"{task.level}@{task.seed}"
    return place / f"{task.images[0]}-{task.images[-1]}-{images}-{models}.npz"


def write_part(path: Path, part: Part) -> None:
    """Write a result atomically."""
    arrays: dict[str, Any] = {_LOGITS + name: logits for name, logits in part.logits.items()}
    arrays["moments"] = part.moments
    if part.differences is not None:
        found = part.differences
        arrays |= {"tensors": np.array(found.tensors), "sizes": found.sizes}
        arrays |= {"differing": found.differing, "largest": found.largest}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_part(path: Path) -> Part | None:
    """Read a result; None if it is missing or damaged."""
    try:
        with path.open("rb") as whole, np.load(whole, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        logits = {k.removeprefix(_LOGITS): v for k, v in arrays.items() if k.startswith(_LOGITS)}
        differences = None
        if "tensors" in arrays:
            names = tuple(map(str, arrays["tensors"]))
            counts = [arrays[name] for name in ("sizes", "differing", "largest")]
            differences = Differences(names, *counts)
        return Part(logits, differences, arrays["moments"])
    except (FileNotFoundError, EOFError, zipfile.BadZipFile, KeyError, ValueError):
        return None  # damaged results are recomputed


def join(parts: Sequence[Part]) -> Part:
    """Concatenate the results of several parts' images, with all their models."""
    models = dict.fromkeys(model for part in parts for model in part.logits)
    logits = {
        model: np.concatenate([part.logits[model] for part in parts if model in part.logits])
        for model in models
    }
    compared = [part.differences for part in parts if part.differences is not None]
    differences = sum(compared[1:], compared[0]) if compared else None
    return Part(logits, differences, np.sum([part.moments for part in parts], axis=0))
