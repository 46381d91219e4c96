"""Data sets of image files, resized and cropped on demand, with boxes transformed to match."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...runtime.cache import digest
from ..images import SIZE, as_rgb, center_crop, resize, unreadable
from .dataset import Box, Crop, Labels

__all__ = ["PhotographDataset", "files_digest", "move_box"]

_LEAST = 6  # minimum side of a box, pixels: six streaks must fit


def move_box(box: Box, size: tuple[int, int]) -> Box:
    """Transform a box from image pixels to crop pixels.

    Parameters
    ----------
    box : tuple (x0, y0, x1, y1)
        In image pixels, x1 and y1 exclusive.
    size : (width, height)
        Size of the image before `images.load_crop` resizes and crops it.

    Returns
    -------
    tuple (x0, y0, x1, y1)
        Smallest enclosing box of whole pixels, clipped to the crop; the whole crop if a side is
        shorter than six pixels, the space for six streaks.

    Examples
    --------
    >>> move_box((100, 0, 300, 512), (1024, 512))  # half the size, 144 columns cut off
    (0, 0, 6, 224)
    """
    whole = Image.new("1", size)
    resized = resize(whole).size
    sides = []
    for axis in (0, 1):
        cut = round((resized[axis] - SIZE) / 2.0)
        first = box[axis] * resized[axis] // size[axis] - cut
        last = -(-box[axis + 2] * resized[axis] // size[axis]) - cut  # rounded up
        sides.append((max(first, 0), min(last, SIZE)))
    if any(last - first < _LEAST for first, last in sides):
        return 0, 0, SIZE, SIZE
    (x0, x1), (y0, y1) = sides
    return x0, y0, x1, y1


def files_digest(paths: Iterable[Path], root: Path, *parts: str | npt.NDArray) -> str:
    """Hash of the files' names and sizes, and of further parts, but not of file contents.

    Raises
    ------
    ValueError
        If a file is missing.
    """
    entries = []
    for path in paths:
        try:
            entries.append(f"{path.relative_to(root).as_posix()} {path.stat().st_size}")
        except OSError as error:
            reason = error.strerror or "unreadable"
            raise ValueError(f"data must hold every image, got {path}: {reason}") from None
    return digest("\n".join(entries), *parts)


@dataclass(frozen=True, eq=False)
class PhotographDataset:
    """Image files, resized and cropped to 224 x 224 like `images.load_crop`.

    Members as in `dataset.Dataset`.

    Parameters
    ----------
    name : str
    classes : tuple of str
    labels : ndarray of shape (N,), int64
    paths : tuple of Path
    digest : str
    boxes : ndarray of shape (N, 4), int64, optional
        In file pixels, (x0, y0, x1, y1) with x1 and y1 exclusive; the whole crop by default.
    banner : int
        Rows to remove at the bottom of each image before resizing.
    """

    name: str
    classes: tuple[str, ...]
    labels: Labels
    paths: tuple[Path, ...]
    digest: str
    boxes: npt.NDArray[np.int64] | None = None
    banner: int = 0

    @property
    def size(self) -> int:
        """Height and width of every crop, in pixels."""
        return SIZE

    def __len__(self) -> int:
        return len(self.labels)

    def crop(self, index: int) -> Crop:
        """Read a photograph; return its center crop (size, size, 3), float32 in 0..1."""
        path = self.paths[index]
        try:
            with Image.open(path) as file:
                image = as_rgb(file)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise _unreadable(path, error) from None
        inside = image.crop((0, 0, *self._inside(path, image.size)))
        try:
            return center_crop(inside)
        except ValueError as error:
            raise _unreadable(path, error) from None

    def box(self, index: int) -> Box:
        """Return the box x0, y0, x1, y1 in pixels of the crop; the whole crop without boxes."""
        if self.boxes is None:
            return 0, 0, SIZE, SIZE
        path = self.paths[index]
        try:
            with Image.open(path) as file:
                width, height = self._inside(path, file.size)
        except (OSError, Image.DecompressionBombError) as error:
            raise _unreadable(path, error) from None
        x0, y0, x1, y1 = (int(side) for side in self.boxes[index])
        return move_box((x0, y0, min(x1, width), min(y1, height)), (width, height))

    def _inside(self, path: Path, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height without the banner."""
        width, height = size[0], size[1] - self.banner
        if height < 1:
            raise ValueError(f"{path} must have more than {self.banner} rows, got {size[1]}")
        return width, height


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(f"image must be a readable image file, got {path}: {unreadable(error)}")
