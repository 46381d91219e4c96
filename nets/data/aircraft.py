"""FGVC-Aircraft (Maji et al. 2013, arXiv:1306.5151) from its own folder, families as classes.

Families, boxes and splits are taken from its files. According to its README, pixels are counted
from (1, 1), boxes are (xmin, ymin, xmax, ymax), and the bottom 20 rows of each image are a banner
with the photographer's name, to be removed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from .dataset import Labels, check_classes
from .photographs import PhotographDataset, files_digest

__all__ = ["aircraft"]

_BANNER = 20
_WHERE = "data must be the folder of FGVC-Aircraft, fgvc-aircraft-2013b"


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ValueError(f"{_WHERE}, got {path}: {reason}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _folder(root: Path) -> Path:
    """Return the folder with the lists; `root` may be it or a folder above it."""
    for folder in (root, root / "data", root / "fgvc-aircraft-2013b" / "data"):
        if (folder / "families.txt").is_file():
            return folder
    raise ValueError(f"{_WHERE}, got {root}, which lacks data/families.txt")


def _labelled(path: Path, families: list[str]) -> tuple[list[str], Labels]:
    """Names and labels of a split, from lines with a name and a family."""
    numbers = {family: number for number, family in enumerate(families)}
    names, labels = [], []
    for line in _lines(path):
        name, _, family = line.partition(" ")
        if family.strip() not in numbers:
            raise ValueError(
                f"{path} must hold names and families of families.txt, got the line {line!r}"
            )
        names.append(name)
        labels.append(numbers[family.strip()])
    return names, np.array(labels, np.int64)


def _boxes(path: Path, names: list[str]) -> npt.NDArray[np.int64]:
    """Boxes (N, 4) of the named images, zero-based, with exclusive ends."""
    found = {}
    for line in _lines(path):
        name, *numbers = line.split()
        if len(numbers) != 4 or not all(number.isdecimal() for number in numbers):
            raise ValueError(f"{path} must hold a name and four numbers, got the line {line!r}")
        x0, y0, x1, y1 = (int(number) for number in numbers)
        if not (1 <= x0 <= x1 and 1 <= y0 <= y1):
            raise ValueError(f"{path} must hold boxes from 1 on, in order, got the line {line!r}")
        found[name] = (x0 - 1, y0 - 1, x1, y1)
    for name in names:
        if name not in found:
            raise ValueError(f"{path} must hold a box of each image, got none of {name}")
    return np.array([found[name] for name in names], np.int64).reshape(-1, 4)


def aircraft(root: Path, split: str) -> PhotographDataset:
    """Return a split of FGVC-Aircraft.

    Parameters
    ----------
    root : Path
        The unpacked ``fgvc-aircraft-2013b``, or its folder ``data``.
    split : str
        "train" (3,334 images, as the thesis trained on; not "trainval") or "test" (3,333).

    Returns
    -------
    PhotographDataset

    Raises
    ------
    ValueError
        If a list or an image is missing, or a line is malformed.
    """
    folder = _folder(root)
    families = _lines(folder / "families.txt")
    names, labels = _labelled(folder / f"images_family_{split}.txt", families)
    check_classes(labels, len(families), str(folder / f"images_family_{split}.txt"))
    boxes = _boxes(folder / "images_box.txt", names)
    paths = tuple(folder / "images" / f"{name}.jpg" for name in names)
    key = files_digest(paths, folder, "aircraft", "\n".join(families), labels, boxes)
    return PhotographDataset(
        f"FGVC-Aircraft ({split})", tuple(families), labels, paths, key, boxes, _BANNER
    )
