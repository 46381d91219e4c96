"""Learned steps of activations: equations, places, the INT8 network's scales, three ways in RTL."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import test_resume
import torch
from narrow_networks import NARROW_ARRAYS
from test_resume import SETTINGS, TINY, Killed, _bomb, _run, _same
from torch import nn

from maccord.api.testing import assert_equal_in_rtl
from maccord.golden.graph import Add, Conv2d, Linear
from maccord.golden.network import execute
from maccord.nets.checkpoint import load_checkpoint
from maccord.nets.learned_steps import (
    IMAGE,
    LearnedActivation,
    add_steps,
    drop_steps,
    learned_steps,
    plain,
    steps_in,
)
from maccord.nets.library import load, quantized
from maccord.nets.networks import Architecture
from maccord.nets.spelling import trace
from maccord.nets.training import lsq
from maccord.nets.training.activations import attach_activations, places
from maccord.nets.training.digits import outline, small

pytestmark = pytest.mark.usefixtures("quick_builds")

IMAGES = torch.from_numpy(np.random.default_rng(0).normal(size=(8, 3, 32, 32)).astype(np.float32))


class Net(nn.Module):
    """ReLU, ReLU6, a sum with and without a ReLU behind it, a pool, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(2)
            self.stem = nn.Sequential(
                nn.Conv2d(3, 8, 3, 2, bias=False), nn.BatchNorm2d(8), nn.ReLU()
            )
            self.a = nn.Conv2d(8, 8, 3, padding=1)
            self.b = nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU6())
            self.relu = nn.ReLU()
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.head = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = self.b(self.relu(self.a(x) + x))
        return self.head(torch.flatten(self.pool(x), 1))


def learned_net(images: torch.Tensor = IMAGES) -> Net:
    """With steps as training could leave them: odd numbers, each another."""
    model = Net().eval()
    attach_activations(model, images)
    for place, step in enumerate(learned_steps(model).values()):
        step.step.data *= (1 + 0.01 * place) * (-1) ** place  # the sign does not matter
    return model


def scales(model: nn.Module) -> set[tuple[float, int]]:
    return {(s.scale.item(), s.zero_point) for s in learned_steps(model).values()}


@pytest.mark.parametrize(
    ("signed", "values", "codes", "inside"),
    [
        (False, [-1.0, 0.3, 0.8, 200.0], [0, 1, 2, 255], [0, 1, 1, 0]),
        (True, [-200.0, -0.3, 0.8, 70.0], [-128, -1, 2, 127], [0, 1, 1, 0]),
    ],
)
def test_by_hand(signed: bool, values: list, codes: list, inside: list) -> None:
    """Step 0.5; two images, so N is half of the values."""
    learned = LearnedActivation(signed)
    learned.step.data.fill_(0.5)
    x = torch.tensor([values[:2], values[2:]], requires_grad=True)
    y = learned(x)
    assert (y.detach() / 0.5).flatten().tolist() == codes
    y.sum().backward()
    assert x.grad is not None
    assert learned.step.grad is not None
    assert x.grad.flatten().tolist() == inside
    terms = [
        code - (value / 0.5 if within else 0)
        for code, value, within in zip(codes, values, inside, strict=True)
    ]
    scale = 1 / math.sqrt(2 * (127 if signed else 255))
    assert learned.step.grad.item() == pytest.approx(sum(terms) * scale, rel=1e-4)


def test_places_and_first_steps() -> None:
    model = Net().eval()
    found = places(model, IMAGES[:1])
    assert found == {IMAGE: True, "stem.2": False, "a": True, "relu": False, "b.1": False}
    attach_activations(model, IMAGES)
    step = learned_steps(model)[IMAGE].step
    assert step.item() == pytest.approx(2 * IMAGES.abs().mean().item() / math.sqrt(127), rel=1e-5)
    blocks = [path for path in places(outline("mobilenet_v2"), IMAGES[:1]) if path.count(".") == 1]
    assert blocks  # sums without a ReLU are results of their blocks


def test_networks_with_concatenations_are_refused() -> None:
    with pytest.raises(ValueError, match=r"without concatenations, .* got SqueezeNet"):
        places(outline("squeezenet1_1"), IMAGES[:1])


def test_hooks_are_the_networks_own_and_unseen_by_fx() -> None:
    model = learned_net()
    other = copy.deepcopy(model)
    for step in learned_steps(other).values():
        step.step.data *= 3
    with torch.no_grad():
        before, changed = model(IMAGES), other(IMAGES)
        assert not torch.equal(before, changed)
        with plain(model):
            floats = model(IMAGES)
            assert torch.equal(trace(model)(IMAGES), floats)
        assert not torch.equal(before, floats)
        assert torch.equal(model(IMAGES), before)
        drop_steps(other)
        assert torch.equal(other(IMAGES), floats)
        assert set(other.state_dict()) == set(Net().state_dict())


