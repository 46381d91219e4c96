"""Measures against closed forms; the search on a linear model, where its answer is known."""

import copy
from itertools import chain, repeat
from math import log, sqrt

import numpy as np
import pytest
import torch
from torch import nn

from maccord.generalize import measures as measuring
from maccord.generalize import search as searching
from maccord.generalize.claim import _SMALLEST
from maccord.generalize.measures import Found, measures, normalized
from maccord.generalize.search import Search
from maccord.nets.framework import one_thread

WEIGHTS = np.array([0.5, -1.0, 2.0])
FIRST = np.array([0.25, 0.5, 1.5])
FOUND = Found(sigma=0.1, mag_sigma=0.2, alpha=0.3, mag_alpha=0.4)
IMAGES = 50
STEP = 2 / 2**15


@pytest.fixture(autouse=True)
def single():
    with one_thread():
        yield


def test_measures_are_equations_15_to_22() -> None:
    d = [0.25, -1.5, 0.5]
    init, orig = 0.0625 + 2.25 + 0.25, 0.25 + 1 + 4
    eps, omega = 1e-3, 3
    expected = {
        "pac-bayes-init": init / (4 * 0.1**2) + log(50 / 0.1) + 10,
        "pac-bayes-orig": orig / (4 * 0.1**2) + log(50 / 0.1) + 10,
        "sharpness-init": init * log(2 * omega) / (4 * 0.3**2) + log(50 / 0.3) + 10,
        "sharpness-orig": orig * log(2 * omega) / (4 * 0.3**2) + log(50 / 0.3) + 10,
        "l2": sqrt(orig),
        "l2-distance": sqrt(init),
    }
    for name, square in (("init", init), ("orig", orig)):
        factor = 0.2**2 + 1
        expected[f"pac-bayes-mag-{name}"] = (
            sum(log((eps**2 + factor * square / omega) / (eps**2 + 0.2**2 * each**2)) for each in d)
            / 4
            + log(50 / 0.2)
            + 10
        )
        factor = 0.4**2 + 4 * log(2 * omega / 0.4)
        expected[f"sharpness-mag-{name}"] = (
            sum(log((eps**2 + factor * square / omega) / (eps**2 + 0.4**2 * each**2)) for each in d)
            / 4
            + log(50 / 0.4)
            + 10
        )
    found = measuring.measures(WEIGHTS, FIRST, FOUND, IMAGES)
    assert found == pytest.approx(expected, rel=1e-12)
    assert set(found) == {*measuring.MEASURES, "l2", "l2-distance"}


def test_table_3_has_roots_over_images() -> None:
    found = normalized({"pac-bayes-init": 200.0, "sharpness-mag-orig": -8.0, "l2": 3.0}, 50)
    assert found == pytest.approx({"pac-bayes-init": 2, "sharpness-mag-orig": -0.4, "l2": 3})


class Sign(nn.Module):
    """Logits (w x, 0): the label 0 wins as long as w is positive."""

    def __init__(self, weight) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1, bias=False)
        self.layer.weight.data.fill_(weight)

    def forward(self, x):
        return torch.cat([self.layer(x), torch.zeros(len(x), 1)], 1)


def line(weight, seed=0):
    model = Sign(weight)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return Search(model, torch.ones(10, 1), torch.zeros(10, dtype=torch.int64), seed)


def units(seed):
    generator = torch.Generator().manual_seed(seed)
    return np.array([float(torch.randn((1, 1), generator=generator)) for _ in range(10)])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sigma_is_where_two_of_ten_draws_fail(seed) -> None:
    """One of ten may: the mean drop is then 0.1."""
    worst = np.sort(units(seed))[1]
    found = searching.pac_bayes(line(0.3, seed))
    assert found == pytest.approx(min(0.3 / -worst, 2), abs=STEP)
    assert found == searching.pac_bayes(line(0.3, seed))  # repeatable


@pytest.mark.parametrize("seed", [0, 1])
def test_magnitude_aware_sigma_is_relative(seed) -> None:
    """The deviation is the root of ``sigma**2 w**2 + eps**2``."""
    worst = -np.sort(units(seed))[1]
    weight = 0.01
    expected = sqrt((weight / worst) ** 2 - 1e-6) / weight
    found = searching.pac_bayes(line(weight, seed), magnitude=True)
    assert found == pytest.approx(min(expected, 2), abs=2 * STEP)


@pytest.mark.parametrize("clean", [0.9, 0.93, 0.96, 1.0])
def test_a_drop_of_a_tenth_is_borne_whatever_the_rounding(clean, monkeypatch) -> None:
    for after, expected in ((clean - 0.1, 2), (clean - 0.11, STEP)):
        found = chain([clean], repeat(round(after, 2)))
        monkeypatch.setattr(Search, "accuracy", lambda _, found=found: next(found))
        assert searching.pac_bayes(line(0.3)) == pytest.approx(expected, abs=STEP)


