"""Rank correlations against SciPy, on whole and resampled data."""

import numpy as np
import pytest
from scipy import stats

from maccord.generalize import correlation as correlating

ORACLES = {"kendall": stats.kendalltau, "spearman": stats.spearmanr}


@pytest.mark.parametrize("method", ORACLES)
def test_values_are_scipys(method) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y = rng.integers(0, 8, (2, 15)).astype(float)  # with ties
        found = correlating.correlation(x, y, method, name="a", resamples=2)
        assert found.value == pytest.approx(ORACLES[method](x, y).statistic, abs=1e-12)


@pytest.mark.parametrize("method", ORACLES)
def test_intervals_are_of_resampled_networks(method) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=12)
    y = x + rng.normal(size=12)
    found = correlating.correlation(x, y, method, name="pool", seed=3, resamples=200)
    draws = np.random.default_rng([3, 2945558918]).integers(0, 12, (200, 12))
    direct = [ORACLES[method](x[row], y[row]).statistic for row in draws]
    assert [found.low, found.high] == pytest.approx(np.quantile(direct, [0.025, 0.975]))
    assert found.low < found.value < found.high


def test_networks_of_a_setting_are_resampled_together() -> None:
    """Each copy four times: the interval is that of one copy, not narrower."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=9)
    y = x + rng.normal(size=9)
    names = [f"s{number}" for number in range(9)]
    one = correlating.correlation(x, y, "spearman", name="a", groups=names, resamples=300)
    four = correlating.correlation(
        np.tile(x, 4), np.tile(y, 4), "spearman", name="a", groups=names * 4, resamples=300
    )
    assert (four.low, four.high) == pytest.approx((one.low, one.high))
    alone = correlating.correlation(np.tile(x, 4), np.tile(y, 4), "spearman", name="a")
    assert alone.high - alone.low < 0.7 * (four.high - four.low)


def test_within_settings_only_their_pairs_count() -> None:
    """Rising inside each of three settings, falling from one to the next."""
    x = np.array([1.0, 2, 11, 12, 21, 22])
    y = np.array([5.0, 6, 3, 4, 1, 2])
    names = list("aabbcc")
    found = correlating.correlation(x, y, "within", name="a", groups=names, resamples=50)
    assert (found.value, found.low, found.high) == (1, 1, 1)
    assert correlating.kendall(x, y) < 0
    y[4:] = 2, 1  # now two of three pairs rise
    found = correlating.correlation(x, y, "within", name="a", groups=names, resamples=400)
    assert found.value == pytest.approx(1 / 3)
    draws = np.random.default_rng([0, 3904355907]).integers(0, 3, (400, 3))
    direct = np.array([1, 1, -1])[draws].mean(axis=1)
    assert [found.low, found.high] == pytest.approx(np.quantile(direct, [0.025, 0.975]))


def test_order_is_all_that_counts() -> None:
    x = np.arange(9.0)
    for method in ORACLES:
        found = correlating.correlation(x, np.exp(x), method, name="a")
        assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))
        assert correlating.correlation(x, -x, method, name="a").value == pytest.approx(-1)
    assert correlating.kendall(x, np.ones(9)) == 0
