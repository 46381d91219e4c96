"""The bootstrap against one written as a loop, its draws, and how often its intervals hold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from maccord.study.bootstrap import Resamples, interval
from maccord.study.metrics import f1, f1_resampled


def drawn(resamples: Resamples) -> list[np.ndarray]:
    """Indices of the images in each resample."""
    every = np.arange(resamples.images)
    return [np.repeat(every, row.astype(int)) for row in resamples.weights]


@pytest.mark.parametrize("images", [1, 2, 37, 400])
def test_each_resample_has_as_many_images_as_there_are(images: int) -> None:
    weights = Resamples(images, "a", count=50).weights
    assert weights.shape == (50, images) and (weights.sum(axis=1) == images).all()
    assert (weights == np.floor(weights)).all() and (weights >= 0).all()


def test_draws_depend_on_name_and_seed_only() -> None:
    first = Resamples(30, "a", seed=3).weights
    Resamples(50, "b", seed=3)
    assert (Resamples(30, "a", seed=3).weights == first).all()
    assert (Resamples(30, "b", seed=3).weights != first).any()
    assert (Resamples(30, "a", seed=4).weights != first).any()
    assert (Resamples(30, "a", seed=3, count=10).weights == first[:10]).all()


def test_draws_are_uniform() -> None:
    weights = Resamples(20, "a", count=20_000).weights
    # A weight is binomial(20, 1/20): mean 1, variance 0.95
    assert np.abs(weights.mean(axis=0) - 1).max() < 5 * np.sqrt(0.95 / 20_000)
    assert weights.var() == pytest.approx(0.95, rel=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_means_and_shares_equal_those_of_the_images_drawn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, holds = rng.normal(size=45), rng.random((45, 3)) < 0.3
    resamples = Resamples(45, "a", seed=seed, count=40)
    np.testing.assert_allclose(
        resamples.means(values), [values[i].mean() for i in drawn(resamples)], rtol=1e-12
    )
    assert (resamples.shares(holds) == [holds[i].sum(axis=0) / 45 for i in drawn(resamples)]).all()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("classes", [2, 5, 40])
def test_f1_equals_scikit_learns_on_every_resample(seed: int, classes: int) -> None:
    rng = np.random.default_rng([seed, classes])
    labels = rng.integers(0, max(2, classes - 1), 60)  # the last class is decided, never right
    decided = np.where(rng.random(60) < 0.6, labels, rng.integers(0, classes, 60))
    resamples = Resamples(60, "a", seed=seed, count=25)
    weighted, macro = f1_resampled(resamples, labels, decided, classes)
    for average, found in (("weighted", weighted), ("macro", macro)):
        expected = [f1_score(labels[i], decided[i], average=average) for i in drawn(resamples)]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    everything = Resamples(60, "a", count=1)
    everything.weights[:] = 1
    whole = f1_resampled(everything, labels, decided, classes)
    assert [float(score[0]) for score in whole] == pytest.approx(list(f1(labels, decided)))


def test_intervals_hold_what_they_should_about_19_times_in_20() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for index in range(200):
        ends = interval(Resamples(200, str(index), count=300).shares(rng.random(200) < 0.3))
        held += ends[0] <= 0.3 <= ends[1]
    assert 178 <= held <= 199  # binomial(200, 0.95) leaves these once in 2,000 times


def test_ends_are_the_percentiles() -> None:
    assert interval(np.arange(1001.0)) == pytest.approx((25, 975))
    assert interval(np.full(10, 0.25)) == (0.25, 0.25)


def test_bad_numbers_are_named() -> None:
    with pytest.raises(ValueError, match="images must be between 1 and 16777215, got 0"):
        Resamples(0, "a")
    with pytest.raises(ValueError, match="resamples must be at least 1, got 0"):
        Resamples(3, "a", count=0)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        Resamples(3, "a", seed=-1)
