"""Networks on signals, sequences, vectors and grey images equal PyTorch's own module."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from input_networks import NETWORKS, make
from torch import nn

from maccord.golden.kernels.quantize import dequantize
from maccord.golden.network import compute, execute
from maccord.nets.framework import qnnpack
from maccord.nets.layouts import Layout
from maccord.nets.library import QuantizedNetwork, quantized
from maccord.nets.lowered import Output
from maccord.nets.outputs import tensors_of


def _inputs(shape: tuple[int, ...], count: int = 4, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)


@cache
def _network(name: str) -> tuple[QuantizedNetwork, np.ndarray]:
    factory, shape = NETWORKS[name]
    x = _inputs(shape)
    return quantized(make(factory), "net", "seeded", [row[None] for row in x]), x


def _compare(network: QuantizedNetwork, x: np.ndarray) -> None:
    expected = network.tensors(x)
    source = network.graph.input.name
    np.testing.assert_array_equal(network.input_codes(x), expected[source])
    found = execute(network.graph, expected[source])
    assert list(found) == list(expected)
    for name, codes in found.items():
        np.testing.assert_array_equal(codes, expected[name], name)
    results = network.results(x)
    if network.tail is not None:
        ended = network.tail([found[name] for name in network.tail_reads])
        np.testing.assert_array_equal(ended, results[network.graph.output])
        return
    assert list(results) == list(network.graph.outputs)
    for name, values in results.items():
        quantization = network.graph.tensors[name].quantization
        np.testing.assert_array_equal(dequantize(found[name], quantization), values, name)


@pytest.mark.parametrize("name", NETWORKS)
def test_tensors_and_results_equal_pytorchs_own_module(name: str) -> None:
    """The module by its own forward, too."""
    network, x = _network(name)
    _compare(network, x)
    with qnnpack():
        plain = tensors_of(network.reference.converted(torch.from_numpy(x.copy())), name)
    for output in network.outputs:
        if name not in ("sequence", "clamped"):  # clamps are wrong without a contiguous input
            ours = network.results(x)[output.tensor]
            np.testing.assert_array_equal(ours, output.to_graph(plain[output.index].numpy()))
    assert network.fidelity.snr_db > 18
    assert network.fidelity.layer == ""


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_alone_equals_the_layer_in_pytorchs_network(name: str) -> None:
    network, x = _network(name)
    for layer, recording in network.record(x).items():
        found = compute(network.layers[layer], [recording.x_q])
        np.testing.assert_array_equal(found, recording.y_torch, layer)


@pytest.mark.parametrize(
    ("name", "shapes"),
    {
        "signal": ((4, 1, 60, 2), (4, 4)),
        "turned": ((4, 1, 9, 3), (4, 3)),
        "sequence": ((4, 1, 5, 6), (4, 1, 5, 4)),
        "autoencoder": ((4, 80), (4, 80)),
        "ds_cnn": ((4, 49, 10, 1), (4, 12)),
    }.items(),
)
def test_signals_and_sequences_are_images_of_height_1(name: str, shapes: tuple) -> None:
    network, x = _network(name)
    found = execute(network.graph, network.input_codes(x))
    assert (found[network.graph.input.name].shape, found[network.graph.output].shape) == shapes


def test_results_have_the_places_that_pytorch_gives_them() -> None:
    network, _ = _network("several")
    assert network.outputs == (
        Output("net.flatten", "boxes", 0, Layout.ROWS, (7, 5, 4)),
        Output("net.head", "others.0", 1, Layout.ROWS),
        Output("net.stem", "others.1", 2, Layout.IMAGE),
    )


class _Swapped(nn.Module):
    """Returns a tensor twice, in two layouts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 3, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = self.conv(x)
        return x.transpose(2, 1), x


def test_one_tensor_may_be_two_results() -> None:
    x = _inputs((3, 3))
    network = quantized(make(_Swapped), "net", "seeded", [row[None] for row in x])
    assert [output.layout for output in network.outputs] == [Layout.SEQUENCE, Layout.SIGNAL]
    assert network.graph.outputs == ("net.conv",)
    _compare(network, x)


def test_a_misread_layout_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sequence that is as long as it has channels is no signal."""
    network = quantized(
        make(lambda: nn.Sequential(nn.Linear(6, 6))), "net", "seeded", [_inputs((6, 6), 1)]
    )
    _compare(network, _inputs((6, 6)))
    monkeypatch.setattr(Layout, "to_graph", lambda self, x: np.moveaxis(x, 1, -1)[:, None])
    with pytest.raises(AssertionError):
        _compare(network, _inputs((6, 6)))


class _Body(nn.Module):
    def __init__(self, body, **parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self.body = body

    def forward(self, x: torch.Tensor) -> object:
        return self.body(self.parts, x)


CONV = {"conv": nn.Conv1d(3, 4, 1)}
LINEAR = {"linear": nn.Linear(5, 5)}
REFUSED = {
    "mean": (
        lambda m, x: m["conv"](x).mean(2),
        CONV,
        r"net.mean: input of mean must have the layout \(N, K\) or \(N, C, H, W\), got \(N, C, L\)",
    ),
    "image_pool": (
        lambda m, x: nn.functional.max_pool2d(m["conv"](x), (1, 2)),
        CONV,
        r"net.max_pool2d: input of max_pool2d must have the layout .*, got \(N, C, L\)",
    ),
    "conv_on_sequence": (
        lambda m, x: m["linear"](m["conv"](x)),
        CONV | LINEAR,
        (
            r"net.parts.linear: input of layer must have the layout \(N, K\) or \(N, L, C\), got "
            r"\(N, C, L\)"
        ),
    ),
    "rows_of_signals": (
        lambda m, x: torch.cat([m["conv"](x)] * 2, 2),
        CONV,
        r"net.cat: dim of cat must be the channels' \(1\), got 2",
    ),
    "swapped_batch": (
        lambda m, x: m["conv"](x).transpose(0, 1),
        CONV,
        r"net: results must have a row for each input, got a tensor of shape \(4, 1, 5\) for 1",
    ),
    "long_squeeze": (
        lambda m, x: m["conv"](x).squeeze(2),
        CONV,
        (
            r"net.squeeze: dim of squeeze must be 2 on a signal of length 1, got 2 on "
            r"\(1, 1, 5, 4\)"
        ),
    ),
    "nothing": (
        lambda m, x: (m["conv"](x), None),
        CONV,
        "net: results must be tensors, in tuples, lists or dictionaries, got NoneType at 1",
    ),
    "empty": (lambda m, x: [], CONV, "net: network must return at least one tensor, got none"),
    "input_returned": (
        lambda m, x: (m["conv"](x), x),
        CONV,
        "net: results must be computed from the input, got the input itself",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_in_a_sentence(name: str) -> None:
    body, parts, sentence = REFUSED[name]
    model = make(lambda: _Body(body, **parts))
    with pytest.raises(ValueError, match=rf"^{sentence}( \(.*\.py, line \d+\))?$"):
        quantized(model, "net", "seeded", [_inputs((3, 5), 1)], strict=True)
