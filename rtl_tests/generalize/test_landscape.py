"""The landscape's directions and points."""

import numpy as np
import pytest
import torch
from torch import nn

from maccord.generalize import landscape


def network():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4)).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model, torch.randn(6, 2, 4, 4), torch.arange(6) % 4


def test_directions_have_each_filters_norm() -> None:
    model, _, _ = network()
    first, second = landscape.directions(model, 7)
    for tensors in (first, second):
        for direction, layer in zip(tensors, (model[0], model[3]), strict=True):
            for filter_, weights in zip(direction, layer.weight, strict=True):
                assert float(filter_.norm()) == pytest.approx(float(weights.norm()), rel=1e-5)
    assert not torch.equal(first[0], second[0])
    assert torch.equal(first[0], landscape.directions(model, 7)[0][0])
    assert not torch.equal(first[0], landscape.directions(model, 8)[0][0])


def test_points_are_losses_along_the_directions() -> None:
    model, images, labels = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = landscape.rows(model, images, labels, 5, (0, 1, 2, 3, 4), 7)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    first, second = landscape.directions(model, 7)
    for row, column, a, b in ((2, 2, 0, 0), (0, 4, -1, 1), (3, 1, 0.5, -0.5)):
        for layer, one, two in zip((model[0], model[3]), first, second, strict=True):
            layer.weight.add_(a * one + b * two)
        expected = float(nn.functional.cross_entropy(model(images), labels))
        model.load_state_dict(before)
        assert found[row, column] == pytest.approx(expected, rel=1e-5)
    some = landscape.rows(model, images, labels, 5, (3, 4), 7)
    np.testing.assert_array_equal(some, found[3:])
