"""What the accelerator lacks is computed by the host, with PyTorch's kernels, or refused."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from host_networks import HOSTED, IMAGES, NOWHERE, host_network, inputs_of, make

from maccord.api import golden
from maccord.golden.graph import Host
from maccord.golden.network import execute
from maccord.nets.integer import IntegerNetwork
from maccord.nets.library import quantized
from maccord.nets.module import load_module

CUT = [
    name for name, (_, calls) in HOSTED.items() if name not in ("Tail", "Class", "Heads", "Head")
]


def hosts(name: str) -> dict[str, Host]:
    """The host's operations by name."""
    nodes = host_network(name).graph.nodes
    return {node.name: node.operation for node in nodes if isinstance(node.operation, Host)}


@pytest.mark.parametrize("name", HOSTED)
def test_every_tensor_equals_pytorchs(name: str) -> None:
    network, inputs = host_network(name), inputs_of(name)
    expected = network.tensors(inputs)
    tensors = golden(network, inputs)
    assert list(tensors) == list(expected)
    for key, codes in tensors.items():
        np.testing.assert_array_equal(codes, expected[key], key)
        assert len(np.unique(codes)) > 3, key
    fast = IntegerNetwork(network.graph).tensors(network.input_codes(inputs))
    for key, codes in fast.items():
        np.testing.assert_array_equal(codes, expected[key], key)


@pytest.mark.parametrize("name", HOSTED)
def test_regions_are_named_and_as_long_as_they_can_be(name: str) -> None:
    steps = host_network(name).steps
    found = {s.name: s.arguments["calls"] for s in steps if s.op in ("host", "tail")}
    assert found == {f"net.{key}": calls for key, calls in HOSTED[name][1].items()}


@pytest.mark.parametrize("name", CUT)
def test_operations_can_be_sent_to_another_process(name: str) -> None:
    network = host_network(name)
    tensors = golden(network, inputs_of(name))
    for key, operation in pickle.loads(pickle.dumps(hosts(name))).items():
        node = next(node for node in network.graph.nodes if node.name == key)
        codes = operation.function([tensors[source] for source in node.inputs])
        np.testing.assert_array_equal(codes, tensors[key], key)


def test_another_result_than_promised_is_refused() -> None:
    (operation,) = hosts("OneCut").values()
    network = host_network("OneCut")
    object.__setattr__(operation, "function", lambda given: given[0][:, :1])
    try:
        with pytest.raises(ValueError, match=r"net\.softmax: the host must return uint8 of shape"):
            execute(network.graph, network.input_codes(IMAGES))
    finally:
        host_network.cache_clear()


@pytest.mark.parametrize("name", ["Tail", "Class"])
def test_the_end_gives_what_the_network_returns(name: str) -> None:
    network = host_network(name)
    assert network.tail is not None
    codes = network.tensors(IMAGES)[network.graph.output]
    np.testing.assert_array_equal(network.tail([codes]), network.reference.logits(IMAGES))
    assert network.scores == (name == "Tail")


def test_the_host_computes_the_first_codes() -> None:
    network = host_network("Head")
    assert network.steps[0].arguments["calls"] == ["sin", "adaptive_max_pool2d"]
    assert network.graph.input.shape == (1, 8, 7, 3)


@pytest.mark.parametrize("name", HOSTED)
def test_strict_refuses_with_call_line_and_reason(name: str) -> None:
    lines = r"host_networks\.py, line \d+\)$"
    with pytest.raises(ValueError, match=rf"^net\.\w+: .* must be .*, got .* \(.*{lines}"):
        quantized(make(HOSTED[name][0]), "net", "seeded", [inputs_of(name)[:1]], strict=True)


@pytest.mark.parametrize("name", NOWHERE)
def test_what_can_run_nowhere_is_refused(name: str) -> None:
    factory, sentence = NOWHERE[name]
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        quantized(make(factory), "net", "seeded", [IMAGES[:1]])


def test_the_line_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lined_network.py").write_text(
        "import torch\n"
        "from torch import nn\n\n\n"
        "class Inner(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return torch.cumsum(x, 1)\n\n\n"
        "def net():\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3), Inner(), nn.Conv2d(4, 4, 3))\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as caught:
        load_module("lined_network:net", calibration=[IMAGES[:1]], strict=True)
    sys.modules.pop("lined_network", None)
    assert str(caught.value).endswith(f"got cumsum ({tmp_path / 'lined_network.py'}, line 7)")
