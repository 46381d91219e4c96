"""Differences between fake quantization (``frozen``) and true INT8, by tensor and level."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from ..nets.differences import Differences
from ..runtime.files import atomic_write
from .rows import level_text

__all__ = ["TensorDifference", "lines", "read_differences", "write_differences"]


@dataclass(frozen=True)
class TensorDifference:
    """One tensor at one level, over all images.

    Parameters
    ----------
    network, perturbation : str
    level : float
    index : int
        Position in the order of execution, from 0.
    tensor : str
    codes, differing : int
        Number of activation codes, and of differing ones.
    images, images_parting_here : int
        Number of images, and of those that first differ at this tensor.
    largest : int
        Largest absolute difference of two codes.
    """

    network: str
    perturbation: str
    level: float
    index: int
    tensor: str
    codes: int
    differing: int
    images: int
    images_parting_here: int
    largest: int

    def __post_init__(self) -> None:
        for part, whole in (("differing", "codes"), ("images_parting_here", "images")):
            if not 0 <= getattr(self, part) <= getattr(self, whole):
                raise ValueError(
                    f"{part} of {self.tensor} must be between 0 and {whole}, "
                    f"{getattr(self, whole)}, got {getattr(self, part)}"
                )


_FIELDS = {field.name: {"str": str, "float": float, "int": int}[str(field.type)]
           for field in fields(TensorDifference)}  # fmt: skip


def write_differences(path: Path, differences: Iterable[TensorDifference]) -> None:
    """Write ``differences.csv`` atomically."""
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_FIELDS)
        for line in differences:
            entries = [getattr(line, name) for name in _FIELDS]
            entries[2] = level_text(line.level)
            writer.writerow(entries)


def read_differences(path: Path) -> list[TensorDifference]:
    """Read a file written by `write_differences`.

    Raises
    ------
    ValueError
        If a line is malformed.
    """
    with path.open(newline="") as file:
        reader = csv.reader(file)
        header = next(reader, None)
        if header != list(_FIELDS):
            raise ValueError(f"{path} must begin with {','.join(_FIELDS)}, got {header}")
        found = []
        for entries in reader:
            try:
                pairs = zip(_FIELDS.items(), entries, strict=True)
                values = {name: kind(entry) for (name, kind), entry in pairs}
                found.append(TensorDifference(**values))
            except ValueError as error:
                line = reader.line_num
                raise ValueError(f"{path}, line {line}, must be a tensor's: {error}") from None
        return found


def lines(
    network: str, perturbation: str, level: float, found: Differences
) -> list[TensorDifference]:
    """Return one line per compared tensor.

    Parameters
    ----------
    network, perturbation : str
    level : float
    found : Differences
        For all images at this level.
    """
    return [
        TensorDifference(
            *(network, perturbation, level, index, tensor),
            codes=int(found.sizes[index]) * found.images,
            differing=int(found.differing[:, index].sum()),
            images=found.images,
            images_parting_here=int(found.parting[index]),
            largest=int(found.largest[:, index].max(initial=0)),
        )
        for index, tensor in enumerate(found.tensors)
    ]
