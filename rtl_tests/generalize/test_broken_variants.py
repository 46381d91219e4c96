"""Deliberately broken variants: each must fail a test that guards it."""

import numpy as np
import pytest
import test_adversarial
import test_correlation
import test_corruptions
import test_evaluate
import test_landscape
import test_measures
import torch

from maccord.generalize import correlation, evaluate, gap, landscape, measures, search
from maccord.nets import adversarial
from maccord.nets.corruptions import blur, noise, tables
from maccord.nets.framework import one_thread


def variance_for_deviation(monkeypatch):
    """Noise with the variance as its deviation, as in the copied code."""
    moved = search.Search.moved

    def squared(self, changes):
        units = search._directions(self, 1)[0]
        return moved(self, [c * c / u for c, u in zip(changes, units, strict=True)])

    monkeypatch.setattr(search, "_DRAWS", 1)
    monkeypatch.setattr(search.Search, "moved", squared)
    test_measures.test_sigma_is_where_two_of_ten_draws_fail(0)


def norm_not_magnitude_aware(monkeypatch):
    def ones(self, magnitude):
        return [torch.ones_like(weight) for weight in search.weights_of(self.model)]

    monkeypatch.setattr(search.Search, "scales", ones)
    test_measures.test_magnitude_aware_sigma_is_relative(0)


def distance_missing_in_mag_orig(monkeypatch):
    """Equation 20 with |w| instead of |w - w0| below."""
    right = measures.measures

    def wrong(weights, first, found, images):
        values = right(weights, first, found, images)
        other = right(weights, first * 0, found, images)
        return values | {"pac-bayes-mag-orig": other["pac-bayes-mag-orig"]}

    monkeypatch.setattr(measures, "measures", wrong)
    test_measures.test_measures_are_equations_15_to_22()


def severity_off_by_one(monkeypatch):
    right = tables.constants
    monkeypatch.setattr(
        test_corruptions, "constants", lambda kind, s, size: right(kind, s % 5 + 1, size)
    )
    test_corruptions.test_noise_has_the_severitys_strength(2, 32)


def tables_of_other_size(monkeypatch):
    right = tables.constants
    monkeypatch.setattr(test_corruptions, "constants", lambda kind, s, size: right(kind, s, 224))
    test_corruptions.test_noise_has_the_severitys_strength(2, 32)


def train_and_test_swapped(monkeypatch):
    right = gap.gap
    monkeypatch.setattr(evaluate, "gap", lambda train, test: right(test, train))
    test_evaluate.test_rows_are_of_the_right_losses()


def glass_without_its_blurs(monkeypatch):
    monkeypatch.setattr(blur, "_gaussian", lambda images, sigma: images)
    test_corruptions.test_glass_copies_neighbours_pixel_by_pixel(3, 32)


def directions_by_layer(monkeypatch):
    """Directions normalized layer by layer, not filter by filter."""

    def layered(model, seed):
        generator = torch.Generator().manual_seed(seed)
        found = ([], [])
        for tensors in found:
            for weight in landscape.weights_of(model):
                drawn = torch.randn(weight.shape, generator=generator)
                tensors.append(drawn * weight.norm() / drawn.norm())
        return found

    monkeypatch.setattr(landscape, "directions", layered)
    test_landscape.test_directions_have_each_filters_norm()


def ties_ignored(monkeypatch):
    """Kendall's tau-a in place of tau-b."""

    def plain(x, y, weights):
        count = weights.sum(axis=1)
        both = np.einsum("ri,ij,rj->r", weights, x * y, weights)
        return both / (count * (count - 1))

    monkeypatch.setitem(correlation._METHODS, "kendall", plain)
    test_correlation.test_values_are_scipys("kendall")


def networks_resampled_apart(monkeypatch):
    """Four precisions of a setting as four networks of their own: intervals half as wide."""
    right = correlation.correlation
    monkeypatch.setattr(
        correlation, "correlation", lambda *given, groups=None, **named: right(*given, **named)
    )
    test_correlation.test_networks_of_a_setting_are_resampled_together()


def descent_for_ascent(monkeypatch):
    right = adversarial._slope
    monkeypatch.setattr(adversarial, "_slope", lambda *given: -right(*given))
    test_adversarial.test_a_linear_networks_worst_corner_is_found("fgsm", test_adversarial.PLAIN)


def salt_without_pepper(monkeypatch):
    def white(images, amount, rngs):
        noisy = images.copy()
        for image, rng in zip(noisy, rngs, strict=True):
            image[rng.random(image.shape) <= amount] = 1
        return noisy

    monkeypatch.setattr(noise, "impulse_noise", white)
    test_corruptions.test_noise_has_the_severitys_strength(3, 96)


VARIANTS = (
    *(variance_for_deviation, norm_not_magnitude_aware, distance_missing_in_mag_orig),
    *(severity_off_by_one, tables_of_other_size, train_and_test_swapped),
    *(glass_without_its_blurs, directions_by_layer, ties_ignored),
    *(networks_resampled_apart, descent_for_ascent, salt_without_pepper),
)


@pytest.mark.parametrize("broken", VARIANTS)
def test_a_broken_variant_fails_its_test(broken, monkeypatch) -> None:
    with one_thread(), pytest.raises(AssertionError):
        broken(monkeypatch)
