"""Batches of a data set, prefetched by threads during training."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch

from ..data.dataset import Dataset
from ..images import IMAGENET, Normalization, normalize
from .loop import Batch

__all__ = ["Batches", "spread"]

_AHEAD = 3  # batches to prefetch
_MEMORY = 4 << 30  # bytes of prepared images kept in memory, to read each file only once


def spread(count: int, limit: int) -> npt.NDArray[np.int64]:
    """Return indices of at most `limit` of `count` images, evenly spaced; 0 means all.

    Examples
    --------
    >>> spread(10, 4)
    array([0, 2, 5, 7])
    """
    kept = min(limit or count, count)
    return np.arange(kept) * count // max(kept, 1)


class Batches:
    """Creates normalized batches of a data set's images.

    Parameters
    ----------
    data : Dataset
    indices : ndarray of shape (N,), int64
        Images to use.
    threads : int
        Threads that read and resize images.
    device : torch.device
        Device of the tensors.
    normalization : Normalization
        Input normalization.
    """

    def __init__(
        self,
        data: Dataset,
        indices: npt.NDArray[np.int64],
        threads: int,
        device: torch.device,
        normalization: Normalization = IMAGENET,
    ) -> None:
        self._normalization = normalization
        self._data = data
        self._indices = indices
        self._device = device
        self._pool = ThreadPoolExecutor(threads)
        keep = len(indices) * data.size**2 * 3 <= _MEMORY
        self._kept: dict[int, npt.NDArray[np.uint8]] | None = {} if keep else None

    def __len__(self) -> int:
        return len(self._indices)

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _image(self, index: int) -> npt.NDArray[np.float32]:
        """Return a normalized image (3, H, W)."""
        if self._kept is not None and index in self._kept:
            pixels = self._kept[index].astype(np.float32) / np.float32(255)
            return normalize(pixels, self._normalization)[0]
        crop = self._data.crop(index)
        if self._kept is not None:
            codes = np.rint(crop * 255).astype(np.uint8)
            if np.array_equal(codes.astype(np.float32) / np.float32(255), crop):
                self._kept[index] = codes  # lossless
        return normalize(crop, self._normalization)[0]

    def _ready(self, futures: list[Future], chosen: npt.NDArray[np.int64]) -> Batch:
        images = torch.from_numpy(np.stack([future.result() for future in futures]))
        labels = torch.from_numpy(self._data.labels[chosen])
        return images.to(self._device), labels.to(self._device)

    def __call__(self, order: Iterable[npt.NDArray[np.int64]]) -> Iterator[Batch]:
        """Yield batches of images, given as positions in `indices`.

        Yields
        ------
        Tensor of shape (N, 3, size, size), Tensor of shape (N,), int64
        """
        waiting: deque[tuple[list[Future], npt.NDArray[np.int64]]] = deque()
        for places in order:
            chosen = self._indices[places]
            waiting.append(([self._pool.submit(self._image, int(i)) for i in chosen], chosen))
            if len(waiting) > _AHEAD:
                yield self._ready(*waiting.popleft())
        while waiting:
            yield self._ready(*waiting.popleft())
