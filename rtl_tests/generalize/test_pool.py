"""The pool's settings: how many, which, and that each pair of hyperparameters is balanced."""

from collections import Counter
from itertools import combinations

import pytest

from maccord.generalize.pool import BITS, members, settings
from maccord.generalize.request import ALL_LEVELS, GeneralizeRequest, check


def test_the_full_pool_is_the_papers() -> None:
    found = settings("full", "cifar10")
    assert len(found) == len({one.name for one in found}) == 3**5
    assert {one.depth for one in found} == {2, 3, 4}
    assert {one.depth for one in settings("full", "cifar100")} == {3, 4, 5}
    assert {one.width for one in found} == {8, 10, 12}
    assert {one.decay for one in found} == {0.0, 0.0001, 0.0002}
    rates = {(one.optimizer, one.rate) for one in found}
    assert rates == {
        *(("sgd", rate) for rate in (0.1, 0.05, 0.01)),
        *((name, rate) for name in ("adam", "rmsprop") for rate in (0.001, 0.0005, 0.0001)),
    }
    assert len(members("full", "cifar10")) == 972  # not 992, as the paper has it


def test_the_small_pool_is_a_balanced_half() -> None:
    found = settings("small", "digits")
    assert len(found) == 16
    rate = {("sgd", 0.1): 0, ("sgd", 0.05): 1, ("adam", 0.01): 0, ("adam", 0.005): 1}
    choices = [
        (one.optimizer, rate[one.optimizer, one.rate], one.decay, one.width, one.depth)
        for one in found
    ]
    for a, b in combinations(range(5), 2):
        assert set(Counter((row[a], row[b]) for row in choices).values()) == {4}


def test_the_shown_networks_are_of_one_setting() -> None:
    request = GeneralizeRequest()
    assert [member.bits for member in request.shown] == list(BITS)
    assert len({member.setting for member in request.shown}) == 1
    assert len(request.members) == 64
    assert len(ALL_LEVELS.split(",")) == 77


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": "large"}, "pool must be one of tiny, small, full, got 'large'"),
        ({"reading": "other"}, "reading must be one of paper, reference, got 'other'"),
        ({"bits": (8, 4)}, "bits must be 32, then some of 8, 4 and 2, each once, got 8,4"),
        ({"bits": (32,)}, "bits must be 32, then"),
        ({"bits": (32, 8, 8)}, "bits must be 32, then"),
        ({"landscape": 50}, "landscape must be an odd number of points"),
        ({"measured": 9}, "measured must be at least 10, got 9"),
        ({"train_images": -2}, "train-images must be at least -1, got -2"),
        ({"perturb": "fog:6"}, "fog's severity must be a whole number between 1 and 5, got 6"),
        ({"perturb": "fog:1,fog:1"}, "perturb must have each level once, got fog:1 twice"),
        ({"data": "digit"}, "data must be"),
        ({"scheduler": "slurm"}, "scheduler must be processes or dask:ADDRESS, got 'slurm'"),
    ],
)
def test_bad_options_are_refused(options, message, tmp_path) -> None:
    with pytest.raises(ValueError, match=message):
        check(GeneralizeRequest(**({"out": tmp_path} | options)))


@pytest.mark.parametrize("variable", ["MACCORD_FROST", "MACCORD_CORRUPTED"])
def test_bad_folders_are_refused_before_any_work(variable, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "none"))
    with pytest.raises(ValueError, match=f"{variable} must be a folder"):
        check(GeneralizeRequest(out=tmp_path))
