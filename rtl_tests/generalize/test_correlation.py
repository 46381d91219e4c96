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


def test_order_is_all_that_counts() -> None:
    x = np.arange(9.0)
    for method in ORACLES:
        found = correlating.correlation(x, np.exp(x), method, name="a")
        assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))
        assert correlating.correlation(x, -x, method, name="a").value == pytest.approx(-1)
    assert correlating.kendall(x, np.ones(9)) == 0
