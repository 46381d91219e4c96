"""Modules of the user's own: what runs equals PyTorch, what cannot is refused in a sentence."""

import numpy as np
import pytest

from maccord.golden.network import execute, logits
from maccord.nets.module import load_module

RNG = np.random.default_rng(11)
IMAGES = [RNG.normal(0, 1, (1, 3, 32, 32)).astype(np.float32) for _ in range(4)]

NAMES = {
    "Pooled": ["conv", "max", "avg", "cat", "mixed", "max_pool2d", "avg_pool2d", "adaptive"]
    + ["flatten", "fc1", "fc2"],
    "Joined": ["stem", "pool", "pool_1", "body.0.conv", "body.0.add", "body.0.add_1"]
    + ["body.1.conv", "body.1.add", "body.1.add_1", "cat", "head", "mean", "mean.flatten", "fc"],
    "Clamped": ["conv", "relu6", "conv2", "hardtanh", "conv3", "clamp", "flatten", "relu", "fc"],
    "Reshaped": ["conv", "mean", "reshape", "fc"],
}
REFUSED = {
    "nested": "nested.1.1.sin: operator must be one that maccord knows .*, got sin",
    "branching": "_Branching must be a network .* that torch.fx can trace, got: .*control flow",
    "two_inputs": "_TwoInputs must be a network of one image .*, got: .*missing 1",
    "missing_channels": "Sequential must be a network of one image .*, got: .* 3 channels",
    "prelu": "prelu.1: operator must be one that maccord knows .*, got PReLU",
    "transposed": "transposed.1: operator must be one that maccord .*, got ConvTranspose2d",
    "normed": "normed.2: operator must be one that maccord .*, got BatchNorm2d",
    "scaled": "scaled.mul.*: operator must be one that maccord .*, got mul",
    "shifted": "shifted.add.*: operator must be one that maccord .*, got add",
    "silu": "silu.silu: operator must be one that maccord .*, got silu",
    "softmax": "softmax.softmax: operator must be one that maccord .*, got softmax",
    "stacked": r"stacked.cat: dim of cat must be the channels' \(1\), got 2",
    "ceiled": "ceiled.avg_pool2d: ceil_mode and divisor_override of avg_pool2d must be off",
    "uneven": r"uneven.adaptive_avg_pool2d: output_size .* a divisor of \(32, 32\), got \(5, 5\)",
    "rows": r"rows.mean: dim of mean must be the image's two \(2, 3\), got 2",
    "half_open": "half_open.clamp: min and max of clamp must be both given, got one of them",
    "dilated": "dilated.max_pool2d: dilation must be 1 where there is padding",
    "permuted": "permuted.permute: operator must be one that maccord .*, got permute",
    "unflattened": "unflattened.logits: input of dequantize must be in PyTorch's order",
    "pair": "pair: network must have one output, got",
    "big_pool": "big_pool.avg_pool2d: kernel_size of avg_pool2d must be more than one element",
    "no_module": "toy_networks:no_module must make a torch.nn.Module, got int",
    "absent": "module must hold absent, got toy_networks:absent, which does not",
    "CLASSES": "CLASSES must be callable, got int in toy_networks:CLASSES",
}


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_equals_pytorchs(name):
    network = load_module(f"toy_networks:{name}", calibration=IMAGES)
    assert network.name == name
    assert [node.name for node in network.graph.nodes] == [f"{name}.{part}" for part in NAMES[name]]
    for x in (IMAGES[0], np.concatenate(IMAGES), IMAGES[1] * 3):
        expected = network.tensors(x)
        tensors = execute(network.graph, expected[f"{name}.input"])
        for key, values in tensors.items():
            np.testing.assert_array_equal(values, expected[key], key)
        ours = logits(network.graph, tensors)
        np.testing.assert_array_equal(ours[0], network.classify(x).logits)
        assert ours.shape == (len(x), 7)
        assert len(np.unique(ours)) > 3


def test_the_seed_decides_the_weights():
    first, again, other = (
        load_module("toy_networks:Reshaped", seed, IMAGES[:1]).layers["Reshaped.conv"].weight
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name):
    with pytest.raises(ValueError, match=REFUSED[name]) as caught:
        load_module(f"toy_networks:{name}", calibration=IMAGES[:1])
    assert "\n" not in str(caught.value)


def test_refuses_specifications():
    for spec in ("toy_networks", ":x", "toy_networks:", "toy_networks:a.b"):
        with pytest.raises(ValueError, match="module must be package.module:factory, got"):
            load_module(spec)
    with pytest.raises(ValueError, match="module must be importable, got no_such:x: No module"):
        load_module("no_such:x")
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        load_module("toy_networks:Joined", seed=-1)
    with pytest.raises(ValueError, match="image must be float32 of shape"):
        load_module("toy_networks:Joined", calibration=[np.zeros((3, 8, 8), np.float32)])
