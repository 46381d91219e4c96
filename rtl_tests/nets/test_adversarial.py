"""FGSM and PGD: closed forms on a linear network, bounds, and independence of the batch."""

import numpy as np
import pytest
import torch
from torch import nn

from maccord.nets import adversarial
from maccord.nets.images import IMAGENET, Normalization
from maccord.nets.perturb import Composition, Perturbation, parse
from maccord.sim.inputs import Inputs, check_inputs

SIZE = 4
PLAIN = Normalization((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def linear(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE**2, 2)).eval()


def crops(count=5, seed=0):
    drawn = np.random.default_rng(seed).random((count, SIZE, SIZE, 3), dtype=np.float32)
    return (0.3 + 0.4 * drawn).astype(np.float32)


@pytest.mark.parametrize("kind", ["fgsm", "pgd"])
@pytest.mark.parametrize("by", [PLAIN, IMAGENET])
def test_a_linear_networks_worst_corner_is_found(kind, by) -> None:
    """The loss grows along the difference of the two rows of weights, whatever the scale."""
    model, clean, bound = linear(), crops(), 0.05
    labels = np.array([0, 1, 0, 1, 1])
    weights = model[1].weight.detach().numpy().reshape(2, 3, SIZE, SIZE).transpose(0, 2, 3, 1)
    found = adversarial.attack(model, clean, labels, kind, bound, range(5), 1, by)
    for crop, label, result in zip(clean, labels, found, strict=True):
        corner = crop + bound * np.sign(weights[1 - label] - weights[label])
        np.testing.assert_allclose(result, corner.clip(0, 1), atol=1e-6)


@pytest.mark.parametrize("kind", ["fgsm", "pgd"])
def test_attacks_stay_within_their_bound_and_the_range(kind) -> None:
    model, clean = linear(1), crops() * 1.4
    labels = np.zeros(5, np.int64)
    found = adversarial.attack(model, clean.clip(0, 1), labels, kind, 0.1, range(5))
    assert found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1
    assert np.abs(found - clean.clip(0, 1)).max() <= 0.1 + 1e-6
    alone = adversarial.attack(model, clean[3:4].clip(0, 1), labels[3:4], kind, 0.1, [3])
    np.testing.assert_array_equal(alone[0], found[3])


def test_levels_are_parsed_and_need_a_network() -> None:
    level = parse("pgd:0.05")[0]
    assert level == Perturbation("pgd", 0.05) and level.adversarial
    assert not parse("fog:1")[0].adversarial
    with pytest.raises(ValueError, match="pgd needs a trained network and labels: maccord study"):
        level.apply(crops()[0])
    with pytest.raises(ValueError, match="fgsm's largest change must be above 0 and at most 1"):
        parse("fgsm:1.5")
    with pytest.raises(ValueError, match=r"fgsm:0.1 must stand alone, got it in a composition"):
        Composition(parse("awgn:0.1,fgsm:0.1"))
    with pytest.raises(ValueError, match="perturb must be noise, streaks or corruptions, got pgd"):
        check_inputs(Inputs(perturb="pgd:0.05"))
