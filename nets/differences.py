"""Differences between two runs of a network: integer codes against fake-quantized ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

__all__ = ["Differences", "compare"]

Codes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Differences:
    """Number of differing codes, by image and tensor.

    Chunks of images can be concatenated: ``a + b`` has the images of both.

    Parameters
    ----------
    tensors : tuple of str
        In order of execution, T of them.
    sizes : ndarray of shape (T,), int64
        Codes per image in each tensor.
    differing : ndarray of shape (N, T), int64
        Differing codes of each image.
    largest : ndarray of shape (N, T), int64
        Largest absolute difference of two codes, 0 to 255.
    """

    tensors: tuple[str, ...]
    sizes: Counts
    differing: Counts
    largest: Counts

    def __add__(self, other: Differences) -> Differences:
        """Return the images of both.

        Raises
        ------
        ValueError
            If the tensors are not the same.
        """
        if self.tensors != other.tensors or not np.array_equal(self.sizes, other.sizes):
            raise ValueError("differences must be of one network's tensors to be added")
        return Differences(
            self.tensors,
            self.sizes,
            np.concatenate([self.differing, other.differing]),
            np.concatenate([self.largest, other.largest]),
        )

    @property
    def images(self) -> int:
        """Images compared, N."""
        return len(self.differing)

    @property
    def first(self) -> Counts:
        """Index of the first differing tensor, of shape (N,); T if none differs."""
        parted = self.differing > 0
        return np.where(parted.any(1), parted.argmax(1), len(self.tensors))

    @property
    def parting(self) -> Counts:
        """Number of images that first differ at each tensor, of shape (T,)."""
        return np.bincount(self.first, minlength=len(self.tensors) + 1)[:-1].astype(np.int64)

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """Share of differing codes per image over all tensors, of shape (N,)."""
        return self.differing.sum(1) / self.sizes.sum()


def compare(ours: Mapping[str, Codes], other: Mapping[str, Codes]) -> Differences:
    """Compare all tensors of a batch.

    Parameters
    ----------
    ours, other : mapping of str to ndarray of shape (N, ...), uint8
        With the same names in the same order, from `IntegerNetwork.tensors` and
        `FakeQuantNetwork.tensors`.

    Returns
    -------
    Differences

    Raises
    ------
    ValueError
        If names, shapes or dtypes differ.

    Examples
    --------
    >>> a = {"net.input": np.array([[1, 2], [3, 4]], np.uint8)}
    >>> b = {"net.input": np.array([[1, 2], [3, 9]], np.uint8)}
    >>> found = compare(a, b)
    >>> found.differing.tolist(), found.largest.tolist(), found.first.tolist()
    ([[0], [1]], [[0], [5]], [1, 0])
    """
    if not ours or list(ours) != list(other):
        raise ValueError("tensors must be of one network, got other names or another order")
    counts, largest = [], []
    for name, codes in ours.items():
        twin = other[name]
        for what in (codes, twin):
            if what.dtype != np.uint8:
                raise ValueError(f"{name}: codes must be uint8, got {what.dtype}")
        if codes.shape != twin.shape:
            raise ValueError(f"{name}: shapes must be equal, got {codes.shape} and {twin.shape}")
        # maximum minus minimum, so that uint8 does not wrap
        apart = (np.maximum(codes, twin) - np.minimum(codes, twin)).reshape(len(codes), -1)
        counts.append(np.count_nonzero(apart, axis=1))
        largest.append(apart.max(1))
    sizes = [prod(codes.shape[1:]) for codes in ours.values()]
    return Differences(
        tuple(ours),
        np.array(sizes, np.int64),
        np.stack(counts, 1).astype(np.int64),
        np.stack(largest, 1).astype(np.int64),
    )
