"""Tensors in memory: none overlaps another in space and time, and room is used again."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from maccord.compiler.memory_plan import Lifetime, place

PAGE = 4096


def clashes(tensors: list[Lifetime], offsets: list[int]) -> list[tuple[int, int]]:
    """Pairs that share a byte while both live."""
    result = []
    for i, j in combinations(range(len(tensors)), 2):
        a, b = tensors[i], tensors[j]
        at_once = a.first <= b.last and b.first <= a.last
        if at_once and offsets[i] < offsets[j] + b.size and offsets[j] < offsets[i] + a.size:
            result.append((i, j))
    return result


def live(tensors: list[Lifetime]) -> int:
    """Most bytes in whole pages that live at once: no plan has less."""
    stages = range(max(t.last for t in tensors) + 1)
    pages = [-(-t.size // PAGE) for t in tensors]
    return PAGE * max(
        sum(n for n, t in zip(pages, tensors, strict=True) if t.first <= stage <= t.last)
        for stage in stages
    )


def random_tensors(rng: np.random.Generator) -> list[Lifetime]:
    firsts = rng.integers(0, 30, int(rng.integers(1, 40)))
    most = int(rng.choice([1, 4, 30]))
    return [
        Lifetime(int(rng.integers(1, 5 * PAGE)), first, first + int(rng.integers(0, most + 1)))
        for first in firsts.tolist()
    ]


@pytest.mark.parametrize("seed", range(50))
def test_random_lifetimes(seed: int) -> None:
    tensors = random_tensors(np.random.default_rng(seed))
    offsets, size = place(tensors)
    assert not clashes(tensors, offsets)
    assert all(offset >= 0 and offset % PAGE == 0 for offset in offsets)
    assert max(o + t.size for o, t in zip(offsets, tensors, strict=True)) <= size
    assert live(tensors) <= size <= 2 * live(tensors)  # of what lives at once, not of all


def test_a_stage_too_long_is_noticed() -> None:
    """The check above sees a tensor that is read once more than was planned for."""
    tensors = [Lifetime(PAGE, n, n + 1) for n in range(6)]
    offsets, size = place(tensors)
    assert size == 2 * PAGE
    tensors[2] = Lifetime(PAGE, 2, 4)
    assert clashes(tensors, offsets) == [(2, 4)]


def test_nothing_takes_nothing() -> None:
    assert place([]) == ([], 0)
