"""Labels and logits of each model at one level, e.g. ``NETWORK/awgn_0.1.npz``.

All results can be recomputed from these files: ``labels`` (N,), and ``logits_MODEL`` (N, classes),
with ``_`` for ``-`` in the model's name. Four further arrays are optional: ``scale`` and
``zero_point`` of the logits' codes; per image ``differing``, the number of activation codes that
differ between ``frozen`` and ``int8``; and ``codes``, the number of activation codes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..runtime.files import atomic_write
from .rows import MODELS, level_text

__all__ = ["Sample", "read_sample", "read_samples", "write_sample"]

_PREFIX = "logits_"


@dataclass(frozen=True, eq=False)
class Sample:
    """One network at one level of one perturbation.

    Parameters
    ----------
    network, perturbation : str
    level : float
        0 for ``clean``.
    labels : ndarray of shape (N,), int64
        In 0..classes - 1.
    logits : mapping from str to ndarray of shape (N, classes), float32
        Keyed by model, any of `MODELS`; at least two classes, the same number in all.
    scale : float, optional
        Scale of the codes of ``int8``'s and ``frozen``'s logits.
    zero_point : int
    differing : ndarray of shape (N,), int64, optional
        Number of an image's activation codes that differ between ``frozen`` and ``int8``.
    codes : int
        Number of activation codes per image; required with `differing`.

    Raises
    ------
    ValueError
        If the arrays do not fit together.
    """

    network: str
    perturbation: str
    level: float
    labels: npt.NDArray[np.int64]
    logits: Mapping[str, npt.NDArray[np.float32]]
    scale: float | None = None
    zero_point: int = 0
    differing: npt.NDArray[np.int64] | None = None
    codes: int = 0

    def __post_init__(self) -> None:
        where = f"{self.network}, {self.perturbation} {level_text(self.level)}"
        unknown = sorted(set(self.logits) - set(MODELS))
        if unknown or not self.logits:
            got = ", ".join(unknown) or "none"
            raise ValueError(f"{where}: models must be of {', '.join(MODELS)}, got {got}")
        images = len(self.labels)
        shapes = {logits.shape for logits in self.logits.values()}
        shape = next(iter(shapes))
        if images < 1 or len(shapes) > 1 or len(shape) != 2 or shape[0] != images or shape[1] < 2:
            raise ValueError(
                f"{where}: logits must have the shape ({images}, 2 classes or more), "
                f"got {', '.join(map(str, sorted(shapes)))}"
            )
        if self.labels.min() < 0 or self.labels.max() >= self.classes:
            raise ValueError(
                f"{where}: labels must be between 0 and {self.classes - 1}, "
                f"got {self.labels.min()} to {self.labels.max()}"
            )
        for model, logits in self.logits.items():
            if not np.isfinite(logits).all():
                raise ValueError(f"{where}: logits of {model} must be finite")
        if self.differing is not None and (self.differing.shape != (images,) or self.codes < 1):
            raise ValueError(
                f"{where}: differing must be one count for each of {images} images, with codes "
                f"above 0, got the shape {self.differing.shape} and {self.codes}"
            )

    @property
    def classes(self) -> int:
        """Number of classes."""
        return next(iter(self.logits.values())).shape[1]

    @property
    def models(self) -> list[str]:
        """Models with logits, in the order of `MODELS`."""
        return [model for model in MODELS if model in self.logits]


def write_sample(folder: Path, sample: Sample) -> Path:
    """Write ``folder/NETWORK/PERTURBATION_LEVEL.npz`` atomically; return its path."""
    arrays: dict[str, Any] = {"labels": sample.labels}
    arrays |= {_PREFIX + name.replace("-", "_"): sample.logits[name] for name in sample.models}
    if sample.scale is not None:
        arrays |= {"scale": np.float64(sample.scale), "zero_point": np.int64(sample.zero_point)}
    if sample.differing is not None:
        arrays |= {"differing": sample.differing, "codes": np.int64(sample.codes)}
    name = f"{sample.perturbation}_{level_text(sample.level)}.npz"
    path = folder / sample.network / name
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)
    return path


def read_sample(path: Path) -> Sample:
    """Read one file; perturbation and level are taken from its name, the network from its folder.

    Raises
    ------
    ValueError
        If name or content are not as in `write_sample`.
    """
    perturbation, _, level = path.stem.rpartition("_")
    try:
        with path.open("rb") as stream, np.load(stream) as file:  # also closes damaged files
            arrays = {name: file[name] for name in file.files}
        return Sample(
            network=path.parent.name,
            perturbation=perturbation,
            level=float(level),
            labels=arrays["labels"],
            logits={
                name.removeprefix(_PREFIX).replace("_", "-"): array
                for name, array in arrays.items()
                if name.startswith(_PREFIX)
            },
            scale=float(arrays["scale"]) if "scale" in arrays else None,
            zero_point=int(arrays.get("zero_point", 0)),
            differing=arrays.get("differing"),
            codes=int(arrays.get("codes", 0)),
        )
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} must be a file of logits: {error}") from None


def read_samples(folder: Path) -> list[Sample]:
    """Read all files below ``folder``: networks by name, ``clean`` first, then by level."""
    samples = [read_sample(path) for path in folder.glob("*/*.npz") if path.name[0] != "."]
    return sorted(samples, key=lambda s: (s.network, s.level != 0, s.perturbation, s.level))
