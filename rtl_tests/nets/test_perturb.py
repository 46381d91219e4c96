"""Perturbations by name: texts, compositions, and which image gets which random numbers."""

import os
import subprocess
import sys
from itertools import combinations
from zlib import crc32

import numpy as np
import pytest

from maccord.nets.corruptions.tables import KINDS as CORRUPTIONS
from maccord.nets.images import load_crop
from maccord.nets.noise import brownian, white
from maccord.nets.perturb import ADVERSARIAL, PERTURBATIONS, Composition, Perturbation, parse
from maccord.nets.seeding import generator
from maccord.nets.streaks import occlude
from maccord.sim.results import file_stem

KINDS = [kind for kind in PERTURBATIONS if kind not in (*CORRUPTIONS, *ADVERSARIAL)]
SIZE = 32
BOX = (3, 4, 30, 29)


def test_parse() -> None:
    parsed = parse("awgn:0.3, brownian:40,vertical:4,horizontal:3")
    assert [str(item) for item in parsed] == [
        "awgn:0.3",
        "brownian:40",
        "vertical:4",
        "horizontal:3",
    ]
    assert parsed[0] == Perturbation("awgn", 0.3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("awng:0.3", r"perturbation must be one of awgn, .* got 'awng' \(nearest: awgn\)"),
        ("vertcal:2", r"got 'vertcal' \(nearest: vertical\)"),
        ("", "perturbation must be one of"),
        ("awgn", "perturbation must be kind:level with a number, as awgn:0.3, got 'awgn'"),
        ("awgn:much", "kind:level with a number"),
        ("awgn:0", "standard deviation must be above 0 and at most 10, got 0"),
        ("awgn:-1", "got -1"),
        ("awgn:nan", "got nan"),
        ("awgn:10.5", "at most 10, got 10.5"),
        ("brownian:inf", "at most 1000, got inf"),
        ("vertical:0", "whole number between 1 and 50, got 0"),
        ("horizontal:2.5", "whole number between 1 and 50, got 2.5"),
        ("vertical:51", "whole number between 1 and 50, got 51"),
        ("awgn:0.3,,vertical:2", "perturbation must be one of .*, got ''$"),
        ("awgn:0.3,", "perturbation must be one of .*, got ''$"),
        ("awgn:10.0000001", "at most 10, got 10.0000001"),
        ("awgn:0.3+", "perturbation must be one of .*, got ''$"),
        ("+awgn:0.3", "perturbation must be one of .*, got ''$"),
        ("awgn:0.3+vertcal:2", r"got 'vertcal' \(nearest: vertical\)"),
        ("awgn:0.3+vertical:2.5", "whole number between 1 and 50, got 2.5"),
        ("vertical:4+0.3", "kind:level with a number, as awgn:0.3, got 'vertical:4[+]0.3'"),
    ],
)
def test_parse_refuses(text, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_no_two_levels_have_one_name() -> None:
    for text in ("awgn:0.3", "awgn:0.3000001", "brownian:1000", "awgn:1e-07", "vertical:50"):
        assert [str(item) for item in parse(text)] == [text]
    assert str(Perturbation("awgn", np.float32(1))) == "awgn:1"


@pytest.mark.parametrize("kind", KINDS)
def test_reruns_are_equal_and_seeds_differ(kind) -> None:
    crop = load_crop()
    before = crop.copy()
    perturbation = Perturbation(kind, 3)
    first = perturbation.apply(crop, 1)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, perturbation.apply(crop, 1))
    assert (first != perturbation.apply(crop, 2)).any()
    assert (first != Perturbation(kind, 4).apply(crop, 1)).any()
    np.testing.assert_array_equal(crop, before)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        perturbation.apply(crop, -1)