def test_alpha_is_the_worst_bound() -> None:
    """A steep climb reaches the corner -alpha, which is fatal from alpha = w on."""
    assert searching.sharpness(line(0.3), rate=1e9) == pytest.approx(0.3, abs=2 * STEP)
    relative = searching.sharpness(line(0.01), magnitude=True, rate=1e9)
    assert relative == pytest.approx((0.01 - 1e-3) / 0.01, abs=2 * STEP)
    assert searching.sharpness(line(1e-9), rate=1e9) == _SMALLEST  # bears nothing
    lazy = searching.sharpness(line(0.3, 3), rate=1e-12)  # noise alone
    assert lazy >= searching.sharpness(line(0.3, 3), rate=1e9)


def test_a_search_leaves_the_network_as_it_was() -> None:
    search = line(0.3)
    searching.find(search)
    assert float(search.model.layer.weight) == pytest.approx(0.3)
    assert not search.model.layer.weight.requires_grad


def small():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 16, 4))
    images, labels = torch.randn(20, 1, 6, 6), torch.arange(20) % 4
    rate = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(40):
        rate.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        rate.step()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model.eval(), images, labels


def published_sigma(model, images, labels, accuracy, seed, eps=None):
    """Transcribe the algorithm of the code that QGen names, with copies of the network."""
    low, high, sigma = 0.0, 2.0, 1.0
    generator = torch.Generator()
    generator.manual_seed(10348628753 + seed)
    for _ in range(15):
        sigma = (low + high) / 2
        scores = []
        for _ in range(10):
            noisy = copy.deepcopy(model)
            noise = []
            for p in model.parameters():
                if eps is None:
                    noise.append(torch.normal(0, sigma**2, p.shape, generator=generator))
                else:
                    spread = sigma**2 * p.abs() ** 2 + eps**2
                    noise.append(torch.normal(0, spread, generator=generator))
            for p, n in zip(noisy.parameters(), noise, strict=True):
                p.add_(n)
            scores.append((noisy(images).argmax(1) == labels).sum().item() / len(labels))
        moved = abs(np.mean(scores) - accuracy)
        if abs(moved - 0.1) < 1e-2:
            break
        if moved > 0.1:
            high = sigma
        else:
            low = sigma
    return sigma


@pytest.mark.parametrize("magnitude", [False, True])
def test_the_reference_reading_is_the_copied_code(magnitude) -> None:
    """Same draws, same sigma: also where noise has the variance as its deviation."""
    model, images, labels = small()
    for seed in (5,):
        search = Search(model, images, labels, seed)
        clean = search.accuracy()
        assert clean > 0.9
        eps = 1e-3 if magnitude else None
        with torch.no_grad():
            expected = published_sigma(model, images, labels, clean, seed, eps)
        found = searching.reference_pac_bayes(search, magnitude=magnitude)
        assert found == pytest.approx(expected, abs=1e-9)


def published_measures(weights, first, sigma, mag_sigma, m, eps=1e-3):
    """Transcribe the bounds of the code that QGen names; it has none for sharpness."""
    distance, omega = weights - first, len(weights)

    def bound(vector):
        return vector.norm(p=2) ** 2 / (4 * sigma**2) + log(m / sigma) + 10

    def magnitude_bound(vector):
        above = eps**2 + (mag_sigma**2 + 1) * vector.norm(p=2) ** 2 / omega
        below = eps**2 + mag_sigma**2 * distance**2
        return (above / below).log().sum() / 4 + log(m / mag_sigma) + 10

    found = {"init": bound(distance), "orig": bound(weights)}
    found |= {"mag-init": magnitude_bound(distance), "mag-orig": magnitude_bound(weights)}
    return {f"pac-bayes-{name}": float(value) for name, value in found.items()}


def test_measures_are_the_copied_codes() -> None:
    """With the sigma that its search finds, on the same draws."""
    model, images, labels = small()
    found = searching.find(Search(model, images, labels, 5), "reference")
    weights = torch.cat([p.flatten() for p in (model[0].weight, model[3].weight)]).double()
    first = weights + torch.randn(len(weights), generator=torch.Generator().manual_seed(1))
    expected = published_measures(weights, first, found.sigma, found.mag_sigma, len(labels))
    ours = measuring.measures(weights.numpy(), first.numpy(), found, len(labels))
    assert {name: ours[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_the_readings_differ_by_the_square() -> None:
    """A deviation of sigma**2 needs sigma near the root of the paper's."""
    model, images, labels = small()
    search = Search(model, images, labels)
    paper, reference = searching.pac_bayes(search), searching.reference_pac_bayes(search)
    assert reference**2 == pytest.approx(paper, rel=0.5)
    assert reference > 1.2 * paper


def test_measures_of_a_search_are_finite() -> None:
    model, images, labels = small()
    found = searching.find(Search(model, images, labels))
    weights = np.concatenate([p.numpy().ravel() for p in (model[0].weight, model[3].weight)])
    values = measures(weights.astype(float), weights * 0.0, found, len(labels))
    assert all(np.isfinite(list(values.values())))
    assert values["pac-bayes-init"] == pytest.approx(values["pac-bayes-orig"])
