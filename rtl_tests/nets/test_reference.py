"""The comparison is with PyTorch's own module: what we misread has to show."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from case_networks import ACCEPTED, REFUSED, make
from torch import nn

from maccord.golden.network import compute, execute, logits
from maccord.nets import importer, library, lower, matching, spelling
from maccord.nets.framework import convert, qnnpack
from maccord.nets.library import QuantizedNetwork, quantized

SEED = 5
IMAGES = [
    image[None].astype(np.float32)
    for image in np.random.default_rng(SEED).normal(size=(4, 3, 12, 12))
]
X = np.concatenate(IMAGES)


def _quantized(name: str) -> QuantizedNetwork:
    return quantized(make(ACCEPTED[name]), "net", "seeded", IMAGES)


_unchanged = cache(_quantized)  # for tests that patch nothing


def _differing(network: QuantizedNetwork) -> list[str]:
    """Tensors of the golden model that PyTorch's network has otherwise."""
    expected = network.tensors(X)
    found = execute(network.graph, expected[network.graph.input.name])
    assert list(found) == list(expected)
    return [name for name, codes in found.items() if not np.array_equal(codes, expected[name])]


@pytest.mark.parametrize("name", ACCEPTED)
def test_equals_pytorchs_own_module_and_is_near_to_floats(name: str) -> None:
    """The module by its own forward, too, where that is right: no clamps."""
    network = _unchanged(name)
    assert _differing(network) == []
    tensors = execute(network.graph, network.tensors(X)[network.graph.input.name])
    ours = logits(network.graph, tensors)
    np.testing.assert_array_equal(ours, network.reference.logits(X))
    converted = network.reference.converted
    if name not in ("relus", "inplace_clamps"):
        with qnnpack():
            np.testing.assert_array_equal(ours, converted(torch.from_numpy(X.copy())).numpy())
    with torch.no_grad():
        floats = make(ACCEPTED[name])(torch.from_numpy(X.copy())).numpy()
    spread = floats.max() - floats.min()
    assert np.abs(ours - floats).max() < 0.06 * spread


@pytest.mark.parametrize("name", ACCEPTED)
def test_every_layer_alone_equals_the_layer_in_pytorchs_network(name: str) -> None:
    network = _unchanged(name)
    recordings = network.record(X)
    assert list(recordings) == list(network.layers)
    for layer, recording in recordings.items():
        found = compute(network.layers[layer], [recording.x_q])
        np.testing.assert_array_equal(found, recording.y_torch, layer)


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_in_a_sentence(name: str) -> None:
    factory, sentence = REFUSED[name]
    with pytest.raises(ValueError, match=rf"^{sentence}( \(.*\.py, line \d+\))?$"):
        quantized(make(factory), "net", "seeded", IMAGES, strict=True)


def test_a_layer_called_twice_has_scales_for_each_call() -> None:
    layers = _unchanged("shared").layers
    assert list(layers) == ["net.parts.a", "net.parts.b", "net.parts.b_1", "net.head"]
    first, second = layers["net.parts.b"], layers["net.parts.b_1"]
    np.testing.assert_array_equal(first.weight, second.weight)
    assert first.output.scale > 1.1 * second.output.scale


def test_every_relu_is_fused() -> None:
    layers = _unchanged("relus").layers
    assert [layer.relu for layer in layers.values()] == [True] * 5 + [False] * 2


def test_the_users_network_is_left_as_it_was() -> None:
    model = make(ACCEPTED["keywords"])
    before = {name: id(module) for name, module in model.named_modules()}
    x = torch.from_numpy(X.copy())
    with torch.no_grad():
        expected = model(x)
        quantized(model, "net", "seeded", IMAGES)
        assert torch.equal(model(x), expected)
    assert {name: id(module) for name, module in model.named_modules()} == before


def test_clamps_alone_are_helped() -> None:
    """Without a contiguous input, qnnpack's clamp gives the same codes at other pixels."""
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU6()).eval()
    converted = convert(net, [torch.from_numpy(image) for image in IMAGES])
    ours = library.Reference(converted).logits(X[:1])
    with qnnpack():
        bare = converted(torch.from_numpy(X[:1].copy())).numpy()
    assert (ours != bare).any()
    np.testing.assert_array_equal(np.sort(ours, axis=None), np.sort(bare, axis=None))


def _other_reader_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """An importer to which an in-place ReLU is one that leaves its input alone."""
    monkeypatch.setattr(spelling._Speller, "in_place", lambda self, node: False)


def _pools_confused(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [(kind, op.replace("avg", "max")) for kind, op in importer.MODULES]
    monkeypatch.setattr(importer, "MODULES", kinds)


def _weights_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels' rows for columns."""
    turn = lambda w: np.ascontiguousarray(np.swapaxes(w, 2, 3)) if w.ndim == 4 else w  # noqa: E731
    _change_layers(monkeypatch, lambda layer: replace(layer, weight=turn(layer.weight)))


def _bias_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    _change_layers(monkeypatch, lambda layer: replace(layer, bias_q=0 * layer.bias_q))


def _change_layers(monkeypatch: pytest.MonkeyPatch, change) -> None:
    read = importer.layer_of

    def misread(module, name, source, pads):
        layer = read(module, name, source, pads)
        return layer and change(layer)

    monkeypatch.setattr(importer, "layer_of", misread)


@pytest.mark.parametrize(
    ("name", "misread", "first"),
    [
        ("border", _pools_confused, "net.parts.avg"),
        ("shared", _weights_turned, "net.parts.a"),
        ("relus", _bias_forgotten, "net.parts.a"),
    ],
)
def test_a_network_that_is_misread_differs(
    name, misread, first, monkeypatch: pytest.MonkeyPatch
) -> None:
    misread(monkeypatch)
    assert _differing(_quantized(name))[0] == first


@pytest.mark.parametrize("misread", [_weights_turned, _bias_forgotten])
def test_a_layer_that_is_misread_differs(misread, monkeypatch: pytest.MonkeyPatch) -> None:
    misread(monkeypatch)
    network = _quantized("shared")
    recording = network.record(X, ["net.parts.a"])["net.parts.a"]
    assert (compute(network.layers["net.parts.a"], [recording.x_q]) != recording.y_torch).any()


def test_scales_that_are_misread_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _change_layers(
        monkeypatch,
        lambda layer: replace(layer, output=replace(layer.output, scale=2 * layer.output.scale)),
    )
    with pytest.raises(
        ValueError, match=r"net.parts.a: tensor must be as PyTorch's network has it"
    ):
        _quantized("border").tensors(X)


def test_a_tensor_without_a_reference_is_refused() -> None:
    network = _quantized("border")
    nameless = [replace(step, node="") for step in network.steps]
    results = network.reference.tensors(X, {step.node for step in network.steps})
    lowered = lower.lowered(network.steps, network.layers, "net", network.input_shapes)
    with pytest.raises(ValueError, match=r"net.input: tensor must be one of PyTorch's .* got none"):
        matching.match(lowered, nameless, results, len(X))


@pytest.mark.parametrize("name", ["inplace_statement", "inplace_sum", "inplace_other_reader"])
def test_statements_that_are_forgotten_change_the_floats(
    name, monkeypatch: pytest.MonkeyPatch
) -> None:
    _other_reader_forgotten(monkeypatch)
    with pytest.raises(ValueError, match="net: network must compute the same floats"):
        _quantized(name)
