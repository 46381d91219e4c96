"""The integer graph and its execution against the network that PyTorch converted."""

import numpy as np
import pytest
import torch
from small_networks import SIZES, shrunk

from maccord.nets.framework import convert, layer_of, operator, qnnpack
from maccord.nets.images import calibration_crops, normalize
from maccord.nets.importer import import_network
from maccord.nets.initialise import initialise
from maccord.nets.int8 import Int8Network, codes
from maccord.nets.networks import NETWORKS


def _converted(name, classes):
    crops = [shrunk(crop, SIZES[name]) for crop in calibration_crops()[1::4]]
    images = torch.from_numpy(np.concatenate([normalize(crop) for crop in crops]))
    model = NETWORKS[name].outline(classes).to_empty(device="cpu")
    initialise(model, images, seed=3)
    return convert(model, list(images.split(1))), images[:1]


@pytest.mark.parametrize("name", NETWORKS)
def test_rebuilt_modules_equal_the_converted_ones(name):
    """All layers and the logits, with 70 classes: only data goes from one to the other."""
    converted, image = _converted(name, 70)
    steps, layers = import_network(converted, name)
    outputs = {}
    for path, module in converted.named_modules():
        if f"{name}.{path}" in layers:

            def keep(module, arguments, result, path=path):
                outputs[f"{name}.{path}"] = codes(arguments[0]), codes(result)

            module.register_forward_hook(keep)
    with qnnpack():
        expected = converted(image).numpy()
    network = Int8Network(steps, layers)
    records, logits = network.record(image.numpy(), layers), network.logits(image.numpy())
    np.testing.assert_array_equal(logits, expected)
    assert logits.shape == (1, 70)
    assert set(outputs) == set(records) == set(layers)
    for layer, record in records.items():
        np.testing.assert_array_equal(record.x_q, outputs[layer][0])
        np.testing.assert_array_equal(record.y_torch, outputs[layer][1])


def test_parameters_are_as_promised():
    """Per-channel int8 weights up to 127 by minimum and maximum, 8-bit activations."""
    converted, _ = _converted("squeezenet1_1", 70)
    _, layers = import_network(converted, "squeezenet1_1")
    for layer in layers.values():
        largest = np.abs(layer.weight.reshape(len(layer.weight), -1).astype(int)).max(axis=1)
        assert ((largest == 127) | (largest == 128)).all()
        assert len(np.unique(layer.weight_scale)) > 1
        assert layer.relu == ("relu" in layer.op)
    assert layers["squeezenet1_1.features.0"].input.zero_point not in (0, 255)


class _Leaky(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return torch.nn.functional.leaky_relu(self.conv(x))


def test_unknown_operators_are_named():
    model = _Leaky().eval()
    converted = convert(model, [torch.randn(1, 3, 8, 8)])
    with pytest.raises(ValueError, match="leaky.leaky_relu_1: operator must .*, got leaky_relu"):
        import_network(converted, "leaky")
    with pytest.raises(ValueError, match="op must be an operator of the integer graph, got tanh"):
        operator("tanh", [], {})
    assert layer_of(torch.nn.ReLU(), "relu", None) is None
