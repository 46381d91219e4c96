"""What is imported of a converted network, and the module brought back from arrays."""

import numpy as np
import pytest
import torch
from small_networks import SIZES, SMALL, shrunk

from maccord.nets.converted_state import load_arrays, state_arrays
from maccord.nets.framework import convert, rebuild
from maccord.nets.images import calibration_crops, normalize
from maccord.nets.importer import import_network
from maccord.nets.initialise import initialise
from maccord.nets.int8_modules import layer_of
from maccord.nets.networks import NETWORKS
from maccord.nets.reference import Reference


def _converted(name, classes):
    crops = [shrunk(crop, SIZES.get(name, SMALL)) for crop in calibration_crops()[1::4]]
    images = torch.from_numpy(np.concatenate([normalize(crop) for crop in crops]))
    model = NETWORKS[name].outline(classes).to_empty(device="cpu")
    initialise(model, images, seed=3)
    return convert(model, list(images.split(1))), images[:1]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_rebuilt_network_equals_the_converted_one(name) -> None:
    """Every tensor and the logits, with 70 classes: only arrays go from one to the other."""
    converted, image = _converted(name, 70)
    rebuilt = rebuild(NETWORKS[name].blank(70), torch.zeros(image.shape))
    load_arrays(rebuilt, state_arrays(converted))
    assert rebuilt.code == converted.code
    nodes = {node.name for node in converted.graph.nodes}
    expected, found = (Reference(m).tensors(image.numpy(), nodes) for m in (converted, rebuilt))
    assert list(found) == list(expected)
    for node, result in expected.items():
        np.testing.assert_array_equal(found[node].codes, result.codes, node)
        assert found[node].quantization == result.quantization
    logits = Reference(rebuilt).logits(image.numpy())
    np.testing.assert_array_equal(logits, Reference(converted).logits(image.numpy()))
    assert logits.shape == (1, 70)


def test_parameters_are_as_promised() -> None:
    """Per-channel int8 weights up to 127 by minimum and maximum, 8-bit activations."""
    converted, _ = _converted("squeezenet1_1", 70)
    _, layers = import_network(converted, "squeezenet1_1")
    for layer in layers.values():
        largest = np.abs(layer.weight.reshape(len(layer.weight), -1).astype(int)).max(axis=1)
        assert ((largest == 127) | (largest == 128)).all()
        assert len(np.unique(layer.weight_scale)) > 1
        assert layer.relu == ("relu" in layer.op)
    assert layers["squeezenet1_1.features.0"].input.zero_point not in (0, 255)


class _Softmax(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return torch.nn.functional.softmax(self.conv(x), 1)


def test_unknown_operators_are_named() -> None:
    model = _Softmax().eval()
    converted = convert(model, [torch.randn(1, 3, 8, 8)])
    with pytest.raises(ValueError, match=r"net.softmax: operator must .*, got softmax"):
        import_network(converted, "net")
    assert layer_of(torch.nn.ReLU(), "relu", None) is None
