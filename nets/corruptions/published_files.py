"""ImageNet-C's folders: ``CORRUPTION/SEVERITY/CLASS/NAME.JPEG``, images of 224 x 224.

The archives unpack to such folders; those of a group, as ``blur/defocus_blur``, may stand one level
deeper. An image belongs to the test image with the same class and name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...runtime.cache import digest
from ..data.dataset import Dataset
from ..data.photographs import PhotographDataset
from ..images import as_rgb
from .tables import KINDS, SEVERITIES

__all__ = ["identity", "kinds", "published"]

_ENDINGS = (".JPEG", ".jpeg", ".jpg", ".JPG", ".png")


@cache
def kinds(folder: Path) -> dict[str, Path]:
    """Return the folder of each corruption that is there."""
    if not folder.is_dir():
        return {}
    groups = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    found = {}
    for kind in KINDS:
        places = [group / kind for group in groups if (group / kind).is_dir()]
        if places:
            found[kind] = places[0]
    return found


def identity(folder: Path) -> str:
    """Hash of the corruptions, their severities, and their classes."""
    names = []
    for kind, place in kinds(folder).items():
        for severity in SEVERITIES:
            here = place / str(severity)
            classes = sorted(path.name for path in here.iterdir()) if here.is_dir() else []
            names.append(f"{kind} {severity} {' '.join(classes)}")
    return digest("\n".join(names))


def published(
    folder: Path, kind: str, severity: int, images: Sequence[int], data: Dataset, variable: str
) -> npt.NDArray[np.float32] | None:
    """Return published images (N, H, W, 3), float32 in 0..1; None if the corruption is not there.

    Parameters
    ----------
    folder : Path
    kind : str
    severity : int
    images : sequence of int
        Indices in the test split.
    data : Dataset
        Test split.
    variable : str
        Environment variable that named the folder, for messages.

    Raises
    ------
    ValueError
        If the data has no files, or an image is missing, damaged or of another size.
    """
    place = kinds(folder).get(kind)
    if place is None:
        return None
    if not isinstance(data, PhotographDataset):
        raise ValueError(
            f"{variable} must be a folder as CIFAR-10-C's for {data.name}, got {folder}, which is "
            "as ImageNet-C's: its images belong to files of folder:PATH"
        )
    found = np.empty((len(images), data.size, data.size, 3), np.float32)
    for row, index in enumerate(images):
        name = data.classes[int(data.labels[index])], data.paths[index].stem
        found[row] = _read(place / str(severity), *name, data.size, variable)
    return found


def _read(place: Path, label: str, stem: str, size: int, variable: str) -> npt.NDArray[np.float32]:
    paths = [place / label / f"{stem}{ending}" for ending in _ENDINGS]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise ValueError(f"{variable} must hold every test image, got no {paths[0]}")
    try:
        with Image.open(path) as file:
            pixels = np.asarray(as_rgb(file))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{variable} must hold readable images, got {path}: {error}") from None
    if pixels.shape != (size, size, 3):
        raise ValueError(
            f"{variable} must hold images of {size} x {size} pixels, as published, got "
            f"{pixels.shape[1]} x {pixels.shape[0]} in {path}"
        )
    return pixels.astype(np.float32) / np.float32(255)
