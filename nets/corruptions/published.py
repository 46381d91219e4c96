"""Published CIFAR-10-C and CIFAR-100-C, read instead of corrupting images anew.

`VARIABLE` names the folder: one ``.npy`` for each corruption, with the test images in order at
severities 1 to 5, one after the other, and ``labels.npy``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...runtime.cache import digest
from .tables import KINDS, SEVERITIES

__all__ = ["VARIABLE", "published", "source"]

VARIABLE = "MACCORD_CORRUPTED"  # environment variable, so that worker processes inherit it
_LABELS = "labels.npy"


def _folder() -> Path | None:
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not (folder / _LABELS).is_file():
        raise ValueError(
            f"{VARIABLE} must be a folder as CIFAR-10-C's, with {_LABELS} and a .npy for each "
            f"corruption, got {named}"
        )
    return folder


def source() -> str:
    """Identify the files: ``made``, or a hash of the labels and of the files' sizes.

    Raises
    ------
    ValueError
        If the folder has no labels.
    """
    folder = _folder()
    if folder is None:
        return "made"
    sizes = [f"{path.name} {path.stat().st_size}" for path in sorted(folder.glob("*.npy"))]
    return digest(folder / _LABELS, *sizes)[:12]


def published(
    kind: str, severity: int, images: Sequence[int], labels: npt.NDArray[np.int64]
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
    labels : ndarray of shape (N,), int64
        All labels of the test split, which the folder's must equal.

    Returns
    -------
    ndarray of shape (len(images), H, W, 3), float32, in 0..1

    Raises
    ------
    ValueError
        If the folder is not of this data set.
    """
    folder = _folder() if kind in KINDS else None
    if folder is None or not (folder / f"{kind}.npy").is_file():
        return None
    count = len(labels)
    whole = np.load(folder / f"{kind}.npy", mmap_mode="r")
    given = np.load(folder / _LABELS)
    if len(whole) != len(SEVERITIES) * count or not np.array_equal(given[:count], labels):
        raise ValueError(
            f"{VARIABLE} must hold the {count} test images of this data set at {len(SEVERITIES)} "
            f"severities, got {len(whole)} images of other labels or number in {folder}"
        )
    chosen = np.asarray(images) + (severity - 1) * count
    return whole[chosen].astype(np.float32) / np.float32(255)
