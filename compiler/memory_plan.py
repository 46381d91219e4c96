"""Allocates tensors in memory; tensors with disjoint lifetimes may share addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Lifetime", "place"]

_ALIGNMENT = 4096


@dataclass(frozen=True)
class Lifetime:
    """The lifetime of a tensor.

    Parameters
    ----------
    size : int
        Bytes.
    first, last : int
        Stages, inclusive: the first that writes it and the last that reads it.
    """

    size: int
    first: int
    last: int


def place(tensors: Sequence[Lifetime]) -> tuple[list[int], int]:
    """Choose offsets, largest tensor first, each at the lowest offset free during its lifetime.

    After Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference" (2020),
    greedy by size.

    Parameters
    ----------
    tensors : sequence of Lifetime

    Returns
    -------
    (list of int, int)
        Offsets, multiples of 4096, and the total size in bytes.

    Examples
    --------
    >>> place([Lifetime(4096, 0, 1), Lifetime(8192, 1, 2), Lifetime(4096, 2, 3)])
    ([8192, 0, 8192], 12288)
    """
    offsets = [0] * len(tensors)
    placed: list[int] = []
    for index in sorted(range(len(tensors)), key=lambda i: (-tensors[i].size, i)):
        tensor, offset = tensors[index], 0
        for other in sorted(placed, key=lambda i: offsets[i]):
            beside = tensors[other]
            apart = tensor.last < beside.first or beside.last < tensor.first
            if not apart and offset + tensor.size > offsets[other]:
                offset = max(offset, _align(offsets[other] + beside.size))
        offsets[index] = offset
        placed.append(index)
    ends = (_align(o + t.size) for o, t in zip(offsets, tensors, strict=True))
    return offsets, max(ends, default=0)


def _align(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
