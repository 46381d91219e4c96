"""A folder of images, one folder per class, in the layout of torchvision's ImageFolder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .dataset import check_classes
from .photographs import PhotographDataset, files_digest

__all__ = ["folder"]

_ENDINGS = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}


def _classes(folder: Path) -> tuple[str, ...]:
    return tuple(
        sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    )


def _images(folder: Path) -> list[Path]:
    """All images below a folder, sorted by path."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _ENDINGS and path.name[0] != "." and path.is_file()
    )


def _split(root: Path, split: str) -> Path:
    """Return the folder of a split; ``val`` is accepted for ``test``."""
    names = ("train",) if split == "train" else ("test", "val")
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise ValueError(f"data must hold a folder {' or '.join(names)}, got {root}")


def folder(root: Path, split: str) -> PhotographDataset:
    """Return a split of a folder: ``root/train/CLASS/*``, ``root/test/CLASS/*`` (or ``val``).

    Parameters
    ----------
    root : Path
    split : str
        "train" or "test".

    Returns
    -------
    PhotographDataset
        Classes are the folders in ``train``, sorted by name; boxes are whole crops.

    Raises
    ------
    ValueError
        If folders or images are missing, or a class does not occur in ``train``.
    """
    classes = _classes(_split(root, "train"))
    if len(classes) < 2:
        raise ValueError(f"data must have at least 2 classes, got {len(classes)} in {root}")
    here = _split(root, split)
    for name in _classes(here):
        if name not in classes:
            raise ValueError(f"classes of {here} must be among those of train, got {name}")
    paths, labels = [], []
    for label, name in enumerate(classes):
        found = _images(here / name)
        paths += found
        labels += [label] * len(found)
    numbers = np.array(labels, np.int64)
    check_classes(numbers, len(classes), str(here))
    key = files_digest(paths, root, "folder", "\n".join(classes), numbers)
    return PhotographDataset(f"{root.name} ({split})", classes, numbers, tuple(paths), key)
