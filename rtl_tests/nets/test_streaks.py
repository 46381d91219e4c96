"""Streaks: how many, how wide, where."""

from itertools import combinations_with_replacement

import numpy as np
import pytest

from maccord.nets.perturb import Perturbation, parse_box
from maccord.nets.streaks import occlude, occlude_batch, positions

SHAPE = (224, 224, 3)


@pytest.mark.parametrize("count", [1, 2, 4, 6, 50])
@pytest.mark.parametrize("box", [None, (20, 40, 190, 140)])
@pytest.mark.parametrize("kind", ["vertical", "horizontal"])
def test_streaks(kind, box, count) -> None:
    """`count` black streaks 2 % of the box wide, from side to side of it and nowhere else."""
    ones = np.ones(SHAPE, np.float32)
    out = Perturbation(kind, count).apply(ones, 5, box)
    x0, y0, x1, y1 = box or (0, 0, 224, 224)
    side = x1 - x0 if kind == "vertical" else y1 - y0
    width = round(0.02 * side)
    inside = out[y0:y1, x0:x1, 0] == 0
    line = inside.all(axis=0 if kind == "vertical" else 1)
    assert (inside == (line[None] if kind == "vertical" else line[:, None])).all()
    assert line.sum() == count * width
    edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(int), [0]])))
    assert ((edges[1::2] - edges[::2]) % width == 0).all()
    assert (out == 0).sum() == 3 * inside.sum()
    assert set(np.unique(out)) == {0, 1}


@pytest.mark.parametrize("side", [1, 24, 25, 26, 74, 75, 76, 125, 224, 1000])
def test_width(side) -> None:
    """2 % of the side, rounded, and never nothing."""
    assert positions(side, 1, np.random.default_rng(side))[1] == max(1, round(side / 50))


def arrangements(side, count, width):
    """Every way to hand out the free pixels to the gaps before, between and behind streaks."""
    for places in combinations_with_replacement(range(count + 1), side - count * width):
        gaps = np.bincount(np.array(places, int), minlength=count + 1)
        yield tuple(np.cumsum(gaps[:count]) + width * np.arange(count))


@pytest.mark.parametrize(("side", "count", "width"), [(5, 2, 1), (6, 3, 1), (9, 9, 1), (76, 37, 2)])
def test_arrangements_are_equally_likely(side, count, width) -> None:
    """Those without overlap are drawn, all of them, and chi-squared finds no preference."""
    rng = np.random.default_rng(7)
    draws = [positions(side, count, rng) for _ in range(10_000)]
    legal = sorted(arrangements(side, count, width))
    assert {found for _, found in draws} == {width}
    found, counts = np.unique([starts for starts, _ in draws], axis=0, return_counts=True)
    np.testing.assert_array_equal(found, legal)
    expected = len(draws) / len(legal)
    freedom = len(legal) - 1
    excess = ((counts - expected) ** 2 / expected).sum() - freedom
    assert abs(excess) <= 5 * np.sqrt(2 * freedom)


@pytest.mark.parametrize("vertical", [False, True])
def test_batches_are_single_images(vertical) -> None:
    """Images with boxes of their own, and one with none."""
    images = np.random.default_rng(3).random((4, 40, 60, 3), dtype=np.float32)
    boxes = [(0, 0, 60, 40), (5, 7, 30, 20), None, (59, 30, 60, 40)]
    count = 1 if vertical else 3  # the last box is one pixel wide
    rngs = [np.random.default_rng(seed) for seed in range(4)]
    together = occlude_batch(images, count, rngs, boxes, vertical=vertical)
    for index, (image, box) in enumerate(zip(images, boxes, strict=True)):
        rng = np.random.default_rng(index)
        alone = occlude(image, count, rng, box, vertical=vertical)
        np.testing.assert_array_equal(together[index], alone)
        x0, y0, x1, y1 = box or (0, 0, 60, 40)
        expected = image.copy()
        starts, width = positions(
            x1 - x0 if vertical else y1 - y0, count, np.random.default_rng(index)
        )
        for start in starts:
            if vertical:
                expected[y0:y1, x0 + start : x0 + start + width] = 0
            else:
                expected[y0 + start : y0 + start + width, x0:x1] = 0
        np.testing.assert_array_equal(alone, expected)


def test_boxes() -> None:
    assert parse_box("1,2,30,40") == (1, 2, 30, 40)
    for text, message in (
        ("1,2,3", "bbox must be four whole numbers x0,y0,x1,y1, got '1,2,3'"),
        ("1,2,3,x", "bbox must be four whole numbers"),
        ("5,0,5,9", "bbox must have 0 <= x0 < x1 and 0 <= y0 < y1, got 5,0,5,9"),
        ("-1,0,5,9", "got -1,0,5,9"),
    ):
        with pytest.raises(ValueError, match=message):
            parse_box(text)
    ones = np.ones(SHAPE, np.float32)
    with pytest.raises(ValueError, match="bbox must lie within 224 x 224 pixels, got 0,0,225,9"):
        Perturbation("vertical", 1).apply(ones, 0, (0, 0, 225, 9))
    with pytest.raises(ValueError, match="streaks must be at most 9 for a box of 9 pixels, got 10"):
        Perturbation("horizontal", 10).apply(ones, 0, (0, 0, 50, 9))
    assert (Perturbation("horizontal", 9).apply(ones, 0, (0, 0, 50, 9))[:9, :50] == 0).all()
