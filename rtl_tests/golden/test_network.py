"""Small networks made by hand: what is legal, and what they compute."""

from dataclasses import replace

import numpy as np
import pytest
from golden_layers import random_conv2d, random_linear

from maccord.golden.fuse import fuse_clamps
from maccord.golden.graph import (
    Add,
    AvgPool2d,
    Clamp,
    Concat,
    Flatten,
    MaxPool2d,
    Network,
    Node,
    Quantization,
    Tensor,
)
from maccord.golden.network import compute, execute, logits
from maccord.golden.verify import verify


def _network():
    """A convolution whose output is pooled twice, joined, flattened and multiplied."""
    rng = np.random.default_rng(1)
    conv = replace(random_conv2d(rng, 6, 3, (3, 3), padding=(1, 1)), name="net.conv")
    codes = conv.output
    other = Quantization(codes.scale * 1.5, codes.zero_point)
    pools = [
        kind(f"net.{name}", codes, (2, 2), (2, 2))
        for kind, name in ((MaxPool2d, "max"), (AvgPool2d, "avg"))
    ]
    linear = replace(random_linear(rng, 5, 192), name="net.linear", input=codes)
    nodes = (
        Node(conv, ("net.input",)),
        Node(pools[0], ("net.conv",)),
        Node(pools[1], ("net.conv",)),
        Node(Add("net.add", (codes, codes), other), ("net.max", "net.avg")),
        Node(Concat("net.cat", (codes, other), codes), ("net.max", "net.add")),
        Node(Clamp("net.relu", codes, low=codes.zero_point), ("net.cat",)),
        Node(Flatten("net.flatten", codes), ("net.relu",)),
        Node(linear, ("net.flatten",)),
    )
    return Network("net", Tensor("net.input", (1, 8, 8, 3), conv.input), nodes, "net.linear")


def _changed(index, operation=None, inputs=None):
    """The network with another operation or other inputs at one node."""
    network = _network()
    nodes = list(network.nodes)
    node = nodes[index]
    nodes[index] = Node(operation or node.operation, node.inputs if inputs is None else inputs)
    return replace(network, nodes=tuple(nodes))


def test_shapes() -> None:
    network = _network()
    verify(network)
    assert {name: tensor.shape for name, tensor in network.tensors.items()} == {
        "net.input": (1, 8, 8, 3),
        "net.conv": (1, 8, 8, 6),
        "net.max": (1, 4, 4, 6),
        "net.avg": (1, 4, 4, 6),
        "net.add": (1, 4, 4, 6),
        "net.cat": (1, 4, 4, 12),
        "net.relu": (1, 4, 4, 12),
        "net.flatten": (1, 192),
        "net.linear": (1, 5),
    }


def test_images_do_not_mix() -> None:
    network = _network()
    x_q = np.random.default_rng(2).integers(0, 256, (3, 8, 8, 3), np.uint8)
    together = execute(network, x_q)
    for index in range(3):
        alone = execute(network, x_q[index : index + 1])
        for name, values in alone.items():
            np.testing.assert_array_equal(values[0], together[name][index], name)
    output = network.tensors[network.output].quantization
    steps = together["net.linear"].astype(np.float32) - output.zero_point
    np.testing.assert_array_equal(logits(network, together), steps * np.float32(output.scale))


def test_execute_refuses() -> None:
    network = _network()
    with pytest.raises(ValueError, match=r"x_q must have shape \(N, 8, 8, 3\) for net, got"):
        execute(network, np.zeros((1, 8, 9, 3), np.uint8))
    with pytest.raises(ValueError, match="x_q must be uint8, got int64"):
        execute(network, np.zeros((1, 8, 8, 3), int))
    with pytest.raises(ValueError, match=r"net.add: number of inputs must be 2, got 1"):
        compute(network.nodes[3].operation, [np.zeros((1, 2), np.uint8)])


