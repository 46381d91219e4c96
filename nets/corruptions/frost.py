"""Photographs for the corruption frost: the user's, or a procedural stand-in.

The published script cuts its frost from the first five of six photographs, which are not part of
this package. `VARIABLE` names a folder of photographs; without it, `stand_in` draws ice that has
about the same brightness, and results with it do not compare with published ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...runtime.cache import digest
from .tables import SMALL

if TYPE_CHECKING:
    from ..perturb import Perturbation

__all__ = ["VARIABLE", "check_photographs", "photographs", "source"]

VARIABLE = "MACCORD_FROST"  # environment variable, so that worker processes inherit it
_SUFFIXES = (".png", ".jpg", ".jpeg")
_COUNT = 5  # the published script never draws the sixth
_SHRINK = 0.2  # of photographs for small images, as in CIFAR-C
_EXTRA = 64  # pixels of a stand-in beyond the image
_SEED = 2019

Floats = npt.NDArray[np.float64]


def _files() -> tuple[Path, ...]:
    """Return the first photographs of the folder, by name; none without a folder.

    Raises
    ------
    ValueError
        If the folder has no photographs.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        return ()
    root = Path(folder).expanduser()
    listed = root.iterdir() if root.is_dir() else ()
    found = sorted(path for path in listed if path.suffix.lower() in _SUFFIXES)
    if not found:
        raise ValueError(
            f"{VARIABLE} must be a folder of photographs ({', '.join(_SUFFIXES)}), got {folder}"
        )
    return tuple(found[:_COUNT])


def source() -> str:
    """Identify the photographs: ``stand-in``, or a hash of the files' contents.

    Raises
    ------
    ValueError
        If the folder has no photographs.
    """
    files = _files()
    return digest(*files)[:12] if files else "stand-in"


def photographs(height: int, width: int) -> tuple[Floats, ...]:
    """Return photographs of frost, each larger than an image, in 0..1, float64.

    Raises
    ------
    ValueError
        If the folder has no photographs, or one is too small.
    """
    return _photographs(_files(), height, width)


def check_photographs(size: int, levels: Iterable[Perturbation | None]) -> None:
    """Read the photographs before any long work, if a level needs them.

    Parameters
    ----------
    size : int
        Width and height of the images, pixels.
    levels : iterable of Perturbation or None

    Raises
    ------
    ValueError
        If the folder has no photographs, or one is damaged or too small.
    """
    if any(level is not None and level.kind == "frost" for level in levels):
        photographs(size, size)


@lru_cache(maxsize=4)
def _photographs(files: tuple[Path, ...], height: int, width: int) -> tuple[Floats, ...]:
    if not files:
        return tuple(stand_in(max(height, width) + _EXTRA, index) for index in range(_COUNT))
    found = []
    for path in files:
        try:
            with Image.open(path) as image:
                picture = image.convert("RGB")
        except OSError as error:
            raise ValueError(f"{VARIABLE} must hold photographs, got {path}: {error}") from None
        least = [side / (_SHRINK if height <= SMALL else 1) for side in (width, height)]
        whole = f"{picture.width} x {picture.height}"
        if height <= SMALL:
            size = (round(picture.width * _SHRINK), round(picture.height * _SHRINK))
            picture = picture.resize(size, Image.Resampling.BILINEAR)
        if picture.width <= width or picture.height <= height:
            raise ValueError(
                f"{VARIABLE} must hold photographs of more than {least[0]:.0f} x {least[1]:.0f} "
                f"pixels for images of {width} x {height}, got {path} of {whole}"
            )
        found.append(np.asarray(picture) / 255)
    return tuple(found)


def stand_in(size: int, index: int) -> Floats:
    """Return ice needles on a pale blue ground: bright ridges of a plasma fractal, (size, size, 3).

    Parameters
    ----------
    size : int
        Pixels.
    index : int
        Different ones give different pictures.
    """
    from .weather import plasma

    rngs = [np.random.default_rng([_SEED, index, layer]) for layer in (0, 1)]
    coarse, fine = plasma(size, 1.7, rngs)[:, :size, :size]
    ridges = 1 - np.abs(2 * coarse - 1)
    ice = (0.35 + 0.5 * ridges**2 + 0.25 * (fine - 0.5)).clip(0, 1)
    return np.stack([0.86 * ice, 0.95 * ice, ice], axis=2)
