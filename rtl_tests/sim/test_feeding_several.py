"""What networks of several inputs are fed: files by order or name, photographs, random numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maccord.sim.feeding import Feed, feed
from maccord.sim.feeding_several import Feeds, feed_all
from maccord.sim.input_files import files_of, split_name
from maccord.sim.inputs import Inputs
from maccord.sim.results import CLEAN

IMAGE, GREY, ROW = (3, 8, 8), (1, 8, 8), (7,)
NAMES = ("left", "right", "row")


def _own(**options: Any) -> Inputs:
    return Inputs(module="own.py:net", **options)


def _fed(shapes: tuple[tuple[int, ...], ...], **options: Any) -> Feeds:
    found = feed_all(_own(**options), shapes, NAMES, "net")
    assert isinstance(found, Feeds)
    return found


def test_one_input_is_fed_as_ever() -> None:
    asked = _own(perturb="awgn:0.3", batch=2)
    found, expected = feed_all(asked, [IMAGE], ("x",), "net"), feed(asked, IMAGE, "net")
    assert isinstance(found, Feed)
    assert found.source == expected.source
    assert list(found.inputs) == list(expected.inputs)
    for name, x in expected.inputs.items():
        np.testing.assert_array_equal(found.inputs[name], x)


def test_images_differ_and_all_of_them_are_perturbed() -> None:
    found = _fed((IMAGE, IMAGE, ROW), perturb="awgn:0.3", batch=2)
    assert list(found.inputs) == [CLEAN, "awgn:0.3"]
    clean, noisy = found.inputs[CLEAN], found.inputs["awgn:0.3"]
    assert [x.shape for x in clean] == [(2, *IMAGE), (2, *IMAGE), (2, *ROW)]
    assert not np.array_equal(clean[0], clean[1])
    noise = [np.abs(noisy[index] - clean[index]).mean() for index in range(3)]
    assert min(noise[:2]) > 0.2 and noise[2] == 0
    assert not np.allclose(noisy[0] - clean[0], noisy[1] - clean[1])  # seeds of their own
    np.testing.assert_array_equal(clean[0], feed(_own(batch=2), IMAGE, "net").inputs[CLEAN])
    assert found.source == "china, crop 8 of the photographs, random, seed 0"


def test_calibration_pairs_other_images_and_repeats_the_shorter() -> None:
    found = _fed((IMAGE, IMAGE, ROW))
    assert [[x.shape for x in each] for each in found.calibration] == [
        [(1, *IMAGE), (1, *IMAGE), (1, *ROW)]
    ] * 12
    assert all(not np.array_equal(left, right) for left, right, _ in found.calibration)
    rows = [row for _, _, row in found.calibration]
    assert all(np.array_equal(rows[index], rows[index + 8]) for index in range(4))
    assert len(np.unique(np.concatenate(rows), axis=0)) == 8


def test_random_rows_have_seeds_of_their_own() -> None:
    found = _fed((ROW, ROW)).inputs[CLEAN]
    assert not np.array_equal(*found)
    np.testing.assert_array_equal(found[0], feed(_own(), ROW, "net").inputs[CLEAN])


def test_files_calibrate_and_set_the_batch(tmp_path: Path) -> None:
    path, codes = tmp_path / "row.npy", tmp_path / "codes.npy"
    row = np.random.default_rng(1).normal(size=(3, 7)).astype(np.float32)
    np.save(path, row)
    np.save(codes, np.arange(21, dtype=np.uint8).reshape(3, 7))
    found = _fed((ROW, ROW), input=path, further_inputs=(codes,), input_names=("", ""))
    np.testing.assert_array_equal(found.inputs[CLEAN][0], row)
    assert found.inputs[CLEAN][1].dtype == np.uint8
    assert [each[0].tolist() for each in found.calibration] == [[x] for x in row.tolist()]
    names = {"input_names": ("right", "left")}
    swapped = _fed((ROW, ROW), input=path, further_inputs=(codes,), **names).inputs[CLEAN]
    np.testing.assert_array_equal(swapped[1], row)


@pytest.mark.parametrize(
    ("shapes", "options", "reason"),
    [
        ((ROW, ROW), {"perturb": "awgn:0.3"}, "perturb needs an image, got inputs of 7 and 7 "),
        ((ROW, ROW), {"mean": (0.5,)}, "mean needs an image"),
        ((IMAGE, ROW), {"image": Path("x.png")}, "image must be left out for net, which has 2 "),
        ((IMAGE, GREY), {"mean": (0.1, 0.2, 0.3), "perturb": ""}, None),
    ],
)
def test_options_that_need_images(
    shapes: tuple[tuple[int, ...], ...], options: dict[str, Any], reason: str | None
) -> None:
    if reason is None:  # the grey input has no photograph: it is random, and takes no mean
        assert len(_fed(shapes, **options).inputs[CLEAN]) == 2
        return
    with pytest.raises(ValueError, match=f"^{reason}"):
        _fed(shapes, **options)


def test_names_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert split_name("left=a.npy") == ("left", Path("a.npy"))
    assert split_name("runs/a=1.npy") == ("", Path("runs/a=1.npy"))
    Path("a=1.npy").touch()
    assert split_name("a=1.npy") == ("", Path("a=1.npy"))
    paths = [Path("a"), Path("b")]
    assert files_of([], (), NAMES, 2, "net") == [None, None]
    assert files_of(paths, ("", ""), NAMES, 2, "net") == paths
    assert files_of(paths, ("right", "left"), NAMES, 2, "net") == paths[::-1]
    for names, count, reason in (
        (
            ("", ""),
            3,
            "input must be given 3 times for net, once for each of left, right, row",
        ),
        (("", ""), 1, "input must be given once for net, got 2: a, b"),
        (("left", "row"), 2, "name of input of net must be one of left, right, got row=b"),
        (("left", "left"), 2, "input left of net must be given once, got left=a again"),
        (("left", ""), 2, "input must be named for all files or none, got left=a, b"),
    ):
        with pytest.raises(ValueError, match=f"^{reason}"):
            files_of(paths, names, NAMES, count, "net")
    with pytest.raises(ValueError, match="must be left out, as inputs have no names, got left=a"):
        files_of(paths, ("left", "right"), (), 2, "net")