def test_int8_has_exactly_the_learned_scales() -> None:
    """By name, in a small network, and PyTorch's kernels equal the golden model."""
    model = learned_net()
    network = quantized(model, "net", "learned", [image[None].numpy() for image in IMAGES])
    steps = learned_steps(model)
    expected = {"stem.0": "stem.2", "a": "a", "b.0": "b.1"}
    graph = network.graph
    at = {node.operation.name: graph.tensors[node.name].quantization for node in graph.nodes}
    for layer, path in expected.items():
        own = at[f"net.{layer}"]
        assert (own.scale, own.zero_point) == (steps[path].scale.item(), steps[path].zero_point)
    image = graph.input.quantization
    assert (image.scale, image.zero_point) == (steps[IMAGE].scale.item(), 128)
    sums = [n for n in graph.nodes if isinstance(n.operation, Add)]
    assert [graph.tensors[n.name].quantization.scale for n in sums] == [steps["relu"].scale.item()]
    images = IMAGES.numpy()
    computed = execute(graph, network.input_codes(images))
    for tensor, values in network.tensors(images).items():
        np.testing.assert_array_equal(computed[tensor], values, err_msg=tensor)


@pytest.mark.parametrize("name", ["resnet18", "nin", "mobilenet_v2"])
def test_all_inputs_of_layers_and_sums_are_learned(name: str) -> None:
    model = outline(name)
    attach_activations(model, IMAGES)
    for place, step in enumerate(learned_steps(model).values()):
        step.step.data *= 1 + 0.001 * place
    network = quantized(model, name, "learned", [image[None].numpy() for image in IMAGES])
    graph = network.graph
    known, seen = scales(model), set()
    for node in graph.nodes:
        if isinstance(node.operation, Conv2d | Linear | Add):
            for tensor in node.inputs:
                found = graph.tensors[tensor].quantization
                assert (found.scale, found.zero_point) in known, (node.operation.name, tensor)
                seen.add((found.scale, found.zero_point))
    assert seen == known


def test_a_checkpoint_has_the_steps(tmp_path: Path) -> None:
    model = outline("nin")
    lsq.attach(model, lsq.widths(model, 4))
    attach_activations(model, IMAGES)
    lsq.detach(model)
    path = tmp_path / "weights.pt"
    torch.save(model.state_dict(), path)
    again = load_checkpoint(small("nin"), path)
    assert steps_in(model.state_dict()) == places(outline("nin"), IMAGES[:1])
    assert torch.equal(again(IMAGES), model(IMAGES))
    images = [image[None].numpy() for image in IMAGES]
    networks = [
        load("nin", path, calibration=images, cache=tmp_path, variant=small("nin"))
        for _ in range(2)  # the second comes from the cache
    ]
    for network in networks:
        own = [tensor.quantization for tensor in network.graph.tensors.values()]
        assert scales(model) <= {(each.scale, each.zero_point) for each in own}
        computed = execute(network.graph, network.input_codes(IMAGES.numpy()))
        for tensor, values in network.tensors(IMAGES.numpy()).items():
            np.testing.assert_array_equal(computed[tensor], values, err_msg=tensor)


def test_steps_that_int8_cannot_have_are_refused() -> None:
    images = [image[None].numpy() for image in IMAGES]
    model = Net().eval()
    add_steps(model, {"stem.0": True})  # batch norm is folded: no tensor in INT8
    with pytest.raises(ValueError, match=r"of tensors that INT8 quantizes, got stem\.0"):
        quantized(model, "net", "learned", images)
    model = Net().eval()
    add_steps(model, {"b.1": False, "pool": False})  # a pool keeps its input's scale
    with pytest.raises(ValueError, match=r"with scales of their own, got one scale for"):
        quantized(model, "net", "learned", images)
    with pytest.raises(ValueError, match="must have a forward of its own, got Sequential"):
        add_steps(nn.Sequential(nn.ReLU()), {"0": False})


class Small(nn.Module):
    """The network of `test_resume`, with a forward of its own."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layers = TINY.build(classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def test_resumes_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_resume, "TINY", Architecture("small", Small, "layers.5.weight"))
    settings = replace(SETTINGS, weight_bits=4, learned_activations=True)
    whole = _run(tmp_path / "whole", 3, settings)
    with pytest.raises(Killed):
        _run(tmp_path / "cut", 3, settings, on_step=partial(_bomb, fuse=[5]))
    assert _same(_run(tmp_path / "cut", 3, settings), whole)
    assert steps_in(whole) == {IMAGE: True, "layers.2": False}
    short = _run(tmp_path / "short", 1, settings)
    step = "learned_steps.layers/2.step"
    assert not torch.equal(short[step], whole[step])  # it is learned
    with pytest.raises(ValueError, match="whose learned_activations is True instead of False"):
        _run(tmp_path / "short", 1, replace(settings, learned_activations=False))


def test_three_ways_equal_in_rtl() -> None:
    images = IMAGES[:3, :, :12, :12]
    assert_equal_in_rtl(learned_net(images), images.numpy(), NARROW_ARRAYS["9x4 bus 8"])
