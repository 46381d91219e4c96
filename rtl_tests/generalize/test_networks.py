"""Networks of the pool: trained, at their start, folded; bins of their weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from maccord.generalize import networks as pooled
from maccord.generalize.networks import Trained
from maccord.generalize.pool import Member
from maccord.nets.framework import one_thread


@pytest.fixture(autouse=True)
def single():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict[int, Trained]:
    folder = tmp_path_factory.mktemp("pool")
    found = {}
    for bits in (32, 2):
        member = Member("adam", 0.01, 1e-4, 1, 2, bits)
        found[bits] = Trained(member, "digits", 64, 2, 32, 0, folder)
        with one_thread():
            pooled.train(found[bits])
    return found


def test_training_repeats_itself_and_is_kept(trained, tmp_path) -> None:
    again = replace(trained[2], folder=tmp_path)
    pooled.train(again)
    ours, theirs = (pooled.network_of(task).state_dict() for task in (trained[2], again))
    for name, value in ours.items():
        assert torch.equal(value, theirs[name])
    before = again.weights.stat().st_mtime_ns
    pooled.train(again)
    assert again.weights.stat().st_mtime_ns == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [again.weights.name]


def test_folding_keeps_results(trained) -> None:
    images, _ = pooled.batch_of("digits", "test", 20)
    for task in trained.values():
        for model in (pooled.network_of(task), pooled.initial(task)):
            folded = pooled.folded(model)
            assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
            with torch.no_grad():
                torch.testing.assert_close(folded(images), model(images), rtol=1e-4, atol=1e-4)

    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(3)
            self.act = nn.ReLU()

        def forward(self, x):
            return self.norm(self.act(x))

    with pytest.raises(ValueError, match="batch norm must follow a convolution alone, got norm"):
        pooled.folded(Late().eval())


def test_the_start_is_the_same_at_all_precisions_but_quantized(trained) -> None:
    first, coarse = (pooled.initial(trained[bits]) for bits in (32, 2))
    for a, b in zip(pooled.weights_of(first), pooled.weights_of(coarse), strict=True):
        assert np.corrcoef(a.detach().abs().flatten(), b.detach().abs().flatten())[0, 1] > 0.8
    inner = pooled.weights_of(coarse)[1]
    assert len(inner.unique()) <= 4


def test_bins_are_the_steps_of_the_weights(trained) -> None:
    assert pooled.bin_widths(trained[32]) == {}
    model = pooled.network_of(trained[2])
    found = pooled.bin_widths(trained[2])
    layers = {n: m for n, m in model.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))}
    assert list(found) == list(layers)
    for place, (name, layer) in enumerate(layers.items()):
        codes = layer.weight.detach().double() / found[name]
        np.testing.assert_allclose(codes, codes.round(), atol=1e-3)
        top = 127 if place in (0, len(layers) - 1) else 1
        assert codes.round().max() <= top and codes.round().min() >= -top - 1
