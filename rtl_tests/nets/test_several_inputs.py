"""Networks of several inputs: PyTorch's module, golden model and instruction-level machine."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from input_networks import make
from several_inputs import NETWORKS, quantized
from torch import nn
from torch.ao.quantization import get_default_qconfig_mapping
from torch.ao.quantization.quantize_fx import prepare_fx

from maccord import api
from maccord.compiler.features import with_features
from maccord.compiler.host_work import HostWork, turns
from maccord.golden.machine.machine import Machine
from maccord.nets.framework import qnnpack

_SOURCES = {
    "siamese": ["left", "right"],
    "added": ["wide", "narrow"],
    "joined": ["image", "features"],
    "flattened": ["image", "features"],
    "hosted": ["image", "angle"],
    "unused": ["image"],
    "twice": ["signal", "image", "row", "row_1"],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_pytorch(name: str) -> None:
    """Every tensor of three inputs; then the results of the program, from the memory image."""
    network, inputs = quantized(name)
    graph = network.graph
    assert [source.name for source in graph.sources] == [f"net.input.{n}" for n in _SOURCES[name]]
    expected, found = api.pytorch(network, inputs), api.golden(network, inputs)
    assert list(expected) == list(found) == list(graph.tensors)
    for tensor, codes in expected.items():
        np.testing.assert_array_equal(found[tensor], codes, tensor)
    parameters = with_features(api.Parameters(rows=4, cols=4), [graph])
    compiled = api.compile_network(network, parameters, batch=3)
    memory = compiled.image(*network.source_codes(inputs))
    machine = Machine(parameters, memory)
    for turn in turns(compiled):
        if isinstance(turn, HostWork):
            turn.run(memory)
        else:
            machine.run(compiled.program_offset + turn.offset)
    places = {place.name: place for place in compiled.places}
    for result in graph.outputs:
        codes = places[result].view(memory).ravel() ^ np.uint8(0x80)
        np.testing.assert_array_equal(codes, expected[result].ravel(), result)


@pytest.mark.parametrize("name", ["siamese", "joined"])
def test_each_input_is_its_own(name: str) -> None:
    """Inputs exchanged, or one changed, give other results: no engine reads one for another."""
    network, inputs = quantized(name)
    before = api.golden(network, inputs)
    for index in range(2):
        other = list(inputs)
        other[index] = other[index][::-1].copy()
        after, theirs = (run(network, tuple(other)) for run in (api.golden, api.pytorch))
        assert not np.array_equal(after[network.graph.output], before[network.graph.output])
        sources = [source.name for source in network.graph.sources]
        same = [np.array_equal(after[source], before[source]) for source in sources]
        assert same == [position != index for position in range(2)]
        assert all(np.array_equal(after[tensor], theirs[tensor]) for tensor in after)


def test_a_prepared_network() -> None:
    factory, _ = NETWORKS["added"]
    _, inputs = quantized("added")
    given = tuple(map(torch.from_numpy, inputs))
    with qnnpack(), torch.no_grad():
        prepared = prepare_fx(make(factory), get_default_qconfig_mapping("qnnpack"), given)
        prepared(*given)
    network = api.quantize(prepared, inputs, "net")
    expected, found = api.pytorch(network, inputs), api.golden(network, inputs)
    assert [source.name for source in network.graph.sources] == [
        "net.input.wide",
        "net.input.narrow",
    ]
    assert all(np.array_equal(found[tensor], codes) for tensor, codes in expected.items())


def test_wrong_inputs() -> None:
    network, (image, row) = quantized("joined")
    model = make(NETWORKS["joined"][0])
    for run in (api.golden, api.pytorch):
        for given, reason in (
            (image, "inputs of net must be 2 arrays, got 1"),
            ((image, row, row), "inputs of net must be 2 arrays, got 3"),
            ((row, image), r"input 1 must be of shape \(N, 3, 8, 8\), got \(3, 7\)"),
            ((image, row[:2]), "inputs of net must be equally many, got 3 and 2"),
        ):
            with pytest.raises(ValueError, match=f"^{reason}$"):
                run(network, given)
    for given, reason in (
        (image, "network: inputs must be 2, in the order image, features, got 1"),
        ((image, row[:2]), "calibration must hold equally many of each input, got 3 and 2"),
        ((), r"calibration must be of shape \(N, ...\), got \(0,\)"),
        ([image, row], "images must be one array of numbers, or a tuple of one for each input, "),
    ):
        with pytest.raises(ValueError, match=f"^{reason}"):
            api.quantize(model, given)
    with pytest.raises(ValueError, match=r"^calibration 2 must be of shape \(N, 8\), got \(3, 7\)"):
        api.quantize(model, (image, row), input_shape=[(3, 8, 8), (8,)])
    shaped = api.quantize(model, input_shape=[(3, 8, 8), (7,)])
    assert shaped.input_shapes == ((1, 3, 8, 8), (1, 7))


class _Star(nn.Module):
    def forward(self, *x: torch.Tensor) -> torch.Tensor:
        return x[0] + x[1]


def test_inputs_without_names() -> None:
    inputs = (np.zeros((2, 4), np.float32),) * 2
    with pytest.raises(ValueError, match=r"each input must be an argument of its own, got \*x"):
        api.quantize(_Star(), inputs)
