"""Published CIFAR-C and ImageNet-C, read instead of corrupting images anew.

`VARIABLE` names the folder. Of CIFAR-10-C and CIFAR-100-C it has one ``.npy`` for each corruption,
with the test images in order at severities 1 to 5, one after the other, and ``labels.npy``. Of
ImageNet-C it has ``CORRUPTION/SEVERITY/CLASS/NAME.JPEG``, as `published_files` describes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...runtime.cache import digest
from ..data.dataset import Dataset
from ..perturb import Perturbation
from . import published_files
from .tables import KINDS, SEVERITIES

__all__ = ["VARIABLE", "check_published", "published", "source"]

VARIABLE = "MACCORD_CORRUPTED"  # environment variable, so that worker processes inherit it
_LABELS = "labels.npy"


def _folder() -> Path | None:
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    arrays = (folder / _LABELS).is_file() and any((folder / f"{k}.npy").is_file() for k in KINDS)
    if not arrays and not published_files.kinds(folder):
        raise ValueError(
            f"{VARIABLE} must be a folder as CIFAR-10-C's, with {_LABELS} and a .npy for each "
            "corruption, or as ImageNet-C's, with CORRUPTION/SEVERITY/CLASS/NAME.JPEG, "
            f"got {named}"
        )
    return folder


def _arrays(folder: Path) -> bool:
    return (folder / _LABELS).is_file()


def source() -> str:
    """Identify the files: ``made``, or a hash of the labels and of the files' names and sizes.

    Raises
    ------
    ValueError
        If the folder has neither layout.
    """
    folder = _folder()
    if folder is None:
        return "made"
    if not _arrays(folder):
        return published_files.identity(folder)[:12]
    sizes = [f"{path.name} {path.stat().st_size}" for path in sorted(folder.glob("*.npy"))]
    return digest(folder / _LABELS, *sizes)[:12]


def check_published(data: Dataset, levels: Iterable[Perturbation | None]) -> None:
    """Read the first and the last image of each level, before any long work.

    Parameters
    ----------
    data : Dataset
        Test split.
    levels : iterable of Perturbation or None
        Corruptions that the folder lacks are not checked.

    Raises
    ------
    ValueError
        If the folder is not of this data set, or files are missing or damaged.
    """
    for level in levels:
        if level is not None:
            published(level.kind, int(level.level), (0, len(data) - 1), data)


def published(
    kind: str, severity: int, images: Sequence[int], data: Dataset
) -> npt.NDArray[np.float32] | None:
    """Return published images; None if there is no folder, or it lacks the corruption.

    Parameters
    ----------
    kind : str
        Perturbation; other than corruptions are never there.
    severity : int
        1 to 5.
    images : sequence of int
        Indices in the test split.
    data : Dataset
        Test split, whose labels, or names of files, the folder must have.

    Returns
    -------
    ndarray of shape (len(images), H, W, 3), float32, in 0..1

    Raises
    ------
    ValueError
        If the folder is not of this data set, or files are missing or damaged.
    """
    folder = _folder() if kind in KINDS else None
    if folder is None:
        return None
    if not _arrays(folder):
        return published_files.published(folder, kind, severity, images, data, VARIABLE)
    if not (folder / f"{kind}.npy").is_file():
        return None
    count = len(data)
    whole, given = (_opened(folder / name) for name in (f"{kind}.npy", _LABELS))
    if len(whole) != len(SEVERITIES) * count or not np.array_equal(given[:count], data.labels):
        raise ValueError(
            f"{VARIABLE} must hold the {count} test images of this data set at {len(SEVERITIES)} "
            f"severities, got {len(whole)} images of other labels or number in {folder}"
        )
    shape = (data.size, data.size, 3)
    if whole.shape[1:] != shape or whole.dtype != np.uint8:
        raise ValueError(
            f"{VARIABLE} must hold images of {shape} in uint8, got {whole.shape[1:]} in "
            f"{whole.dtype} in {folder / kind}.npy"
        )
    chosen = np.asarray(images) + (severity - 1) * count
    return whole[chosen].astype(np.float32) / np.float32(255)


def _opened(path: Path) -> npt.NDArray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{VARIABLE} must hold arrays of NumPy, got {path}: {error}") from None
