"""Draws faults: the same number in each block, uniform over its bits and the program's cycles."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from math import ceil
from statistics import NormalDist

import numpy as np

from .registers import Register
from .runs import Fault

__all__ = ["chosen_blocks", "draw", "margin", "sample_size", "strata"]


def sample_size(population: int, margin: float, confidence: float) -> int:
    """Return how many faults estimate a share to within a margin (Leveugle et al. 2009).

    Parameters
    ----------
    population : int
        All possible faults: bits times cycles.
    margin : float
        Half the interval's width, above 0 and below 1.
    confidence : float
        Above 0 and below 1.

    Examples
    --------
    >>> sample_size(10**9, 0.05, 0.95), sample_size(10**9, 0.01, 0.99), sample_size(100, 0.05, 0.95)
    (385, 16587, 80)
    """
    t = NormalDist().inv_cdf((1 + confidence) / 2)
    return ceil(population / (1 + margin**2 * (population - 1) / (t**2 / 4)))


def margin(population: int, count: int, confidence: float) -> float:
    """Return the margin of a sample of `count`; the inverse of `sample_size`.

    Examples
    --------
    >>> round(margin(10**9, 385, 0.95), 3)
    0.05
    """
    t = NormalDist().inv_cdf((1 + confidence) / 2)
    return t / 2 * ((population / count - 1) / (population - 1)) ** 0.5


def strata(registers: Sequence[Register]) -> dict[str, list[int]]:
    """Return the indices of each block's registers, blocks in alphabetical order."""
    found: dict[str, list[int]] = {}
    for index, register in enumerate(registers):
        found.setdefault(register.block, []).append(index)
    return dict(sorted(found.items()))


def chosen_blocks(registers: Sequence[Register], patterns: Sequence[str]) -> dict[str, list[int]]:
    """Return the blocks whose names match one of the patterns; all, if there are none.

    Raises
    ------
    ValueError
        If a pattern matches no block.
    """
    blocks = strata(registers)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in blocks):
            raise ValueError(f"blocks must be of {', '.join(blocks)}, got {pattern!r}")
    if not patterns:
        return blocks
    return {
        name: members
        for name, members in blocks.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def draw(
    registers: Sequence[Register],
    blocks: dict[str, list[int]],
    counts: dict[str, int],
    cycles: int,
    seed: int,
) -> list[Fault]:
    """Draw faults; those of a block do not depend on which other blocks there are.

    Parameters
    ----------
    registers : sequence of Register
    blocks : dict of str to list of int
        Indices of each block's registers.
    counts : dict of str to int
        Faults by block. A larger count begins with the faults of a smaller one.
    cycles : int
        Of the program.
    seed : int

    Returns
    -------
    list of Fault
        Numbered in this order, block by block.
    """
    faults: list[Fault] = []
    for name, members in blocks.items():
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        ends = np.cumsum([registers[index].bits for index in members])
        for _ in range(counts[name]):
            place, cycle = int(rng.integers(ends[-1])), int(rng.integers(cycles))
            which = int(np.searchsorted(ends, place, "right"))
            register = registers[members[which]]
            word, bit = divmod(place - int(ends[which] - register.bits), register.width)
            faults.append(Fault(len(faults), members[which], word, bit, cycle))
    return faults
