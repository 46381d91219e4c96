"""Every layer of three networks: golden model and PyTorch's INT8 module, byte for byte."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from golden_layers import random_linear

from maccord.golden.graph import Quantization
from maccord.golden.network import compute
from maccord.nets.framework import qnnpack
from maccord.nets.images import load_crop, normalize
from maccord.nets.int8_modules import layer_of, module_of
from maccord.nets.library import load
from maccord.nets.perturb import parse

INPUTS = ["clean", "awgn:0.3", "brownian:40", "vertical:4", "horizontal:3"]
LAYERS = {"resnet18": 21, "vgg16": 16, "squeezenet1_1": 26}

load = cache(load)


def image(text):
    """Normalized photograph, perturbed with seed 0 unless clean."""
    crop = load_crop()
    return normalize(crop if text == "clean" else parse(text)[0].apply(crop))


@pytest.mark.parametrize("text", INPUTS)
@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_equals_pytorch(name, text) -> None:
    network = load(name)
    recordings = network.record(image(text))
    assert list(recordings) == list(network.layers)
    assert len(recordings) == LAYERS[name]
    different = {}
    for layer_name, recording in recordings.items():
        y_golden = compute(network.layers[layer_name], [recording.x_q])
        assert (recording.x_q.shape, y_golden.shape) == network.shapes[layer_name]
        different[layer_name] = int((y_golden != recording.y_torch).sum())
    assert not any(different.values()), different


@pytest.mark.parametrize("name", LAYERS)
def test_seeded_weights_give_natural_ranges(name) -> None:
    """Outputs use many of their codes, few of them saturated; biases are not zero."""
    network = load(name)
    for layer_name, recording in network.record(image("clean")).items():
        layer = network.layers[layer_name]
        assert len(np.unique(recording.y_torch)) > 100, layer_name
        assert (recording.y_torch == 255).mean() < 0.01, layer_name
        assert np.count_nonzero(layer.bias_q) > 0.9 * layer.bias_q.size, layer_name


def test_perturbations_reach_the_input_codes() -> None:
    network = load("resnet18")
    inputs = [network.record(image(text), ["resnet18.conv1"]) for text in INPUTS]
    codes = [recordings["resnet18.conv1"].x_q for recordings in inputs]
    shares = [(other != codes[0]).mean() for other in codes[1:]]
    assert min(shares) > 0.04
    assert shares[0] > 0.9


def test_one_weight_bit_is_seen() -> None:
    """A bit flipped in the weights as loaded shows, in its own output channel."""
    network = load("resnet18")
    name = "resnet18.layer2.0.downsample.0"
    recording = network.record(image("clean"), [name])[name]
    layer = network.layers[name]
    layer.weight[5, 17, 0, 0] ^= 0x20
    try:
        wrong = np.argwhere(compute(layer, [recording.x_q]) != recording.y_torch)
    finally:
        layer.weight[5, 17, 0, 0] ^= 0x20
    assert len(wrong) > 10
    assert set(wrong[:, 3]) == {5}
    np.testing.assert_array_equal(compute(layer, [recording.x_q]), recording.y_torch)


def test_one_bias_step_is_seen() -> None:
    network = load("squeezenet1_1")
    name = "squeezenet1_1.features.3.expand3x3"
    recording = network.record(image("clean"), [name])[name]
    layer = network.layers[name]
    layer.bias_q[11] += 64
    try:
        wrong = np.argwhere(compute(layer, [recording.x_q]) != recording.y_torch)
    finally:
        layer.bias_q[11] -= 64
    assert set(wrong[:, 3]) == {11}


@pytest.mark.parametrize(
    ("scales", "bias", "message"),
    [
        ((1e-12, 1e-30, 1.0), 0.5, "multiplier must be .*, got 1.00053e-42 in channel 0: input"),
        ((1.0, 1e-3, np.inf), 0.5, "scale must be a normal fp32 number above 0, got inf"),
        ((1.0, 1e-3, 1.0), np.nan, "bias must be finite, got nan in channel 0"),
        ((1e-20, 1e-21, 1e-35), 0.5, "input scale times weight scale must be above 2\\*\\*-128"),
    ],
)
def test_numbers_out_of_range_name_the_layer(scales, bias, message: str) -> None:
    x_scale, w_scale, y_scale = scales
    layer = random_linear(np.random.default_rng(1), 2, 3)
    layer = replace(layer, weight_scale=np.full(2, w_scale), bias=np.full(2, bias, np.float32))
    module = module_of(layer)
    module.scale = y_scale
    with qnnpack(), pytest.raises(ValueError, match=f"^net.fc: {message}"):
        layer_of(module, "net.fc", Quantization(x_scale, 0))
