"""Counting where two runs of a network part."""

import doctest

import numpy as np
import pytest

from maccord.nets import differences
from maccord.nets.differences import compare

SHAPES = {"net.input": (4, 4, 3), "net.conv": (2, 2, 5), "net.flatten": (20,), "net.fc": (7,)}


def tensors(seed: int, images: int) -> dict[str, np.ndarray]:
    """Random codes, extreme ones among them."""
    rng = np.random.default_rng(seed)
    draw = {name: rng.integers(0, 256, (images, *shape)) for name, shape in SHAPES.items()}
    return {name: codes.astype(np.uint8) for name, codes in draw.items()}


def altered(ours: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Some codes of some images changed; the first image not, nor any input."""
    rng = np.random.default_rng(seed)
    other = {}
    for name, codes in ours.items():
        change = rng.integers(-255, 256, codes.shape) * (rng.random(codes.shape) < 0.1)
        change[0] = 0
        if name == "net.input":
            change[:] = 0
        other[name] = np.clip(codes.astype(int) + change, 0, 255).astype(np.uint8)
    return other


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_a_plain_loop(seed: int) -> None:
    ours = tensors(seed, 6)
    other = altered(ours, seed)
    found = compare(ours, other)
    assert found.tensors == tuple(SHAPES) and found.images == 6
    assert found.sizes.tolist() == [48, 20, 20, 7]
    for image in range(6):
        first = len(SHAPES)
        for index, name in reversed(list(enumerate(SHAPES))):
            pairs = list(zip(ours[name][image].flat, other[name][image].flat, strict=True))
            apart = [abs(int(a) - int(b)) for a, b in pairs]
            assert found.differing[image, index] == sum(a > 0 for a in apart)
            assert found.largest[image, index] == max(apart)
            first = index if any(apart) else first
        assert found.first[image] == first
    assert found.first[0] == len(SHAPES)
    assert found.parting.sum() == np.count_nonzero(found.differing.any(1))
    assert found.parting.tolist() == [(found.first == index).sum() for index in range(4)]
    np.testing.assert_array_equal(found.shares, found.differing.sum(1) / 95)


def test_chunks_add_up() -> None:
    ours = tensors(9, 7)
    other = altered(ours, 9)
    whole = compare(ours, other)
    parts = [
        compare(*({name: codes[chunk] for name, codes in side.items()} for side in (ours, other)))
        for chunk in (slice(0, 2), slice(2, 3), slice(3, 7))
    ]
    total = parts[0] + parts[1] + parts[2]
    assert total.tensors == whole.tensors
    for field in ("sizes", "differing", "largest", "first", "parting", "shares"):
        np.testing.assert_array_equal(getattr(total, field), getattr(whole, field))


def test_refusals() -> None:
    ours = tensors(1, 2)
    with pytest.raises(ValueError, match="tensors must be of one network"):
        compare(ours, dict(reversed(ours.items())))
    with pytest.raises(ValueError, match=r"net\.fc: shapes must be equal, got \(2, 7\) and \(2, 6"):
        compare(ours, {**ours, "net.fc": ours["net.fc"][:, 1:]})
    with pytest.raises(ValueError, match=r"net\.fc: codes must be uint8, got int64"):
        compare(ours, {**ours, "net.fc": ours["net.fc"].astype(np.int64)})
    fewer = compare({"net.fc": ours["net.fc"]}, {"net.fc": ours["net.fc"]})
    with pytest.raises(ValueError, match="differences must be of one network's tensors"):
        _ = compare(ours, ours) + fewer


def test_the_example() -> None:
    assert doctest.testmod(differences).failed == 0
