"""Results of tasks on disk, one file each, from which an interrupted run resumes."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import golden, nets, spec
from ..runtime.cache import digest, sources
from ..runtime.files import atomic_write
from .networks import split
from .work import IntegerTask, Task

__all__ = ["origin", "part_path", "read_part", "training_key", "write_part"]

_COMPUTING = ("gap", "landscape", "measures", "networks", "search", "work")
_DISTRIBUTIONS = ("torch", "numpy", "scipy", "pillow", "scikit-learn")


@cache
def origin() -> str:
    """Hash of what results depend on besides the task: code and libraries."""
    here = Path(__file__).parent
    versions = [f"{name} {metadata.version(name)}" for name in _DISTRIBUTIONS]
    files = [here / f"{name}.py" for name in _COMPUTING]
    return digest(sources(golden, nets, spec), *files, *versions)


@cache
def training_key(data: str, images: int, epochs: int, batch: int, seed: int) -> str:
    """Hash of what all trained weights of a pool depend on besides the hyperparameters."""
    numbers = f"{images} {epochs} {batch} {seed}"
    return digest(origin(), split(data, "train").digest, split(data, "test").digest, numbers)[:16]


def part_path(folder: Path, task: Task) -> Path:
    """Path of a task's result; its name encodes everything that it depends on."""
    trained = task.trained
    key = training_key(trained.data, trained.images, trained.epochs, trained.batch, trained.seed)
    plain = replace(task, trained=replace(trained, folder=Path(), data=""))
    if isinstance(plain, IntegerTask):
        plain = replace(plain, subject=None)  # follows from the rest
    kind = type(task).__name__.removesuffix("Task").lower()
    return folder / key / f"{trained.member.name}-{kind}-{digest(repr(plain))[:12]}.npz"


def write_part(path: Path, arrays: dict[str, Any]) -> None:
    """Write a result atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_part(path: Path) -> dict[str, npt.NDArray] | None:
    """Read a result; None if it is missing or damaged."""
    try:
        with path.open("rb") as whole, np.load(whole, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (FileNotFoundError, EOFError, zipfile.BadZipFile, KeyError, ValueError):
        return None  # damaged results are recomputed
