"""Narrow weights keep their codes on the way from a float module to the integer graph."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from maccord.golden.graph import Conv2d, Linear
from maccord.nets.lattice import lattice_scales
from maccord.nets.library import quantized
from maccord.nets.training.lsq import attach, detach, span, widths


def test_every_channel_has_its_own_scale() -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(-8, 8, (40, 3, 3, 3))
    codes[:, 0, 0, 0] = -8  # with all factors of two and three, no smaller codes do
    codes[:, 0, 0, 1] = 7
    scales = rng.uniform(1e-4, 1, 40).astype(np.float32)
    weight = torch.from_numpy(codes * scales[:, None, None, None]).float()
    found = lattice_scales(weight)
    assert found is not None
    np.testing.assert_allclose(found.numpy(), scales, rtol=1e-6)
    flat = codes.reshape(40, -1)
    again = torch.round(weight.flatten(1) / found[:, None]).numpy()
    np.testing.assert_array_equal(again, flat)


@pytest.mark.parametrize("wrong", [(0, 0.5), (39, 0.02)])
def test_one_weight_off_the_lattice_is_noticed(wrong: tuple[int, float]) -> None:
    """In the last place of the last channel, too; 0.02 of a step is far from rounding."""
    channel, off = wrong
    codes = np.random.default_rng(4).integers(-100, 100, (40, 300)).astype(np.float32)
    codes[channel, -1] += off
    assert lattice_scales(torch.from_numpy(codes)) is None


def test_weights_at_random_are_on_no_lattice() -> None:
    assert lattice_scales(torch.randn(8, 64, generator=torch.Generator().manual_seed(5))) is None


def test_dead_channels_have_no_scale() -> None:
    found = lattice_scales(torch.tensor([[0.0, 0.0], [0.5, -0.25]]))
    assert found is not None
    assert found.tolist() == [0.0, 0.25]


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_codes_fit_after_batch_norm_is_folded(bits: int) -> None:
    """With negative scales before the training; the codes are those of the layer before."""
    torch.manual_seed(bits)
    layers = [nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 6, 3, groups=6)]
    layers += [nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(6, 4)).eval()
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):
            layer.weight.data.normal_()
            layer.running_var = torch.rand(6) + 0.5
            layer.running_mean = torch.randn(6)
    attach(model, widths(model, bits, ends=bits))
    detach(model)
    images = [torch.randn(1, 3, 12, 12).numpy() for _ in range(2)]
    graph = quantized(model, "narrow", "learned steps", images).graph
    operations = [node.operation for node in graph.nodes]
    found = [each for each in operations if isinstance(each, Conv2d | Linear)]
    assert len(found) == 3
    below, above = span(bits)
    for operation, module in zip(found, (model[0], model[3], model[8]), strict=True):
        assert -below <= operation.weight.min() <= operation.weight.max() <= above
        floats = module.weight.detach().flatten(1).numpy()
        folded = operation.weight.reshape(len(floats), -1).astype(np.float64)
        for channel, codes in zip(floats, folded, strict=True):
            ratio = np.abs(channel).max() / max(np.abs(codes).max(), 1)
            np.testing.assert_allclose(codes * ratio, channel, atol=1e-3 * ratio)