def _clamped(*bounds, relu=False, twice=False):
    """A convolution, one clamp or more behind it, read once or twice."""
    network = _network()
    conv = replace(network.nodes[0].operation, relu=relu)
    nodes = [Node(conv, ("net.input",))]
    for index, (low, high) in enumerate(bounds):
        clamp = Clamp(f"net.clamp{index}", conv.output, low, high)
        nodes.append(Node(clamp, (nodes[-1].name,)))
    if twice:
        operation = Add("net.add", (conv.output,) * 2, conv.output)
        nodes.append(Node(operation, ("net.conv", nodes[-1].name)))
    return replace(network, nodes=tuple(nodes), output=nodes[-1].name)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(
    "bounds",
    [[(90, 160)], [(0, 20)], [(240, 255)], [(90, 160), (100, 110)], [(90, 110), (150, 160)]],
)
def test_fused_clamps_clamp_alike(bounds, relu) -> None:
    network = _clamped(*bounds, relu=relu)
    x_q = np.random.default_rng(3).integers(0, 256, (2, 8, 8, 3), np.uint8)
    fused = fuse_clamps(network)
    (node,) = fused.nodes
    assert node.operation.name == "net.conv"
    np.testing.assert_array_equal(
        execute(fused, x_q)[network.output], execute(network, x_q)[network.output]
    )


def test_a_tensor_that_others_read_is_not_fused() -> None:
    network = _clamped((90, 160), twice=True)
    assert fuse_clamps(network).nodes == network.nodes
    shown = replace(_clamped((90, 160)), output="net.conv")
    with pytest.raises(ValueError, match=r"net.clamp0: tensor must be read or be the output"):
        fuse_clamps(shown)


ONE = Quantization(1.0, 0)
CODES = _network().nodes[0].operation.output
CONV = _network().nodes[0].operation
LINEAR = _network().nodes[7].operation
ILLEGAL = {
    "no nodes": (replace(_network(), nodes=()), "net: network must have at least one node"),
    "two of a name": (
        _changed(2, MaxPool2d("net.max", CODES, (2, 2), (2, 2))),
        "net.max: names must be distinct, got 2",
    ),
    "no output": (replace(_network(), output="net.input"), "net: output must be the name of a"),
    "read too early": (_changed(1, inputs=("net.add",)), "net.max: input must be made before"),
    "one input of two": (_changed(3, inputs=("net.max",)), "net.add: number of inputs must be 2"),
    "no input": (_changed(5, inputs=()), "net.relu: number of inputs must be 1, got 0"),
    "not read": (_changed(4, inputs=("net.max", "net.max")), "net.cat: input net.max must have"),
    "other parameters": (
        _changed(5, Clamp("net.relu", ONE)),
        "net.relu: input net.cat must have scale 1.0 and zero point 0, got",
    ),
    "dead end": (
        replace(_network(), output="net.relu"),
        "net.linear: tensor must be read or be the output",
    ),
    "other shapes": (
        _changed(2, MaxPool2d("net.avg", CODES, (2, 2), (1, 1))),
        r"net.add: inputs must have one shape, got \(1, 4, 4, 6\) and \(1, 7, 7, 6\)",
    ),
    "image for a row": (_changed(7, inputs=("net.relu",)), "net.linear: input must have 2 dim"),
    "row for an image": (
        _changed(6, MaxPool2d("net.flatten", CODES, (9, 9), (1, 1))),
        r"net.flatten: shape must be .* got \(1, -4, -4, 12\)",
    ),
    "other channels": (
        _changed(7, replace(LINEAR, weight=LINEAR.weight[:, :-1])),
        "net.linear: input must have 191 channels",
    ),
    "groups": (
        _changed(0, replace(CONV, weight=CONV.weight[:5, :1], groups=3)),
        r"net.conv: groups must divide the output channels \(5\), got 3",
    ),
    "overflow": (
        _changed(0, replace(CONV, bias_q=np.full(6, 2**31 - 1, np.int32))),
        "net.conv: accumulator must fit int32",
    ),
    "sum": (
        _changed(3, Add("net.add", (CODES, CODES), Quantization(CODES.scale / 300, 0))),
        "net.add: scale of an input over the output's",
    ),
    "window": (
        _changed(1, MaxPool2d("net.max", CODES, (2, 2), (2, 2), (2, 2))),
        "net.max: padding must be between 0 and half the kernel",
    ),
    "mean": (
        _changed(2, AvgPool2d("net.avg", CODES, (2, 2), (0, 2))),
        "net.avg: stride must be at least 1",
    ),
    "limits": (
        _changed(0, replace(CONV, limits=(9, 3))),
        "net.conv: limits must be ordered within 0..255, got 9 and 3",
    ),
    "bounds": (_changed(5, Clamp("net.relu", CODES, 9, 3)), "net.relu: low and high must be"),
}


@pytest.mark.parametrize("case", ILLEGAL)
def test_verify_refuses(case) -> None:
    network, message = ILLEGAL[case]
    with pytest.raises(ValueError, match=message) as caught:
        verify(network)
    assert "\n" not in str(caught.value)
