"""Built-in handwritten digits: 1,797 scans of 8 x 8, shipped with scikit-learn.

They are the test half of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998,
UCI Machine Learning Repository).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...runtime.cache import digest
from .dataset import ArrayDataset, Labels

__all__ = ["SIZE", "digits"]

SIZE = 32
_BLOCKS = 8  # per side of a scan
_FULL = 16  # maximum ink of a block
_ZOOM = SIZE // _BLOCKS

Scans = npt.NDArray[np.float32]


def _half(labels: Labels, split: str) -> npt.NDArray[np.int64]:
    """Return a split's indices: every second scan of each digit, in file order."""
    first = 0 if split == "train" else 1
    chosen = [np.nonzero(labels == digit)[0][first::2] for digit in range(10)]
    return np.sort(np.concatenate(chosen))


def _enlarged(scans: Scans) -> Scans:
    """Return scans of shape (N, 8, 8) in 0..1 as (N, 32, 32, 1), by bilinear interpolation."""
    size, way = (SIZE, SIZE), Image.Resampling.BILINEAR
    large = [np.asarray(Image.fromarray(scan).resize(size, way)) for scan in scans]
    return np.stack(large)[..., None]


def _boxes(scans: Scans) -> npt.NDArray[np.int64]:
    """Bounding boxes of the ink, in whole blocks, (N, 4), in pixels of the crop."""
    sides = []
    for axis in (1, 2):  # columns that hold ink, then rows
        ink = scans.max(axis) > 0
        sides += [np.argmax(ink, 1), _BLOCKS - np.argmax(np.flip(ink, 1), 1)]
    x0, x1, y0, y1 = sides
    return np.stack([x0, y0, x1, y1], axis=1).astype(np.int64) * _ZOOM


def digits(split: str) -> ArrayDataset:
    """Return the scans of one split, white on black, 32 x 32 pixels.

    Parameters
    ----------
    split : str
        "train" or "test": the odd- or even-numbered scans of each digit, counted from 1.

    Returns
    -------
    ArrayDataset
        Boxes are the bounding boxes of the ink.

    Examples
    --------
    >>> data = digits("test")
    >>> len(data), data.size, data.classes[3], data.box(0)
    (896, 32, '3', (4, 0, 28, 32))
    """
    from sklearn.datasets import load_digits  # slow import

    blocks, target = load_digits(return_X_y=True)
    labels = np.asarray(target, np.int64)
    chosen = _half(labels, split)
    labels = labels[chosen]
    scans = np.asarray(blocks, np.float32)[chosen].reshape(-1, _BLOCKS, _BLOCKS) / np.float32(_FULL)
    images, boxes = _enlarged(scans), _boxes(scans)
    classes = tuple(str(digit) for digit in range(10))
    return ArrayDataset(
        f"digits ({split})", classes, labels, images, digest(labels, images, boxes), boxes
    )
