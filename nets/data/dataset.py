"""Data set interface: labelled crops of one size, each with its object's bounding box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["ArrayDataset", "Box", "Crop", "Dataset", "Labels", "check_classes"]

Box = tuple[int, int, int, int]
Crop = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


class Dataset(Protocol):
    """One split of a data set. Crops are created on demand; instances are picklable.

    Attributes
    ----------
    name : str
        The user's name for it, and the split: ``digits (test)``.
    classes : tuple of str
        Names, in the order of the labels.
    labels : ndarray of shape (N,), int64
    size : int
        Height and width of every crop, in pixels.
    digest : str
        Hash of everything that determines crops, boxes and labels.
    """

    @property
    def name(self) -> str:
        """Name of the set."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the labels."""
        ...

    @property
    def labels(self) -> Labels:
        """Labels of all images, shape (N,), int64."""
        ...

    @property
    def size(self) -> int:
        """Height and width of every crop, in pixels."""
        ...

    @property
    def digest(self) -> str:
        """Hash of everything that determines crops, boxes and labels."""
        ...

    def __len__(self) -> int:
        """Return the number of images, N."""
        ...

    def crop(self, index: int) -> Crop:
        """Image (size, size, 3), float32: red, green, blue in 0..1; a new array."""
        ...

    def box(self, index: int) -> Box:
        """Box (x0, y0, x1, y1) of the object in the crop's pixels, x1 and y1 excluded."""
        ...


@dataclass(frozen=True, eq=False)
class ArrayDataset:
    """A data set held in memory; members as in `Dataset`.

    Parameters
    ----------
    name : str
    classes : tuple of str
    labels : ndarray of shape (N,), int64
    images : ndarray of shape (N, size, size, 3) or, grey, (N, size, size, 1)
        uint8 in 0..255, or float32 in 0..1.
    digest : str
    boxes : ndarray of shape (N, 4), int64, optional
        The whole crop by default.
    """

    name: str
    classes: tuple[str, ...]
    labels: Labels
    images: npt.NDArray[np.uint8] | npt.NDArray[np.float32]
    digest: str
    boxes: npt.NDArray[np.int64] | None = None

    @property
    def size(self) -> int:
        """Height and width of every crop, in pixels."""
        return self.images.shape[1]

    def __len__(self) -> int:
        return len(self.labels)

    def crop(self, index: int) -> Crop:
        """Return an image (size, size, 3), float32 in 0..1; grey has three equal channels."""
        image = self.images[index]
        if image.dtype == np.uint8:
            image = image.astype(np.float32) / np.float32(255)
        return np.broadcast_to(image, (*image.shape[:2], 3)).astype(np.float32, order="C")

    def box(self, index: int) -> Box:
        """Return the box x0, y0, x1, y1 of an image, in pixels; the whole crop without boxes."""
        if self.boxes is None:
            return 0, 0, self.size, self.size
        x0, y0, x1, y1 = (int(side) for side in self.boxes[index])
        return x0, y0, x1, y1


def check_classes(labels: Labels, count: int, what: str) -> None:
    """Raise ValueError unless there are labels and all are between 0 and count - 1."""
    if not len(labels):
        raise ValueError(f"{what} must hold at least one image, got none")
    if labels.min() < 0 or labels.max() >= count:
        raise ValueError(
            f"labels of {what} must be between 0 and {count - 1}, "
            f"got {labels.min()} to {labels.max()}"
        )