def test_compositions() -> None:
    parsed = parse("awgn:0.30 + vertical:4,brownian:40,awgn:1e+0+awgn:1")
    assert [str(item) for item in parsed] == [
        "awgn:0.3+vertical:4",
        "brownian:40",
        "awgn:1+awgn:1",
    ]
    assert parsed[0] == Composition([Perturbation("awgn", 0.3), Perturbation("vertical", 4)])
    assert parsed[0] != Composition([Perturbation("vertical", 4), Perturbation("awgn", 0.3)])
    assert (parsed[0].kind, parsed[0].kinds) == ("awgn+vertical", ("awgn", "vertical"))
    assert parsed[1].kinds == ("brownian",)
    nested = Composition([parsed[1], parsed[0]])
    assert str(nested) == "brownian:40+awgn:0.3+vertical:4"
    assert file_stem("vgg16", str(nested)) == "vgg16@brownian-40+awgn-0.3+vertical-4"
    assert len({*parsed, nested, parse(str(nested))[0]}) == 4
    with pytest.raises(ValueError, match="composition must be of at least 2 perturbations, got 1"):
        Composition(parsed[1:2])


def images(count, seed=0):
    return np.random.default_rng(seed).random((count, SIZE, SIZE, 3), dtype=np.float32)


@pytest.mark.parametrize("image", [None, 5])
def test_parts_act_from_left_to_right(image) -> None:
    """Noise under streaks, and streaks under noise; each part draws what it draws alone."""
    crop = images(1)[0]
    noise, streaks = Perturbation("awgn", 0.3), Perturbation("vertical", 4)
    white = noise.apply(crop, 1, image=image) - crop
    both = parse("awgn:0.3+vertical:4")[0].apply(crop, 1, BOX, image=image)
    expected = streaks.apply(noise.apply(crop, 1, image=image), 1, BOX, image=image)
    np.testing.assert_array_equal(both, expected)
    assert (both == 0).sum() == 4 * 25 * 3  # streaks are black
    reverse = parse("vertical:4+awgn:0.3")[0].apply(crop, 1, BOX, image=image)
    np.testing.assert_allclose(reverse, streaks.apply(crop, 1, BOX, image=image) + white, atol=1e-6)
    assert (reverse == 0).sum() < 3


def test_an_equal_part_draws_anew() -> None:
    """Twice the same noise would be 2 * 0.3, independent noise is sqrt(2) * 0.3."""
    twice = parse("awgn:0.3+awgn:0.3")[0]
    assert twice.deviation(images(1)[0], image=0) == pytest.approx(0.9975 * 0.3 * 2**0.5, rel=0.05)
    ones = np.ones((SIZE, SIZE, 3), np.float32)
    assert (parse("vertical:6+vertical:6")[0].apply(ones) == 0).sum() > 6 * SIZE * 3


def reference(perturbation, crop, rng: np.random.Generator, box):
    """The first release's definition of one perturbation, on given random numbers."""
    kind, level = perturbation.kind, perturbation.level
    if kind == "awgn":
        return crop + white(crop.shape, level, rng)
    if kind in ("vertical", "horizontal"):
        return occlude(crop, int(level), rng, box, vertical=kind == "vertical")
    return crop + brownian(crop.shape, level, rng, literal=kind != "brownian")


@pytest.mark.parametrize("seed", [0, 1, 2**40])
@pytest.mark.parametrize("kind", KINDS)
def test_without_an_image_the_first_release_is_repeated(kind, seed: int) -> None:
    """Seeded by the seed, the kind's CRC and the level's bits."""
    crop = images(1)[0]
    perturbation = Perturbation(kind, 3)
    bits = int(np.float64(3).view(np.uint64))
    rng = np.random.default_rng([seed, crc32(kind.encode()), bits])
    expected = reference(perturbation, crop, rng, BOX)
    np.testing.assert_array_equal(perturbation.apply(crop, seed, BOX), expected)


def test_no_two_draws_are_equal() -> None:
    """Neighbouring seeds, images, draws, repeats, levels and kinds, and swapped ones."""
    places = (None, 0, 1, 2, 2**32 - 2)
    keys = [(image, draw, repeat) for image in places for draw in (0, 1, 2) for repeat in (0, 1, 2)]
    streams = {
        (kind, level, seed, key): generator(kind, level, seed, key).random(2).tobytes()
        for kind in ("awgn", "brownian")
        for level in (1, 2)
        for seed in (0, 1, 2, 3, 2**32, 2**32 + 1)
        for key in keys
    }
    assert len(set(streams.values())) == len(streams)


