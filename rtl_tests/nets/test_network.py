"""The networks from image to logits: the golden model against PyTorch, tensor by tensor."""

import numpy as np
import pytest
from small_networks import SIZES, image, load

from maccord.golden.fuse import fuse_clamps
from maccord.golden.graph import Add, Clamp, Concat, Conv2d, Flatten, Host, Linear
from maccord.golden.kernels.flatten import channels_last_columns
from maccord.golden.kernels.quantize import quantize_per_tensor
from maccord.golden.network import execute, logits
from maccord.golden.verify import verify

OTHERS = ("mobilenet_v3_small", "shufflenet_v2_x1_0", "densenet121", "resnext50_32x4d")
RUNS = [
    *(("resnet18", text) for text in ("awgn:0.3", "brownian:40", "vertical:4", "horizontal:3")),
    ("vgg16", "awgn:0.3"),
    ("squeezenet1_1", "brownian:40"),
    ("resnet50", "vertical:4"),
    ("mobilenet_v2", "horizontal:3"),
    *((name, "clean") for name in (*SIZES, *OTHERS)),
]
TENSORS = {
    "resnet18": 33,
    "vgg16": 23,
    "squeezenet1_1": 40,
    "resnet50": 74,
    "mobilenet_v2": 101,
    "efficientnet_lite0": 95,
}


@pytest.mark.parametrize(("name", "text"), RUNS)
def test_every_tensor_and_the_logits_equal_pytorchs(name, text) -> None:
    """From the image's codes on, golden reads only what golden wrote."""
    network = load(name)
    x = image(name, text)
    expected = network.tensors(x)
    codes = quantize_per_tensor(x.transpose(0, 2, 3, 1), network.graph.input.quantization)
    tensors = execute(network.graph, codes)
    assert list(tensors) == list(expected) == list(network.graph.tensors)
    assert len(tensors) == TENSORS.get(name, len(tensors))
    assert not any(isinstance(node.operation, Host) for node in network.graph.nodes)
    for key, values in tensors.items():
        assert values.shape == network.graph.tensors[key].shape
        np.testing.assert_array_equal(values, expected[key], key)
    classification = network.classify(x)
    np.testing.assert_array_equal(logits(network.graph, tensors)[0], classification.logits)


def test_two_images_at_once() -> None:
    network = load("mobilenet_v2")
    x = np.concatenate([image("mobilenet_v2"), image("mobilenet_v2", "awgn:0.3")])
    expected = network.tensors(x)
    tensors = execute(network.graph, expected["mobilenet_v2.input"])
    for name, values in tensors.items():
        np.testing.assert_array_equal(values, expected[name], name)
    assert (tensors[network.graph.output][0] != tensors[network.graph.output][1]).any()


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2"])
def test_seeded_weights_give_natural_ranges(name) -> None:
    """Layers use many of their codes, few of them saturated."""
    network = load(name)
    tensors = network.tensors(image(name))
    used = [len(np.unique(tensors[layer])) for layer in network.layers]
    assert np.mean(np.array(used) > 100) > 0.9
    assert min(used) > 50
    assert max((tensors[layer] == 255).mean() for layer in network.layers) < 0.03


def test_fused_clamps_change_no_tensor_that_is_left() -> None:
    """MobileNetV2's ReLU6 all vanish into the convolutions before them."""
    network = load("mobilenet_v2")
    fused = fuse_clamps(network.graph)
    expected = network.tensors(image("mobilenet_v2"))
    tensors = execute(fused, expected["mobilenet_v2.input"])
    assert len(tensors) == TENSORS["mobilenet_v2"] - 35
    assert not any(isinstance(node.operation, Clamp) for node in fused.nodes)
    first = fused.nodes[0]
    assert (first.operation.name, first.name) == (
        "mobilenet_v2.features.0.0",
        "mobilenet_v2.features.0.2",
    )
    for name, values in tensors.items():
        np.testing.assert_array_equal(values, expected[name], name)


def test_joins_have_the_name_of_the_module_that_holds_them() -> None:
    joins = {
        name: [n.name for n in load(name).graph.nodes if isinstance(n.operation, Add | Concat)]
        for name in SIZES
    }
    assert joins["resnet18"][:2] == ["resnet18.layer1.0.add", "resnet18.layer1.1.add"]
    assert [len(names) for names in joins.values()] == [8, 0, 8, 16, 10, 9]
    assert joins["squeezenet1_1"][0] == "squeezenet1_1.features.3.cat"
    assert joins["resnet50"][-1] == "resnet50.layer4.2.add"
    assert joins["mobilenet_v2"][:2] == [
        "mobilenet_v2.features.3.add",
        "mobilenet_v2.features.5.add",
    ]
    relu = {n.operation.relu for n in load("resnet50").graph.nodes if isinstance(n.operation, Add)}
    assert relu == {True}


@pytest.mark.parametrize("name", SIZES)
def test_the_graph_is_legal_and_its_layers_are_the_networks(name) -> None:
    network = load(name)
    verify(network.graph)
    layers = [n.operation for n in network.graph.nodes if isinstance(n.operation, Conv2d | Linear)]
    assert [layer.name for layer in layers] == list(network.layers)
    for layer in layers:
        shared = layer is network.layers[layer.name]
        assert shared == (layer.name != "vgg16.classifier.0")


def test_only_the_columns_behind_a_flattened_image_differ() -> None:
    """The layer alone keeps PyTorch's order, the one in the graph has the order of Flatten."""
    network = load("vgg16")
    alone = network.layers["vgg16.classifier.0"]
    nodes = {node.name: node for node in network.graph.nodes}
    chained = nodes["vgg16.classifier.0"].operation
    assert isinstance(nodes["vgg16.flatten"].operation, Flatten)
    assert nodes["vgg16.flatten"].inputs == ("vgg16.features.30",)  # the adaptive pool is nothing
    np.testing.assert_array_equal(
        chained.weight[:40], channels_last_columns(alone.weight[:40], 7, 7, 512)
    )
    np.testing.assert_array_equal(chained.bias_q, alone.bias_q)
    x = image("vgg16")
    recording = network.record(x, [alone.name])[alone.name]
    flat = network.tensors(x)["vgg16.flatten"]
    assert (flat != recording.x_q).any()
    np.testing.assert_array_equal(flat, channels_last_columns(recording.x_q, 7, 7, 512))
