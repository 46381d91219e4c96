"""Networks of several inputs: what is legal, what they compute, where their codes lie."""

from dataclasses import replace

import numpy as np
import pytest
from golden_layers import random_conv2d, random_linear

from maccord.compiler.network import compile_network
from maccord.golden.graph import Concat, Flatten, Network, Node, Tensor
from maccord.golden.machine.machine import Machine
from maccord.golden.network import execute
from maccord.golden.verify import verify
from maccord.nets.integer import IntegerNetwork
from maccord.spec.parameters import Parameters

NAMES = ("net.input.image", "net.input.features")


def _network() -> Network:
    """An image and a row of features, joined behind a layer each, and a linear layer."""
    rng = np.random.default_rng(4)
    conv = replace(random_conv2d(rng, 6, 3, (3, 3)), name="net.conv")
    features = replace(random_linear(rng, 5, 7), name="net.features", output=conv.output)
    codes = conv.output
    head = replace(random_linear(rng, 4, 5 + 6 * 4 * 3), name="net.head", input=codes)
    nodes = (
        Node(conv, NAMES[:1]),
        Node(Flatten("net.flatten", codes), ("net.conv",)),
        Node(features, NAMES[1:]),
        Node(Concat("net.cat", (codes, codes), codes), ("net.features", "net.flatten")),
        Node(head, ("net.cat",)),
    )
    image = Tensor(NAMES[0], (1, 6, 5, 3), conv.input)
    other = Tensor(NAMES[1], (1, 7), features.input)
    return Network("net", image, nodes, "net.head", other_inputs=(other,))


def _codes(count: int = 2) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    shapes = [source.shape[1:] for source in _network().sources]
    return [rng.integers(0, 256, (count, *shape)).astype(np.uint8) for shape in shapes]


def test_each_node_reads_its_own_input() -> None:
    network, codes = _network(), _codes()
    verify(network)
    assert list(network.tensors)[:2] == list(NAMES)
    tensors = execute(network, *codes)
    for name, given in zip(NAMES, codes, strict=True):
        np.testing.assert_array_equal(tensors[name], given)
    for index, changed in enumerate(("net.conv", "net.features")):
        other = list(codes)
        other[index] = other[index][::-1].copy()
        found = execute(network, *other)
        differ = {name for name in found if not np.array_equal(found[name], tensors[name])}
        assert {changed, NAMES[index], "net.head"} <= differ
        assert {"net.conv", "net.features"} - differ == {"net.conv", "net.features"} - {changed}


def test_torch_computes_the_same() -> None:
    network, codes = _network(), _codes(3)
    expected, found = execute(network, *codes), IntegerNetwork(network).tensors(*codes)
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, name)


@pytest.mark.parametrize("batch", [1, 3])
def test_inputs_have_memory_of_their_own(batch: int) -> None:
    network, codes = _network(), _codes(batch)
    compiled = compile_network(network, Parameters(rows=4, cols=4), batch=batch)
    first, second = compiled.places[:2]
    assert (first.name, second.name) == NAMES
    assert first.base + first.size <= second.base
    memory = compiled.image(*codes)
    Machine(compiled.parameters, memory).run(compiled.program_offset)
    golden = execute(network, *codes)
    for place in compiled.places:
        if place.name in (*NAMES, "net.head"):
            given = place.view(memory).ravel() ^ np.uint8(0x80)
            np.testing.assert_array_equal(given, golden[place.name].ravel(), place.name)


def test_illegal_inputs() -> None:
    network = _network()
    with pytest.raises(ValueError, match=r"^net.input.image: names must be distinct, got 2"):
        verify(replace(network, other_inputs=(network.input,)))
    other = replace(network.other_inputs[0], shape=(2, 7))
    with pytest.raises(ValueError, match=r"^net.input.features: inputs must have one number of"):
        verify(replace(network, other_inputs=(other,)))
    with pytest.raises(ValueError, match=r"^net.features: input must be made before, got net.inp"):
        verify(replace(network, other_inputs=()))
    spare = replace(network.input, name="net.spare")
    with pytest.raises(ValueError, match=r"^net.spare: tensor must be read"):
        verify(replace(network, other_inputs=(*network.other_inputs, spare)))
    with pytest.raises(ValueError, match=r"output must be the name of a node, got net.input.feat"):
        verify(replace(network, output=NAMES[1]))


def test_codes_that_do_not_fit() -> None:
    network, (image, features) = _network(), _codes()
    compiled = compile_network(network, Parameters(rows=4, cols=4), batch=2)
    for run in (lambda *codes: execute(network, *codes), compiled.image):
        with pytest.raises(ValueError, match=r"^inputs must be 2 \(net.input.image, net.input.fea"):
            run(image)
        with pytest.raises(ValueError, match=r"^net.input.features must have shape \(N, 7\)"):
            run(image, image)
        with pytest.raises(ValueError, match=r"^net.input.image must be uint8, got int64"):
            run(image.astype(int), features)
        with pytest.raises(ValueError, match=r"^inputs must have one number of images, got 2 of "):
            run(image, features[:1])
    with pytest.raises(ValueError, match=r"^inputs must be 2 images, got 1"):
        compiled.image(image[:1], features[:1])