@pytest.mark.parametrize("kind", KINDS)
def test_images_and_draws_are_independent(kind) -> None:
    """Changes of one image under 8 keys have nothing in common, none is another's."""
    perturbation = Perturbation(kind, 3)
    crop = np.ones((224, 224, 3), np.float32)
    keys = [(seed, image, draw) for seed in (0, 1) for image in (0, 1) for draw in (0, 1)]
    changes = [
        perturbation.apply(crop, seed, image=image, draw=draw) - crop
        for seed, image, draw in [*keys, (0, None, 0)]
    ]
    for one, other in combinations(changes, 2):
        assert (one != other).any()
        if kind == "awgn":
            assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(one.size)


LEVELS = "awgn:0.3,brownian:40,brownian-literal:40,vertical:4,horizontal:3"
COMPOSED = "awgn:0.3+vertical:4,vertical:2+brownian:10+vertical:2"


@pytest.mark.parametrize("text", f"{LEVELS},{COMPOSED}".split(","))
@pytest.mark.parametrize("draw", [0, 3])
def test_batches_are_single_images_in_any_order_and_chunks(text, draw) -> None:
    perturbation = parse(text)[0]
    crops = images(7)
    before = crops.copy()
    boxes = np.array([(index, 0, 31, 32 - index) for index in range(7)])
    indices = [3, 0, 1, 2, 900, 4, 2**32 - 2]
    whole = perturbation.apply_batch(crops, indices, 1, boxes, draw=draw)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(crops, before)
    for place, (crop, index, box) in enumerate(zip(crops, indices, boxes, strict=True)):
        alone = perturbation.apply(crop, 1, tuple(box), image=index, draw=draw)
        np.testing.assert_array_equal(whole[place], alone)
    order = np.random.default_rng(1).permutation(7)
    for some in (order[:3], order[3:]):
        chunk = perturbation.apply_batch(
            crops[some], np.array(indices)[some], 1, boxes[some], draw=draw
        )
        np.testing.assert_array_equal(chunk, whole[some])
    assert (perturbation.apply_batch(crops, indices, 1, boxes, draw=draw + 1) != whole).any()


def test_batches_refuse() -> None:
    noise = Perturbation("awgn", 0.3)
    crops = images(2)
    assert noise.apply_batch(crops[:0], []).shape == (0, SIZE, SIZE, 3)
    for arguments, message in (
        (([0],), "images must be one for each of 2 crops, got 1"),
        (([0, 1], 0, [BOX]), "boxes must be one for each of 2 crops, got 1"),
        (([0, -1],), "image must be between 0 and 4294967294, got -1"),
        (([0, 2**32 - 1],), "image must be between 0 and 4294967294, got 4294967295"),
        (([0, 1], -1), "seed must be at least 0, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            noise.apply_batch(crops, *arguments)
    with pytest.raises(ValueError, match="draw must be between 0 and 4294967295, got -1"):
        noise.apply_batch(crops, [0, 1], draw=-1)
    with pytest.raises(ValueError, match="bbox must lie within 32 x 32 pixels, got 0,0,33,9"):
        Perturbation("vertical", 1).apply_batch(crops, [0, 1], 0, [BOX, (0, 0, 33, 9)])


DIGEST = """
import hashlib, numpy
from maccord.nets.perturb import parse
crops = numpy.full((3, 32, 32, 3), 0.5, numpy.float32)
digest = hashlib.sha256()
for perturbation in parse(TEXT):
    digest.update(perturbation.apply_batch(crops, [4, 5, 6], 7, draw=1).tobytes())
"""


def test_another_process_sees_the_same_bytes() -> None:
    program = DIGEST.replace("TEXT", repr(f"{LEVELS},{COMPOSED}"))
    here = {}
    exec(program, here)
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nprint(digest.hexdigest())"],
        env={**os.environ, "PYTHONHASHSEED": "99"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == here["digest"].hexdigest()


def test_deviation() -> None:
    crop = load_crop()
    assert 0.28 < Perturbation("awgn", 0.3).deviation(crop) < 0.31
    assert Perturbation("vertical", 4).deviation(crop) > 0.05
    assert parse("awgn:0.3+vertical:4")[0].deviation(crop) > 0.31
